"""The pages for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from feeds.drift import BAND_WEEKS
from feeds.model import PublishedStory, StoryQuery
from feeds.publish.channel import feed_path, page_path, source_path, story_path
from feeds.publish.documents import document
from feeds.publish.entry import provenance
from feeds.text import summary
from feeds.times import day, utc
from feeds.web.answer import answer, revalidated
from feeds.web.api import moment
from feeds.web.parts import drift_of, parts
from feeds.web.query import story_id as checked_id
from feeds.web.query import story_query

blueprint = Blueprint("pages", __name__)

_HTML = "text/html; charset=utf-8"
_STORIES = 30


def _capitalized(words: str) -> str:
    return words[:1].upper() + words[1:]


def _percent(share: float) -> str:
    # 99.7 % of confidence is not certainty.
    return f"{min(99, max(1, round(100 * share)))}%"


def _figure(number: float) -> str:
    return f"{number:.3f}"


def _share(part: float) -> str:
    return f"{part:.0%}"


FILTERS: dict[str, Callable[..., Any]] = {
    "figure": _figure,
    "share": _share,
    "day": day,
    "utc": utc,
    "capitalize_first": _capitalized,
    "source_path": source_path,
    "iso": moment,
    "percent": _percent,
    "summary": summary,
    "provenance": provenance,
    "feed_path": feed_path,
    "page_path": page_path,
    "story_path": story_path,
}


@blueprint.get("/")
def home() -> Response:
    return _listing("all")


@blueprint.get("/topics/<name>")
def topic(name: str) -> Response:
    # Asked first, so that an unknown topic is answered with the list of those there are.
    parts().documents.get(name)
    return _listing(name)


@blueprint.get("/stories/<story_id>")
def story(story_id: str) -> Response:
    found = parts().store.stories.get(checked_id(story_id))
    # The store holds only HTML that was cleaned on its way in.
    return _page("story.html", feed="all", story=found, body=Markup(found.html))  # noqa: S704 - see above


@blueprint.get("/quality")
def quality() -> Response:
    """How good the model in use is, and whether the news still looks like what it was made for."""
    site = parts()
    found = drift_of(site)
    weeks = site.store.weeks.latest(BAND_WEEKS + 1)
    # Models and weeks come without a change of a story, so the change log's date says nothing of this page.
    return revalidated(request, Response(rendered("quality.html", feed=None, model=site.judge.about(), drift=found, weeks=weeks)))


def _listing(feed: str) -> Response:
    site = parts()
    words = MultiDict({name: value for name, value in request.args.items() if name == "cursor"})
    query = story_query(words, site, feed=feed, limit=_STORIES)
    found = site.store.stories.page(query)
    return _page("stories.html", feed=feed, stories=found, older=_older(feed, query, found), first=query.before is None)


def _older(feed: str, query: StoryQuery, found: list[PublishedStory]) -> str | None:
    return f"{page_path(feed)}?{urlencode({'cursor': found[-1].id})}" if len(found) == query.limit else None


def _page(template: str, **values: Any) -> Response:
    site = parts()
    modified = site.documents.modified(site.store.stories.last_change())
    return answer(request, document(rendered(template, **values).encode(), _HTML, modified))


def rendered(template: str, **values: Any) -> str:
    """A page in the frame that all pages share."""
    site = parts()
    topics = {topic.name: topic for topic in site.topics}
    return render_template(template, topics=topics, counts=site.documents.counts(), **values)
