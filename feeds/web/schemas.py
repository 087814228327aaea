"""What the API's answers look like, as JSON Schema 2020-12, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from feeds.web.contract import MIN_CONFIDENCE, SEQ, SOURCE, ULID, Parameter, Q, callback

Schema = dict[str, Any]

_ID: Schema = {"type": "string", "pattern": f"^{ULID}$"}
_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {"type": "number"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_URL: Schema = {"type": "string", "format": "uri-reference"}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _object(**members: Schema) -> Schema:
    return {"type": "object", "properties": members, "required": list(members)}


def _plain(parameter: Parameter) -> Schema:
    return dict(parameter.schema)


_CALLBACK = _plain(callback("url", ""))
# In a body there is no default.
_SINCE = {name: value for name, value in SEQ.schema.items() if name != "default"}
_WEBHOOK = _object(
    id=_WHOLE,
    url=_CALLBACK,
    topic=_TEXT,
    q=_TEXT,
    source=_or_null(_WHOLE),
    min_confidence=_SHARE,
    state={"enum": ["active", "stopped"]},
    seq=_WHOLE,
    failures=_WHOLE,
    failing_since=_or_null(_MOMENT),
    next_try=_or_null(_MOMENT),
    error=_or_null(_TEXT),
    created=_MOMENT,
)

_STORY = _object(
    id=_ID,
    url=_URL,
    title=_TEXT,
    summary=_TEXT,
    html=_TEXT,
    text=_TEXT,
    published=_MOMENT,
    first_seen=_MOMENT,
    updated=_MOMENT,
    seq=_WHOLE,
    source=_named("SourceName"),
    article=_object(id=_ID, title=_TEXT, url=_or_null(_URL), position=_WHOLE, of=_WHOLE, note=_or_null(_TEXT)),
    topics=_list(_named("Tag")),
    confidence=_map(_SHARE),
    also_reported=_list(_object(id=_ID, source=_named("SourceName"), title=_TEXT, url=_or_null(_URL), published=_MOMENT)),
)

FIELDS = tuple(_STORY["properties"])
"""The members of a story."""

SCHEMAS: dict[str, Schema] = {
    "Problem": _object(type=_TEXT, title=_TEXT, status=_WHOLE, detail=_TEXT, instance=_TEXT),
    "SourceName": _object(id=_WHOLE, title=_TEXT, url=_or_null(_URL)),
    "Evidence": _object(term=_TEXT, weight=_NUMBER),
    "Tag": _object(topic=_TEXT, confidence=_SHARE, origin={"enum": ["model", "curator"]}, model=_TEXT, evidence=_list(_named("Evidence"))),
    "Story": _STORY,
    # With fields= only some members are there.
    "StoryPart": {"type": "object", "properties": _STORY["properties"], "required": ["id"]},
    "Stories": _object(items=_list(_named("StoryPart")), next=_or_null(_URL)),
    "Change": _object(
        seq=_WHOLE,
        at=_MOMENT,
        kind={"enum": ["new", "edited", "retagged", "merged", "withdrawn"]},
        id=_ID,
        story=_or_null(_named("Story")),
    ),
    "Changes": _object(items=_list(_named("Change")), next=_or_null(_URL), seq=_WHOLE),
    "Topics": _object(items=_list(_object(name=_TEXT, title=_TEXT, meaning=_TEXT, stories=_WHOLE, feed=_URL, page=_URL))),
    "Source": _object(
        id=_WHOLE,
        title=_TEXT,
        url=_or_null(_URL),
        home_url=_or_null(_URL),
        folder=_TEXT,
        kind=_TEXT,
        carrier=_or_null(_WHOLE),
        state=_TEXT,
        what_next=_TEXT,
        next_poll=_or_null(_MOMENT),
        why=_or_null(_TEXT),
        last_polled=_or_null(_MOMENT),
        last_success=_or_null(_MOMENT),
        last_new=_or_null(_MOMENT),
        failures=_WHOLE,
        failing_since=_or_null(_MOMENT),
        error=_or_null(_TEXT),
        silence=_or_null(_TEXT),
        silent_since=_or_null(_MOMENT),
        moved_to=_or_null(_URL),
        interval=_or_null(_WHOLE),
        usual_gap=_or_null(_WHOLE),
        full_text=_FLAG,
    ),
    "Sources": _object(items=_list(_named("Source"))),
    "Model": _map({}) | {"properties": {"made": _MOMENT}, "required": ["made", "drift"]},
    "Text": _object(title=_TEXT, text=_TEXT) | {"required": []},
    "Judged": _object(
        topics=_list(
            _object(
                topic=_TEXT,
                confidence=_SHARE,
                chosen=_FLAG,
                threshold=_NUMBER,
                score=_NUMBER,
                intercept=_NUMBER,
                evidence=_list(_named("Evidence")),
            )
        ),
        note=_or_null(_TEXT),
        model=_TEXT,
    ),
    "StoryTopics": _object(
        id=_ID,
        topics=_list(_named("Tag")),
        confidence=_map(_SHARE),
        decisions=_list(_object(topic=_TEXT, about=_or_null(_FLAG), curator=_TEXT, at=_MOMENT)),
    ),
    "Webhook": _WEBHOOK,
    "NewWebhook": _object(**_WEBHOOK["properties"], secret=_TEXT),
    "Webhooks": _object(items=_list(_named("Webhook"))),
    "Replay": _object(since=_SINCE),
    "Queue": _object(items=_list(_object(value=_NUMBER, why=_TEXT, story=_named("Story")))),
}


def decisions(topics: Sequence[str]) -> Schema:
    """What a curator sends: all topics of a story, or about some whether it is of them, null leaving that to the model."""
    about = {name: {"type": ["boolean", "null"]} for name in topics}
    some = {"type": "object", "properties": about, "additionalProperties": False, "minProperties": 1}
    return _object(topics={"anyOf": [_list({"enum": list(topics)}), some]})


def webhook_wish(topic: Parameter) -> Schema:
    """What a program sends that wants to be told: where, and of which stories from which place in the change log on."""
    choice = {each.name: _plain(each) for each in (topic, Q, SOURCE, MIN_CONFIDENCE)}
    return _object(url=_CALLBACK, **choice, since=_SINCE) | {"required": ["url"]}
