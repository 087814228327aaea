"""The description of the API (OpenAPI 3.1), made from what its views declare."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from flask import Flask
from werkzeug.exceptions import BadRequest

from feeds.text import plain_line
from feeds.web.contract import Operation, Parameter
from feeds.web.schemas import SCHEMAS, decisions, webhook_wish

_View = TypeVar("_View", bound=Callable[..., Any])
_OPERATION = "healthwire_operation"
_PROBLEMS = {
    400: "A parameter or the body cannot be used; the detail says how it should be.",
    401: "A curator's token is missing or not valid.",
    403: "There are as many webhooks as there may be.",
    404: "There is no such thing.",
    409: "The change log ends before that place; begin again.",
    410: "The story was withdrawn.",
    413: "The body is too long.",
    415: "The body is not of a type that can be read.",
    429: "You ask for too much; Retry-After says when to ask again.",
    503: "Not at the moment; try again shortly.",
}
_INTRODUCTION = (
    "Stories of health policy by topic. Every answer that can be kept has an ETag; ask again with `If-None-Match`. To keep a copy of all"
    " stories, follow `/api/v1/changes?since=0` by `next` to its end, and go on from `seq` whenever you like. Errors are problem documents"
    " (RFC 9457) that say what to do. The words that choose stories here make feeds, too: `/feeds/finance+workforce.atom?q=waiting`."
)


def described(operation: Operation) -> Callable[[_View], _View]:
    """Declares what a view answers to."""

    def declare(view: _View) -> _View:
        setattr(view, _OPERATION, operation)
        return view

    return declare


def check_names(view: Callable[..., Any] | None, names: Iterable[str], in_path: Container[str]) -> None:
    """Makes sure that a request names only parameters that its view declares: one that is misspelt must not count for nothing.

    Those ``in_path`` are said there already.

    Raises:
        BadRequest: it names others.
    """
    operation: Operation | None = getattr(view, _OPERATION, None)
    if operation is None:
        return
    known = [parameter.name for parameter in operation.parameters if parameter.name not in in_path]
    if unknown := sorted(set(names) - set(known)):
        there_are = f"there are: {', '.join(known)}" if known else "there are none"
        raise BadRequest(f"there is no parameter {plain_line(unknown[0])[:80]!r} here; {there_are}")


def operations(app: Flask) -> Iterator[tuple[str, Operation]]:
    """The paths, as templates, with what is declared for them."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        operation = getattr(app.view_functions[rule.endpoint], _OPERATION, None)
        if operation:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), operation


def openapi(app: Flask, base_url: str, topics: Sequence[str], topic: Parameter) -> dict[str, Any]:
    """The description of everything that the application's views declare; ``topic`` is the parameter that names feeds of topics."""
    paths: dict[str, dict[str, Any]] = {}
    schemas = SCHEMAS | {"Decisions": decisions(topics), "WebhookWish": webhook_wish(topic)}
    for path, operation in operations(app):
        paths.setdefault(path, {})[operation.method.lower()] = _described(path, operation, topic)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Healthwire", "version": "1", "description": _INTRODUCTION},
        "servers": [{"url": base_url}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"curator": {"type": "http", "scheme": "bearer"}}},
    }


def _described(path: str, operation: Operation, topic: Parameter) -> dict[str, Any]:
    named = re.findall(r"\{(\w+)\}", path)
    parameters = [topic if each.name == topic.name else each for each in operation.parameters]
    told: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', path.removeprefix('/api/v1/').lower()).strip('_')}",
        "summary": operation.summary,
        "parameters": [_parameter(each, "path" if each.name in named else "query") for each in parameters],
        "responses": {
            str(operation.status): _answer(operation),
            **{str(status): _problem(status) for status in sorted({400, 429, 503, *operation.errors})},
        },
    }
    if operation.body:
        schema = {"$ref": f"#/components/schemas/{operation.body}"}
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if operation.curators:
        told["security"] = [{"curator": []}]
    return told


def _parameter(parameter: Parameter, where: str) -> dict[str, Any]:
    told = {"name": parameter.name, "in": where, "description": parameter.description, "schema": parameter.schema}
    return told | ({"required": True} if where == "path" else {})


def _answer(operation: Operation) -> dict[str, Any]:
    if operation.status == 204:
        return {"description": operation.summary}
    schema = {"$ref": f"#/components/schemas/{operation.answer}"} if operation.answer else {"type": "string"}
    return {"description": operation.summary, "content": {operation.media: {"schema": schema}}}


def _problem(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _PROBLEMS[status], "content": content}
