"""How a source does, in plain words: for pages, programs, feeds and the command line.

Errors of folders and mailboxes quote paths, users and hosts of the operator's network, so the public is told less of them: see
``public_name``, ``public_error`` and ``public_event``.
"""

from __future__ import annotations

from typing import Literal

from feeds.model import Source, SourceEvent
from feeds.times import utc

State = Literal["failing", "stopped", "silent", "new", "ok"]
# Those that somebody should look at come first.
STATES: tuple[State, ...] = ("failing", "stopped", "silent", "new", "ok")
NOT_WELL: frozenset[State] = frozenset({"failing", "stopped", "silent"})

Kind = Literal["feed", "mailbox", "folder", "newsletter"]
_KINDS: dict[str, Kind] = {"file": "folder", "newsletter": "newsletter", "imap": "mailbox", "imaps": "mailbox", "maildir": "mailbox"}

_HAPPENED = {
    "broke": "broke",
    "recovered": "recovered",
    "moved": "moved",
    "stopped": "stopped",
    "silent": "fell silent",
    "spoke": "spoke again",
}
_AFTERWARDS = {
    "broke": "It is tried again by itself, more and more rarely; another entry tells when it delivers again.",
    "recovered": "It is polled as usual.",
    "moved": "Nothing needs to be done.",
    "stopped": "It is not polled until somebody resumes it.",
    "silent": "It is polled as before; another entry tells when something comes.",
    "spoke": "It is polled as before.",
}
# What is said in place of words that may quote a path, a user or a host.
_DISCREET = {"moved": "it has another address", "stopped": "it is not polled any more"}


def state(source: Source) -> State:
    """A source that fails cannot be known to be silent, so failing comes before."""
    if source.stopped:
        return "stopped"
    if source.failures:
        return "failing"
    if source.silent_since is not None:
        return "silent"
    return "new" if source.last_polled is None else "ok"


def since(source: Source) -> int | None:
    """When it began to fail or to be silent, if it does."""
    return {"failing": source.failing_since, "silent": source.silent_since}.get(state(source))


def kind(source: Source) -> Kind:
    return _KINDS.get(source.scheme, "feed")


def state_words(source: Source) -> str:
    """E.g. "failing since 3 March 2026 at 10:15 UTC, 4 times in a row"."""
    now, began = state(source), since(source)
    words: str = "not polled yet" if now == "new" else now
    if began is not None:
        words += f" since {utc(began)}"
    if now == "failing":
        words += ", once" if source.failures == 1 else f", {source.failures} times in a row"
    return words


def what_next(source: Source) -> str:
    """When it is looked at again and why then, in a sentence or two."""
    if source.stopped:
        return f"It is not polled any more{_because(source)}. To poll it again: healthwire sources resume {source.id}"
    if source.carrier is not None:
        return f"Its next issue is read when source {source.carrier} is polled."
    if source.next_poll is None:
        return "It is not polled by itself."
    again = "polled" if source.last_polled is None else "tried again" if source.failures else "polled again"
    return f"It is {again} on {utc(source.next_poll)}{_because(source)}."


def _because(source: Source) -> str:
    return f": {source.reason}" if source.reason else ""


def public_name(source: Source) -> str:
    """What to call it before everybody."""
    # A mailbox that was given no title is called by its host, and a user's name may be a part of its address too.
    private = kind(source) == "mailbox" and source.title.casefold() in source.url.casefold()
    return f"Mailbox {source.id}" if private else source.title or (source.url if source.is_public else f"Source {source.id}")


def public_error(source: Source) -> str | None:
    """Why it fails, as far as everybody may know."""
    return source.error if source.error is None or source.is_public else _discreet_error(source)


def _discreet_error(source: Source) -> str:
    return f"it could not be read; the operator's log and `healthwire sources show {source.id}` say why"


def public_event(event: SourceEvent) -> str:
    """What happened to it, as far as everybody may know."""
    if event.source.is_public or event.kind not in ("broke", "moved", "stopped"):
        return event.text
    return _DISCREET.get(event.kind) or _discreet_error(event.source)


def event_title(event: SourceEvent) -> str:
    """E.g. "Harbour Health News broke: the server answered 503 Service Unavailable"; the words up to the first semicolon."""
    return f"{public_name(event.source)} {_HAPPENED[event.kind]}: {public_event(event).partition('; ')[0]}"


def event_story(event: SourceEvent) -> tuple[str, str]:
    """Since when, what happened and why; and what happens next."""
    text = public_event(event)
    first = "Failing since" if event.kind == "broke" else "On"
    return f"{first} {utc(event.at)}: {text}{'' if text.endswith('.') else '.'}", _AFTERWARDS[event.kind]
