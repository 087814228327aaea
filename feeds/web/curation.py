"""Where curators decide: the queue of stories that would teach most, and a story's topics, for people and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.exceptions import BadRequest, Forbidden

from feeds.model import Candidate
from feeds.publish.channel import story_path
from feeds.review import most_telling
from feeds.times import rfc3339
from feeds.web.answer import CHANGED
from feeds.web.api import as_json, json_response
from feeds.web.contract import LIMIT, STORY_ID, Operation, otherwise
from feeds.web.curators import ONLY_READS, check_same_site, curator_of_person, curator_of_program, is_signed_in, reads, sign_in, sign_out
from feeds.web.openapi import described
from feeds.web.parts import parts
from feeds.web.query import json_body
from feeds.web.query import story_id as checked_id

blueprint = Blueprint("curation", __name__)

_DAYS = 30
_CANDIDATES = 300
_QUEUE = 20
_LIMIT = otherwise(LIMIT, _QUEUE)
# In no cache, not even the browser's. Without a referrer of its own a browser calls the origin of our forms null.
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


# ---------------------------------------------------------------- programs


@blueprint.get("/api/v1/review")
@described(Operation("GET", "The stories whose labels would teach most", (_LIMIT,), answer="Queue", curators=True, errors=(401,)))
def queue() -> Response:
    """The stories whose labels would teach most."""
    curator_of_program()
    site = parts()
    found = _queue(_LIMIT.value(request.args))
    items = [{"value": item.value, "why": item.why, "story": as_json(item.story, site.base_url)} for item in found]
    return json_response({"items": items}, _PRIVATE)


@blueprint.get("/api/v1/stories/<story_id>/topics")
@described(Operation("GET", "A story's topics and who decided", (STORY_ID,), answer="StoryTopics", curators=True, errors=(401, 404, 410)))
def decisions(story_id: str) -> Response:
    """A story's topics, and who decided what on them and when."""
    curator_of_program()
    return json_response(_topics_of(checked_id(story_id)), _PRIVATE)


@blueprint.put("/api/v1/stories/<story_id>/topics")
@described(
    Operation(
        "PUT", "Decide on a story's topics", (STORY_ID,), body="Decisions", answer="StoryTopics", curators=True, errors=(401, 404, 410, 413)
    )
)
def decide(story_id: str) -> Response:
    """A curator's word on a story's topics."""
    curator = curator_of_program()
    site = parts()
    site.store.corrections.decide(checked_id(story_id), _decisions(json_body()), curator, site.clock())
    request.environ[CHANGED] = True
    return json_response(_topics_of(story_id), _PRIVATE)


def _topics_of(story_id: str) -> dict[str, Any]:
    site = parts()
    story = as_json(site.store.stories.get(story_id), site.base_url)
    made = [
        {"topic": each.topic, "about": each.about, "curator": each.curator, "at": rfc3339(each.at)}
        for each in site.store.corrections.of_story(story_id)
    ]
    return {"id": story_id, "topics": story["topics"], "confidence": story["confidence"], "decisions": made}


def _decisions(content: Any) -> Mapping[str, bool | None]:
    """What the body decides: a list names all topics of the story, an object only some, null hands one back to the model.

    Raises:
        BadRequest: it is neither, or names a topic that there is not.
    """
    names = [topic.name for topic in parts().topics]
    told = content.get("topics") if isinstance(content, dict) else None
    if isinstance(told, list) and all(isinstance(name, str) for name in told):
        decided: dict[str, bool | None] = {name: name in told for name in (*names, *told)}
    elif isinstance(told, dict) and told and all(about is None or isinstance(about, bool) for about in told.values()):
        decided = told
    else:
        raise BadRequest(
            'the body must be JSON such as {"topics": ["finance"]}, which names all topics of the story,'
            ' or {"topics": {"finance": true, "data": false, "workforce": null}}, where null hands a topic back to the model'
        )
    unknown = sorted(decided.keys() - set(names))
    if unknown:
        raise BadRequest(f"there is no topic {', '.join(unknown)}; there are: {', '.join(names)}")
    return decided


def _queue(number: int) -> list[Candidate]:
    site = parts()
    return most_telling(site.store.stories.candidates(site.clock() - _DAYS * 86_400, _CANDIDATES), number)


# ---------------------------------------------------------------- people


@blueprint.get("/sign-in")
def sign_in_page() -> Response:
    return _private("sign_in.html", wrong=False, wanted=request.args.get("next", ""))


@blueprint.post("/sign-in")
def signed_in() -> Response:
    check_same_site(parts())
    if not sign_in(request.form.get("token", "").strip()):
        response = _private("sign_in.html", wrong=True, wanted=request.form.get("next", ""))
        response.status_code = 403
        return response
    return _to(_own_path(request.form.get("next", "")) or ("/review" if curator_of_person() else "/"))


@blueprint.post("/sign-out")
def signed_out() -> Response:
    check_same_site(parts())
    sign_out()
    return _to("/")


@blueprint.get("/review")
def review() -> Response:
    """The queue, a form for each story."""
    if curator_of_person() is None:
        return _to_sign_in("/review")
    return _private("review.html", queue=_queue(_QUEUE))


@blueprint.get("/stories/<story_id>/topics")
def correct(story_id: str) -> Response:
    """A story's form, e.g. for a reader who found it under a wrong topic."""
    name = curator_of_person()
    if name is None:
        return _to_sign_in(f"{story_path(checked_id(story_id))}/topics")
    site = parts()
    story = site.store.stories.get(checked_id(story_id))
    return _private("correct.html", story=story, decisions=site.store.corrections.of_story(story_id))


@blueprint.post("/stories/<story_id>/topics")
def corrected(story_id: str) -> Response:
    """Every topic is decided by a form: its box is ticked or not."""
    site = parts()
    check_same_site(site)
    name = curator_of_person()
    if name is None:
        return _to_sign_in(f"{story_path(checked_id(story_id))}/topics")
    ticked = request.form.getlist("topic")
    about = {topic.name: topic.name in ticked for topic in site.topics}
    site.store.corrections.decide(checked_id(story_id), about, name, site.clock())
    request.environ[CHANGED] = True
    return _to(_own_path(request.form.get("next", "")) or story_path(story_id))


def _private(template: str, **values: Any) -> Response:
    site = parts()
    topics = {topic.name: topic for topic in site.topics}
    if not site.private or reads():
        values |= {"topics": topics, "counts": site.store.stories.counts()}
    return Response(render_template(template, feed=None, curator=curator_of_person(), **values), headers=_PRIVATE)


def _to_sign_in(place: str) -> Response:
    """Lets the visitor sign in, and come back to this place.

    Raises:
        Forbidden: who did already may only read.
    """
    if is_signed_in():
        raise Forbidden(ONLY_READS)
    return _to(f"/sign-in?next={place}")


def _to(place: str) -> Response:
    response = redirect(place, code=303)
    response.headers.update(_PRIVATE)
    assert isinstance(response, Response)  # noqa: S101 - for the type checker
    return response


def _own_path(place: str) -> str:
    """The place if it is a path of this site: a link may not send a curator elsewhere."""
    # Browsers leave out tabs and line ends, and take a backslash for a slash.
    own = place.startswith("/") and not place.startswith("//") and place.isprintable() and "\\" not in place
    return place if own else ""
