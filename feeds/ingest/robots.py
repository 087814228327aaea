"""What a site's robots.txt lets Healthwire fetch (RFC 9309)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

PRODUCT = "Healthwire"

# A parser must read at least so much and may leave the rest (section 2.5).
_LONGEST = 500 * 1024
_LONGEST_DELAY = 30.0

_AGENT = re.compile(rb"\*(?!\S)|[a-z_-]+", re.I)
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PLAIN = _UNRESERVED | frozenset(b"!$&'()*+,/:;=?@[]")
# In a query these are data, encoded or not (RFC 3986 section 3.4).
_PLAIN_IN_QUERY = frozenset(b"/?:@")
_OCTET = re.compile(rb"%[0-9a-f]{2}|.", re.I | re.S)


@dataclass(frozen=True, slots=True)
class _Rule:
    """``pieces`` must follow one another in a path, the first at its beginning and, if it ``ends``, the last at its end."""

    allows: bool
    length: int
    pieces: tuple[bytes, ...]
    ends: bool

    def matches(self, path: bytes) -> bool:
        # Each piece where it first fits: a later place never leaves more room for the others.
        first, *others = self.pieces
        if not path.startswith(first):
            return False
        at = len(first)
        last = others.pop() if self.ends and others else None
        for piece in others:
            found = path.find(piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        if last is not None:
            return len(path) - len(last) >= at and path.endswith(last)
        return not self.ends or at == len(path)


@dataclass(frozen=True, slots=True)
class _Group:
    """What a robots.txt says to one agent, all groups that name it together."""

    rules: tuple[_Rule, ...]
    delay: float


class Robots:
    """A site's word on what may be fetched from it, for one scheme, host and port.

    ``body`` and ``status`` are what the site answered for ``/robots.txt`` after redirects; None or a status of 0 for no answer.
    ``delay``: the seconds that it asks to leave between two fetches (Crawl-delay, at most 30), 0 if it does not ask.
    """

    def __init__(self, body: bytes | None, status: int) -> None:
        # Sections 2.3.1.3 and 2.3.1.4; too many requests (429) says nothing of what may be fetched, so wait.
        self._answered = body is not None and 200 <= status < 300
        self._open = 300 <= status < 500 and status != 429
        group = _group(body) if body is not None and self._answered else _Group((), 0.0)
        self._rules = group.rules
        self.delay = group.delay

    def allows(self, url: str) -> bool:
        """Whether the page at this address may be fetched; an address that cannot be read may not."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if self._open or parts.path == "/robots.txt":
            return True
        path = _address(parts.path, parts.query)
        return self._answered and next((rule.allows for rule in self._rules if rule.matches(path)), True)


def _group(body: bytes) -> _Group:
    """What is said to this product if any group names it, else what is said to everybody."""
    own, everybody = PRODUCT.lower().encode(), b"*"
    rules: dict[bytes, set[_Rule]] = {}
    delays: dict[bytes, float] = {}
    addressed: set[bytes] = set()
    in_rules = False
    for field, value in _records(body):
        if field == b"user-agent":
            if in_rules:
                addressed, in_rules = set(), False
            agent = _AGENT.match(value)
            if agent and agent[0].lower() in (own, everybody):
                addressed.add(agent[0].lower())
                rules.setdefault(agent[0].lower(), set())
        elif field in (b"allow", b"disallow"):
            in_rules = True
            for name in addressed if value else ():
                rules[name].add(_rule(value, allows=field == b"allow"))
        elif field == b"crawl-delay":
            # No record of RFC 9309, so it does not part the agents above it from the rules below (section 2.2.4).
            for name in addressed:
                delays[name] = max(delays.get(name, 0.0), _seconds(value))
    name = own if own in rules else everybody
    # The longest match wins, and of two as long the one that allows (section 2.2.2).
    ordered = sorted(rules.get(name, ()), key=lambda rule: (-rule.length, not rule.allows))
    return _Group(tuple(ordered), delays.get(name, 0.0))


def _records(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    lines = re.split(rb"[\r\n]+", body[:_LONGEST].removeprefix(b"\xef\xbb\xbf"))
    if len(body) > _LONGEST:
        # The last line may have been cut in its middle.
        lines.pop()
    for line in lines:
        field, colon, value = line.partition(b"#")[0].partition(b":")
        if colon:
            yield field.strip().lower(), value.strip()


def _rule(pattern: bytes, *, allows: bool) -> _Rule:
    ends = pattern.endswith(b"$")
    path, mark, query = pattern.removesuffix(b"$").replace(b"$", b"%24").partition(b"?")
    canonical = _canonical(path) + mark + _canonical(query, in_query=True)
    return _Rule(allows, len(canonical) + ends, tuple(re.sub(rb"\*+", b"*", canonical).split(b"*")), ends)


def _address(path: str, query: str) -> bytes:
    """A path and query as octets to be matched; a star or dollar sign in them is itself and stands for nothing (section 2.2.3)."""
    canonical = _without_dots(_canonical(path.encode("utf-8", "replace")) or b"/")
    if query:
        canonical += b"?" + _canonical(query.encode("utf-8", "replace"), in_query=True)
    return canonical.replace(b"*", b"%2A").replace(b"$", b"%24")


def _canonical(text: bytes, *, in_query: bool = False) -> bytes:
    """The octets with everything percent-encoded that cannot stand plain, and nothing that can (section 2.2.2)."""

    def canonical(found: re.Match[bytes]) -> bytes:
        octet = found[0]
        if len(octet) == 1:
            return octet if octet[0] in _PLAIN else b"%%%02X" % octet[0]
        value = int(octet[1:], 16)
        return bytes([value]) if value in _UNRESERVED or (in_query and value in _PLAIN_IN_QUERY) else octet.upper()

    return _OCTET.sub(canonical, text)


def _without_dots(path: bytes) -> bytes:
    """The path that is really asked for: "." and ".." name places, not files (RFC 3986 section 5.2.4)."""
    kept: list[bytes] = []
    segments = path.split(b"/")
    for segment in segments:
        if segment == b"..":
            if len(kept) > 1:
                kept.pop()
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return b"/".join(kept)


def _seconds(value: bytes) -> float:
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_DELAY) if math.isfinite(seconds) else 0.0
