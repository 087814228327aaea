"""Liveness and readiness, for supervisors and monitors."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from feeds.errors import StoreError
from feeds.web.parts import WebParts, parts

blueprint = Blueprint("probes", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """The process answers; nothing else is asked of it."""
    return _uncached(Response("ok\n", content_type="text/plain; charset=utf-8"))


@blueprint.get("/readyz")
def ready() -> Response:
    """Database, model and ingest, each "ok" or with what is wrong; 503 unless all are ok."""
    checks = _checks(parts())
    response = jsonify(checks)
    response.status_code = 200 if all(check == "ok" for check in checks.values()) else 503
    return _uncached(response)


def _checks(site: WebParts) -> dict[str, str]:
    try:
        health = site.store.status.health()
    except StoreError as error:
        return {"database": str(error), "model": "unknown", "ingest": "unknown"}
    silent = site.clock() - health.heartbeat if health.heartbeat is not None else None
    return {
        "database": "ok",
        "model": "ok" if health.model else "no model is in use yet",
        "ingest": "ok" if silent is not None and silent <= site.patience else _silence(silent),
    }


def _silence(seconds: int | None) -> str:
    return "not heard of yet; is `healthwire ingest` running?" if seconds is None else f"not heard of for {seconds} s"


def _uncached(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
