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


def _closed(schema: Schema) -> Schema:
    """With no other members."""
    return schema | {"additionalProperties": False}


def _meaning(schema: Schema, words: str) -> Schema:
    return schema | {"description": words}


def _plain(parameter: Parameter) -> Schema:
    return dict(parameter.schema)


_CALLBACK = _plain(callback("url", ""))
_SINCE = _plain(SEQ)
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

_ARTICLE = _object(
    id=_ID,
    title=_TEXT,
    url=_or_null(_URL),
    position=_meaning(_WHOLE, "The story's place in it, from 1."),
    of=_meaning(_WHOLE, "How many stories it tells; more than one make it a round-up."),
    note=_meaning(_or_null(_TEXT), "Why what may be a round-up was left whole."),
)
_STORY = _object(
    id=_ID,
    url=_meaning(_URL, "The original, or our own page if it has no address."),
    title=_TEXT,
    summary=_meaning(_TEXT, "How it begins, as plain text."),
    html=_meaning(_TEXT, "All of it, cleaned, with absolute addresses."),
    text=_meaning(_TEXT, "All of it as plain text."),
    published=_meaning(_MOMENT, "The source's own date, unless that is missing or in the future."),
    first_seen=_meaning(_MOMENT, "When it was read first; `since` compares with it."),
    updated=_meaning(_MOMENT, "When its words changed last."),
    seq=_meaning(_WHOLE, "Its place in the change log, where its last change stands."),
    source=_named("SourceName"),
    article=_meaning(_ARTICLE, "The entry or newsletter that it was in."),
    topics=_meaning(_list(_named("Tag")), "Those that it was given, surest first."),
    confidence=_meaning(_map(_SHARE), "How sure the model is of each topic, given or not."),
    also_reported=_meaning(
        _list(_object(id=_ID, source=_named("SourceName"), title=_TEXT, url=_or_null(_URL), published=_MOMENT)),
        "Who else told the same.",
    ),
)

FIELDS = tuple(_STORY["properties"])
"""The members of a story."""

SCHEMAS: dict[str, Schema] = {
    "Problem": _object(type=_TEXT, title=_TEXT, status=_WHOLE, detail=_TEXT, instance=_TEXT),
    "SourceName": _object(id=_WHOLE, title=_TEXT, url=_or_null(_URL)),
    "Evidence": _object(term=_TEXT, weight=_meaning(_NUMBER, "Its share of the score, in log-odds.")),
    "Tag": _object(
        topic=_TEXT,
        confidence=_meaning(_SHARE, "How sure it is; what a curator chose is certain."),
        origin=_meaning({"enum": ["model", "curator"]}, "Who chose it."),
        model=_meaning(_TEXT, "The version of the model that judged the story."),
        evidence=_meaning(_list(_named("Evidence")), "What spoke for it to the model, strongest first."),
    ),
    "Story": _STORY,
    # With fields= only some members are there.
    "StoryPart": {"type": "object", "properties": _STORY["properties"], "required": ["id"]},
    "Stories": _object(
        items=_list(_named("StoryPart")), next=_meaning(_or_null(_URL), "Where older ones are; null at the end. Also as a Link header.")
    ),
    "Change": _object(
        seq=_WHOLE,
        at=_MOMENT,
        kind=_meaning({"enum": ["new", "edited", "retagged", "merged", "withdrawn"]}, "The last that happened to it."),
        id=_meaning(_ID, "The story's."),
        story=_meaning(_or_null(_named("Story")), "As it is now; null if it was withdrawn."),
    ),
    "Changes": _object(
        items=_list(_named("Change")),
        next=_meaning(_or_null(_URL), "Where more of them are; null at the end."),
        seq=_meaning(_WHOLE, "The place that was reached: `since` for the next time."),
    ),
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
    "Text": _object(title=_TEXT, text=_TEXT)
    | {"required": [], "examples": [{"title": "Trusts freeze hiring", "text": "Vacancies stay open until the deficit is gone."}]},
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
    "Replay": _closed(_object(since=_SINCE)) | {"examples": [{"since": 0}]},
    "Queue": _object(items=_list(_object(value=_NUMBER, why=_TEXT, story=_named("Story")))),
}


def decisions(topics: Sequence[str]) -> Schema:
    """What a curator sends: all topics of a story, or about some whether it is of them, null leaving that to the model."""
    about = {name: {"type": ["boolean", "null"]} for name in topics}
    some = {"type": "object", "properties": about, "additionalProperties": False, "minProperties": 1}
    return _object(topics={"anyOf": [_list({"enum": list(topics)}), some]}) | {"examples": [{"topics": dict.fromkeys(topics[:1], True)}]}


def webhook_wish(topic: Parameter) -> Schema:
    """What a program sends that wants to be told: where, and of which stories from which place in the change log on."""
    choice = {each.name: _plain(each) for each in (topic, Q, SOURCE, MIN_CONFIDENCE)}
    example = {"url": "https://example.org/hook", "q": "deficit"}
    return _closed(_object(url=_CALLBACK, **choice, since=_SINCE)) | {"required": ["url"], "examples": [example]}
