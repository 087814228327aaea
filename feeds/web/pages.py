"""The pages for people."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup, escape

from feeds.drift import BAND_WEEKS
from feeds.model import StoryQuery
from feeds.publish.channel import source_path, story_path
from feeds.publish.document import document
from feeds.publish.entry import provenance
from feeds.publish.selection import feed_address, page_address, query_words
from feeds.text import plain_url, summary
from feeds.times import day, rfc3339, utc
from feeds.web.answer import answer, answer_once
from feeds.web.parts import drift_of, parts
from feeds.web.query import chosen, story_query
from feeds.web.query import story_id as checked_id

blueprint = Blueprint("pages", __name__)

HTML = "text/html; charset=utf-8"


def _capitalized(words: str) -> str:
    return words[:1].upper() + words[1:]


def _percent(share: float) -> str:
    # 99.7 % of confidence is not certainty.
    return f"{min(99, max(1, round(100 * share)))}%"


def _figure(number: float) -> str:
    return f"{number:.3f}"


def _share(part: float) -> str:
    return f"{part:.0%}"


def _coded(words: str) -> Markup:
    """What stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(words))))  # noqa: S704 - what was not ours is escaped


FILTERS: dict[str, Callable[..., Any]] = {
    "address": plain_url,
    "coded": _coded,
    "figure": _figure,
    "share": _share,
    "day": day,
    "utc": utc,
    "capitalize_first": _capitalized,
    "source_path": source_path,
    "iso": rfc3339,
    "percent": _percent,
    "summary": summary,
    "provenance": provenance,
    "feed_address": feed_address,
    "feed_path": lambda name, suffix="atom": feed_address(StoryQuery(name), suffix),
    "page_path": lambda name: page_address(StoryQuery(name)),
    "story_path": story_path,
}


@blueprint.get("/")
def home() -> Response:
    return _listing("all")


@blueprint.get("/topics/<names>")
def topic(names: str) -> Response:
    return _listing(parts().documents.canonical(names))


@blueprint.get("/search")
def search() -> Response:
    """The stories with some words; without any, the form to ask for them."""
    return _listing("all", searched=True)


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
    html = rendered("quality.html", feed=None, model=site.judge.about(), drift=found, weeks=weeks)
    return answer_once(request, document(html.encode(), HTML, None))


def _listing(feed: str, *, searched: bool = False) -> Response:
    site = parts()
    words = ("q", "source", "min_confidence", "limit", "cursor", *(["topic"] if searched else []))
    query = story_query(chosen(request.args, *words), site, feed=feed)
    asked = not searched or bool(query_words(query))
    found, older = site.store.stories.walk(query) if asked else ([], None)
    shown = replace(query, before=None)
    title, meaning = site.documents.titled(shown)
    return _page(
        "stories.html",
        query=shown,
        feed=None if searched else shown.feed,
        title=title,
        meaning=meaning,
        searched=searched,
        asked=asked,
        stories=found,
        older=_older(shown, older),
        first=query.before is None,
    )


def _older(query: StoryQuery, cursor: str | None) -> str | None:
    address = page_address(query)
    return f"{address}{'&' if '?' in address else '?'}{urlencode({'cursor': cursor})}" if cursor else None


def _page(template: str, **values: Any) -> Response:
    site = parts()
    modified = site.documents.modified(site.store.stories.last_change())
    return answer(request, document(rendered(template, **values).encode(), HTML, modified))


def rendered(template: str, **values: Any) -> str:
    """A page in the frame that all pages share."""
    site = parts()
    topics = {topic.name: topic for topic in site.topics}
    return render_template(template, topics=topics, counts=site.store.stories.counts(), **values)
