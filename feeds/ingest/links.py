"""Links that lead through a click tracker, made to lead straight to their target. Pure: no server is asked where a link goes."""

from __future__ import annotations

import base64
import json
import re
import string
from collections.abc import Iterator
from itertools import chain
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from feeds.text import LONGEST_ADDRESS, web_url

_NESTED = 5
_MOST_PARAMETERS = 100

# Labels of host names, and steps of paths, that only a click tracker has.
_TRACKERS = re.compile(
    r"(?:click\w*|clk|track|tracking|tracker|trk|links?|lnks?|redirect\w*|redir|outbound|out|url|urls|safelinks?|linkprotect"
    r"|urldefense|awstrack|secure-web|emailprotection)(?:-?\d+)?"
)
# Labels that others have too, so that they count only where the path says nothing.
_PERHAPS_TRACKERS = re.compile(r"(?:go|r|t|e|l|c|ct|em|email|mail|mailer|news)\d*")
_TRACKER_STEPS = re.compile(rf"{_TRACKERS.pattern}|r|rd|away|go|goto|l|ls|lt|cl|c|ct|t|tr|e|exit|leave|jump|cl0|l0")
# Links that carry an address without leading there: to share it, translate it, check it, show an old copy, or come back to it.
_OTHERS = frozenset(
    "share sharer sharing sharearticle intent submit submitlink save bookmark pin compose send translate translator validator validate"
    " check checker archive wayback webcache cache preview proxy embed oembed image images img print login log-in log_in logon signin"
    " sign-in sign_in logout signout auth oauth oauth2 authorize sso saml idp cas account accounts register signup sign-up"
    " subscribe unsubscribe".split()
)
_NAMES = tuple(
    "url u target redirect redirect_url redirecturl redirectto redir dest destination desturl link href to goto go out location uri"
    " landing a l r rd uddg murl ued".split()
)
# Parameters that name a page to come back to, or the one that the reader came from.
_WAYS_BACK = re.compile(r"return|back|next|continue|callback|service|ref|source|from|origin|state|redirect_uri", re.I)

