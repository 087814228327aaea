"""Outside text made fit to keep: safe HTML, plain words, canonical addresses."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

import nh3

_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "cite", "code", "dd", "del", "dl", "dt", "em", "figcaption", "figure"),
    *("h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p", "pre", "q", "s", "small", "strong"),
    *("sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "td": {"colspan"}, "th": {"colspan"}}

# What XML 1.0 section 2.2 does not allow, and the invisible marks that only confuse matching.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
# No address in use is longer; taking a longer one apart would take time and memory that a hostile source could choose.
LONGEST_ADDRESS = 8000
# What a path or query may hold as it is (RFC 3986 sections 3.3 and 3.4); of all parts only the host may be in brackets (section 3.2.2).
_MARKS = "!$&'()*+,;=:@/?"
_HOST_MARKS = "!$&'()*+,;=:@[]"
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Tags that part words.
_BREAK = re.compile(r"</?(?:br|p|div|li|h[1-6]|td|th)\b[^<>]*>", re.I)
_SPACE = re.compile(r"[\s\u00a0]+")

# Parameters that tell a publisher who clicked where and never what is shown.
_TRACKING = re.compile(r"^(utm_\w+|mc_[ce]id|fbclid|gclid|msclkid|igshid|at_\w+|ns_\w+|cmpid|mkt_tok|_hs\w+|hs\w+|trk\w*)$", re.I)


def clean_html(markup: str) -> str:
    """HTML that no reader's browser will run anything from, with absolute http(s), mailto and tel links only."""
    return nh3.clean(
        scrub(markup),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "tel"},
        url_relative="deny",
        link_rel="noopener noreferrer",
    )


def scrub(text: str) -> str:
    """The text without characters that XML cannot carry."""
    return _ILLEGAL.sub("", text)


def plain_line(text: str) -> str:
    """One line of plain text: entities stay as written, white space collapsed, invisible characters gone."""
    return _SPACE.sub(" ", _INVISIBLE.sub("", scrub(text))).strip()


def title_line(markup: str) -> str:
    """A title from a feed, which may hold markup or entities once or twice escaped, as plain text."""
    text = html.unescape(markup)
    if re.search(r"</?[a-zA-Z][^<>]*>|&[a-z]+;|&#\d+;", text):
        text = html.unescape(re.sub(r"</?[a-zA-Z][^<>]*>", "", _BREAK.sub(" ", text)))
    return plain_line(text)


def summary(text: str, limit: int = 280) -> str:
    """The beginning of the text on one line, cut at a word, at most ``limit`` characters."""
    return _summary(text[: 10 * limit], limit)


# Whenever a feed changes, nearly all of its stories are what they were.
@lru_cache(maxsize=1000)
def _summary(beginning: str, limit: int) -> str:
    line = plain_line(beginning)
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:-\u2013") + "\u2026"


def canonical_url(url: str | None) -> str | None:
    """The address without what differs between two links to one page; None when it is not a web address.

    Dropped: tracking parameters, fragment, default port, trailing slash, ``www.``; scheme and host in lower case.
    """
    if not url or len(url) > LONGEST_ADDRESS:
        return None
    try:
        parts = urlsplit(scrub(url).strip())
        host = re.sub(r"^(?:www\.)+", "", parts.hostname or "")
        port = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or re.search(r"\s", host):
        return None
    if ":" in host:
        host = f"[{host}]"
    if port and port not in (80, 443):
        host = f"{host}:{port}"
    query = urlencode(sorted((k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)))
    return urlunsplit(("https", host, re.sub(r"[\s/]+$", "", parts.path), query, ""))


def web_url(url: str | None) -> str | None:
    """The address as given when it is a well-formed http(s) one, else None."""
    url = scrub(url or "").strip()
    return url if canonical_url(url) and not re.search(r"[\s<>\"]", url) else None


# Many stories share their source and their round-up.
@lru_cache(maxsize=500)
def plain_url(url: str | None) -> str | None:
    """A web address in the characters that every format and reader takes (RFC 3986), so that it is the same wherever it is shown; None
    if it is no web address.
    """
    url = web_url(url)
    if not url:
        return None
    scheme, host, *rest = urlsplit(url)
    return urlunsplit((scheme, _plain_host(host), *(escaped(part) for part in rest)))


def _plain_host(host: str) -> str:
    if host.isascii() or "@" in host:
        return escaped(host, _HOST_MARKS)
    try:
        # Of names in other scripts it is what is looked up (RFC 3490).
        return host.encode("idna").decode()
    except UnicodeError:
        return escaped(host, _HOST_MARKS)


def escaped(part: str, marks: str = _MARKS) -> str:
    """A part of an address in the characters that it may hold; what is escaped already stays so."""
    return quote(_STRAY_PERCENT.sub("%25", scrub(part)), f"{marks}%")


def absolute_url(href: str, base: str | None) -> str | None:
    """The web address that a link in a document at ``base`` leads to; None when it leads elsewhere, or is empty.

    White space in it is treated as browsers do (URL Standard section 4.4).
    """
    href = re.sub(r"[\t\r\n]", "", href).strip().replace(" ", "%20")
    try:
        return web_url(href if href.startswith(("https://", "http://")) else urljoin(base or "", href)) if href else None
    except ValueError:
        return None