_ADDRESS = re.compile(r"https?://", re.I)
_RAW_ADDRESS = re.compile(r"/(https?):/{1,2}(?=[^/])", re.I)
_BASE64_ADDRESS = re.compile(r"aHR0c(?:HM6Ly|DovL)[\w+/-]+")
_BASE64_OBJECT = re.compile(r"eyJ[\w+/-]+")
_SUFFIX = re.compile(r"\.(?:php|aspx?|ashx|html?|jsp|cgi|do)$")
_RUNS = {letter: length for length, letter in enumerate(string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_", 2)}


def detracked(url: str) -> str:
    """The address that a click-tracking link leads to, if it stands in the link itself, else the link as given.

    Trackers inside trackers are followed a few levels deep. Links that carry an address for another purpose, such as
    sharing, translating or signing in, stay as they are.
    """
    for _ in range(_NESTED):
        target = _target(url)
        if target is None:
            break
        url = target
    return url


def _target(url: str) -> str | None:
    if len(url) > LONGEST_ADDRESS:
        return None
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
    except ValueError:
        return None
    labels = host.split(".")
    steps = [_SUFFIX.sub("", unquote(step).lower()) for step in parts.path.split("/") if step]
    if parts.scheme not in ("http", "https") or _OTHERS.intersection(chain(labels, steps)):
        return None
    tracks = (
        any(map(_TRACKERS.fullmatch, labels))
        or any(map(_TRACKER_STEPS.fullmatch, steps))
        or (not steps and len(labels) > 2 and bool(_PERHAPS_TRACKERS.fullmatch(labels[0])))
    )
    candidates = _urldefense(parts) if "urldefense" in labels else chain(_known(host, url, parts), _hidden(parts, tracks))
    targets = (web_url(candidate.strip().replace(" ", "%20")) for candidate in candidates if _ADDRESS.match(candidate.strip()))
    target = next(filter(None, targets), None)
    if target and parts.fragment and "#" not in target:
        # As a redirect would (RFC 9110 section 10.2.2).
        target = f"{target}#{parts.fragment}"
    return target if target != url else None


def _known(host: str, url: str, parts: SplitResult) -> Iterator[str]:
    """What is particular to one service."""
    if re.search(r"(?:^|\.)google(?:\.\w{2,3}){1,2}$", host) and parts.path == "/url":
        yield from (value for name, value in _parameters(parts.query) if name in ("q", "url"))
    elif re.search(r"(?:^|\.)youtube\.com$", host) and parts.path == "/redirect":
        yield from (value for name, value in _parameters(parts.query) if name == "q")
    elif host.endswith(".govdelivery.com") and "&&&" in url:
        yield url.rpartition("&&&")[2]
    elif host == "protect.checkpoint.com":
        yield url.partition("___")[2].partition("___")[0]


def _hidden(parts: SplitResult, tracks: bool) -> Iterator[str]:
    """The addresses in any link, likeliest first; those that are not encoded only if the link looks like one that tracks."""
    pairs = list(_parameters(parts.query))
    if tracks:
        named = {name.lower(): value for name, value in reversed(pairs)}
        yield from (named[name] for name in _NAMES if name in named)
        yield from map(_unquoted, parts.path.split("/"))
        if raw := _RAW_ADDRESS.search(parts.path):
            yield f"{raw[1]}://{parts.path[raw.end() :]}" + (f"?{parts.query}" if parts.query else "")
    values = [*map(unquote, parts.path.split("/")), *(value for name, value in pairs if not _WAYS_BACK.match(name))]
    yield from (_from_base64(found[0]) for value in values if (found := _BASE64_ADDRESS.search(value)))
    if tracks:
        for value in values:
            for found in _BASE64_OBJECT.finditer(value):
                yield from _in_object(_from_base64(found[0]))


def _parameters(query: str) -> Iterator[tuple[str, str]]:
    """The parameters of a query; an address that stands in it unencoded, with parameters of its own, goes on to its end."""
    start = 0
    for pair in query.split("&", _MOST_PARAMETERS):
        name, equals, value = pair.partition("=")
        if _ADDRESS.match(value) and "?" in value:
            yield name, query[start + len(name + equals) :]
            return
        yield name, _unquoted(value)
        start += len(pair) + 1


def _unquoted(value: str) -> str:
    """The value without its percent encoding, of which some trackers put on two layers."""
    for _ in range(3):
        value = unquote(value)
        if not re.match(r"https?%", value, re.I):
            break
    return value


def _from_base64(value: str) -> str:
    """What a value means in either alphabet of base64, padded or not (RFC 4648); nothing if that is no text."""
    urlsafe = value.translate(str.maketrans("+/", "-_"))
    try:
        return base64.urlsafe_b64decode(urlsafe + "=" * (-len(urlsafe) % 4)).decode("utf-8")
    except ValueError:
        return ""


def _in_object(document: str, depth: int = 3) -> Iterator[str]:
    """The addresses among the strings of a JSON object, and of those inside it, whether nested or written as strings."""
    try:
        values: Any = json.loads(document)
    except (ValueError, RecursionError):
        return
    for value in values.values() if isinstance(values, dict) else ():
        if isinstance(value, str) and _ADDRESS.match(value):
            yield value
        elif depth and isinstance(value, str) and value.startswith("{"):
            yield from _in_object(value, depth - 1)
        elif depth and isinstance(value, dict):
            yield from _in_object(json.dumps(value), depth - 1)


def _urldefense(parts: SplitResult) -> Iterator[str]:
    """The address inside a link of Proofpoint's URL Defense, whose three versions encode it differently."""
    address = f"{parts.path}?{parts.query}" if parts.query else parts.path
    if parts.path.startswith("/v3/__"):
        hidden, _, rest = address.removeprefix("/v3/__").partition("__;")
        yield _version_3(re.sub(r"^(https?:/)(?!/)", r"\1/", hidden), _from_base64(rest.partition("!")[0]))
    for name, value in _parameters(parts.query):
        if name == "u":
            yield unquote(value.replace("-", "%").replace("_", "/")) if parts.path.startswith("/v2/") else value


def _version_3(hidden: str, characters: str) -> str:
    """Puts the characters that were taken out back in: one for ``*``, as many as a letter says for ``**letter``."""
    left = iter(characters)

    def put_back(token: re.Match[str]) -> str:
        return "".join(next(left, "") for _ in range(_RUNS.get(token[1], 1) if token[1] else 1))

    return re.sub(r"\*(?:\*(.))?", put_back, hidden)
