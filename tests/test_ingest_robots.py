"""What a robots.txt allows. Expected answers are worked out from RFC 9309 by hand."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from feeds.ingest.robots import Robots

SITE = "https://press.example.org"


def allows(robots: str | bytes, address: str) -> bool:
    body = robots.encode() if isinstance(robots, str) else robots
    return Robots(body, 200).allows(SITE + address)


@pytest.mark.parametrize(
    ("status", "body", "allowed"),
    [
        (200, b"", True),
        (204, b"", True),
        (200, b"<!doctype html><title>Not found</title>", True),
        (304, None, True),
        (401, None, True),
        (403, b"User-agent: *\nDisallow: /", True),
        (404, None, True),
        (410, None, True),
        (429, None, False),
        (500, b"", False),
        (503, None, False),
        (0, None, False),
        (200, None, False),
    ],
)
def test_no_robots_file_allows_all_and_a_failing_server_nothing(status: int, body: bytes | None, allowed: bool) -> None:
    assert Robots(body, status).allows(f"{SITE}/news/1") is allowed


@pytest.mark.parametrize("status", [200, 404, 503, 0])
def test_the_robots_file_itself_may_always_be_fetched(status: int) -> None:
    assert Robots(b"User-agent: *\nDisallow: /", status).allows(f"{SITE}/robots.txt")


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        ("User-agent: Healthwire\nDisallow: /news", False),
        ("USER-AGENT: hEALTHWIRE\nDISALLOW: /news", False),
        ("User-agent: Healthwire/1.0\nDisallow: /news", False),
        ("User-agent: Health\nDisallow: /news", True),
        ("User-agent: Healthwire-Images\nDisallow: /news", True),
        ("User-agent: NotHealthwire\nDisallow: /news", True),
        ("User-agent: *\nDisallow: /news", False),
        ("User-agent: * # everybody\nDisallow: /news # please", False),
        ("User-agent: *bot\nDisallow: /news", True),
        # Who has a group of its own need not read that for everybody.
        ("User-agent: Healthwire\nDisallow: /drafts\n\nUser-agent: *\nDisallow: /", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Healthwire\nDisallow:", True),
        # Groups of one agent are one group, and agents above the same rules share them.
        ("User-agent: Healthwire\nDisallow: /drafts\n\nUser-agent: Other\nAllow: /\n\nUser-agent: healthwire\nDisallow: /news", False),
        ("User-agent: Other\nUser-agent: Healthwire\n\n\nDisallow: /news", False),
        ("User-agent: Healthwire\nUser-agent: Other\nDisallow: /news", False),
        ("User-agent: Healthwire\nDisallow: /drafts\nUser-agent: Other\nDisallow: /news", True),
        # Records of another kind part nothing.
        ("User-agent: Healthwire\nSitemap: https://press.example.org/s.xml\nDisallow: /news", False),
        ("User-agent: Healthwire\nCrawl-delay: 2\nUser-agent: Other\nDisallow: /news", False),
        # Rules above the first agent are nobody's.
        ("Disallow: /news\nUser-agent: *\nDisallow: /drafts", True),
        ("nonsense\n\n:\nUser-agent: *\nDisallow: /news", False),
    ],
)
def test_the_group_that_names_healthwire_counts_else_that_for_everybody(robots: str, allowed: bool) -> None:
    assert allows(robots, "/news/1") is allowed


@pytest.mark.parametrize(
    ("rules", "address", "allowed"),
    [
        ("Disallow: /news\nAllow: /news/open", "/news/open/1", True),
        ("Allow: /news/open\nDisallow: /news", "/news/shut", False),
        ("Allow: /news\nDisallow: /news", "/news", True),
        ("Disallow: /news\nAllow: /news", "/news", True),
        ("Disallow: /news/\nAllow: /*.html", "/news/a.html", True),
        ("Allow: /n*\nDisallow: /news/", "/news/a", False),
        ("Disallow:", "/news", True),
        ("Disallow: /", "/", False),
        ("Disallow: /", "", False),
        ("Disallow: /News", "/news", True),
        ("Disallow: /news", "/newsletter", False),
        ("Disallow: /news/", "/news", True),
        ("Disallow: news", "/news", True),
        ("Disallow: /*print", "/news/1?view=print", False),
        ("Disallow: /*print", "/news/1", True),
        ("Disallow: *.pdf$", "/a.pdf", False),
        ("Disallow: *.pdf$", "/a.pdf?page=2", True),
        ("Disallow: /*.pdf$", "/a.pdf.html/b.pdf", False),
        ("Disallow: /a$", "/a", False),
        ("Disallow: /a$", "/ab", True),
        ("Disallow: /a*b*c$", "/a-b-c-c", False),
        ("Disallow: /ab*b$", "/ab", True),
        ("Disallow: /*$", "/x", False),
        ("Disallow: /***x", "/yx", False),
        ("Disallow: /a$b", "/a$b", False),
        ("Disallow: /a%24", "/a$", False),
        ("Disallow: /price-%2A", "/price-*", False),
        ("Disallow: /price-%2A", "/price-9", True),
        ("Disallow: /caf%C3%A9", "/café", False),
        ("Disallow: /café", "/caf%c3%a9", False),
        ("Disallow: /%62%61%7A", "/baz", False),
        ("Disallow: /baz", "/%62%61%7a", False),
        ("Disallow: /a%2fb", "/a%2Fb", False),
        ("Disallow: /a%2Fb", "/a/b", True),
        ("Disallow: /go?to=https://other.example", "/go?to=https%3A%2F%2Fother.example", False),
        ("Disallow: /go?to=https%3A%2F%2Fother.example", "/go?to=https://other.example", False),
        ("Disallow: /shut", "/./shut/1", False),
        ("Disallow: /shut", "/open/../shut", False),
        ("Disallow: /shut", "/open/%2e%2E/shut", False),
        ("Disallow: /open/$", "/open/x/..", False),
        ("Disallow: /shut", "/../../shut", False),
        ("Disallow: /news", "/a#/news", True),
        ("Disallow: /a b", "/a%20b", False),
        ("Disallow: /100%$", "/100%25", False),
    ],
)
def test_the_longest_rule_that_matches_decides(rules: str, address: str, allowed: bool) -> None:
    assert allows(f"User-agent: *\n{rules}", address) is allowed


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", " \t\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_line_ends_and_byte_order_marks_do_not_matter(end: str, mark: bytes) -> None:
    robots = mark + end.join(["User-agent:Healthwire", "  disallow :\t/news  ", "Allow: /"]).encode()

    assert not allows(robots, "/news/1")
    assert allows(robots, "/other")


@pytest.mark.parametrize(
    ("records", "delay"),
    [
        ("User-agent: *\nDisallow: /x", 0),
        ("User-agent: *\nCrawl-delay: 5", 5),
        ("User-agent: *\nDisallow: /x\nCrawl-Delay: 1.5", 1.5),
        ("User-agent: *\nCrawl-delay: 86400", 30),
        ("User-agent: *\nCrawl-delay: -1", 0),
        ("User-agent: *\nCrawl-delay: nan", 0),
        ("User-agent: *\nCrawl-delay: inf", 0),
        ("User-agent: *\nCrawl-delay: soon", 0),
        ("User-agent: Healthwire\nAllow: /\n\nUser-agent: *\nCrawl-delay: 9", 0),
        ("User-agent: Healthwire\nCrawl-delay: 2\nDisallow: /x\n\nUser-agent: *\nCrawl-delay: 9", 2),
        ("User-agent: *\nCrawl-delay: 2\nCrawl-delay: 4\nCrawl-delay: 3", 4),
        ("Crawl-delay: 5", 0),
    ],
)
def test_the_delay_that_is_asked_for(records: str, delay: float) -> None:
    assert Robots(records.encode(), 200).delay == delay


def test_only_a_file_that_was_answered_asks_for_a_delay() -> None:
    assert Robots(b"User-agent: *\nCrawl-delay: 5", 404).delay == 0


def test_what_stands_behind_the_first_500_kib_is_not_read() -> None:
    filler = b"# " + b"x" * 1021 + b"\n"
    head = b"User-agent: *\nDisallow: /drafts\n" + filler * 499
    cut = head + b"#" * (500 * 1024 - len(head) - len(b"\nDisallow: /")) + b"\nDisallow: /news\nDisallow: /late\n"

    assert not allows(cut, "/drafts")
    assert allows(cut, "/late")
    # Half of a line would say something else than the whole.
    assert allows(cut, "/other")


@pytest.mark.parametrize("url", ["https://[::1/x", "https://press.example.org:port]/"])
def test_an_address_that_cannot_be_read_may_not_be_fetched(url: str) -> None:
    assert not Robots(b"", 200).allows(url)


HOSTILE = {
    "stars": b"User-agent: *\n" + b"Disallow: /" + b"*a" * 200_000 + b"b$\n",
    "many stars": b"User-agent: *\n" + b"".join(b"Disallow: /%d*a*a*a*a*a*b$\nDisallow: /*a*a*a*b%d\n" % (n, n) for n in range(8000)),
    "agents": b"User-agent: *\n" * 16_000 + b"Disallow: /x\n" * 16_000,
    "agents in turn": b"User-agent: *\nUser-agent: healthwire\nDisallow: /x\n" * 9000,
    "colons": b"User-agent: *\nDisallow: /x\n" + b":" * 400_000,
    "percent signs": b"User-agent: *\nDisallow: /" + b"%" * 400_000,
    "one line": b"User-agent: *" + b"\0" * 400_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_hang_the_reader_is_read_like_any_other(name: str) -> None:
    started = time.process_time()

    assert Robots(HOSTILE[name], 200).allows(f"{SITE}/{'a' * 4000}")

    assert time.process_time() - started < 5


LINES = st.sampled_from(
    ["User-agent: *", "User-agent: Healthwire", "User-agent: Other", "Disallow: /a", "Allow: /a/b", "Disallow: /*b$", "Disallow:", ""]
)


@given(st.lists(LINES, max_size=12), st.sampled_from(["/a", "/a/b", "/b", "/c"]))
def test_a_group_of_its_own_makes_all_others_irrelevant(lines: list[str], address: str) -> None:
    own = "User-agent: Healthwire\nDisallow: /a/b\n"

    assert allows(own + "\n".join(["User-agent: Other", *lines]).replace("Healthwire", "Another"), address) is (address != "/a/b")


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"User-agent: *\nDisallow: {text}\n".encode("utf-8", "replace")))
def test_any_bytes_give_an_answer(body: bytes) -> None:
    robots = Robots(body, 200)

    assert robots.allows(f"{SITE}/robots.txt")
    assert isinstance(robots.allows(f"{SITE}/news"), bool)
    assert 0 <= robots.delay <= 30


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30))
def test_a_rule_made_from_an_address_matches_that_address_and_what_lies_below(name: str) -> None:
    pattern = name.replace("*", "%2A").replace("$", "%24").replace("#", "%23").replace("?", "%3F").strip()
    address = name.strip().replace("#", "%23").replace("?", "%3F")
    assume(pattern and not set(address.split("/")) & {".", "..", ""} and "%" not in address.replace("%23", "").replace("%3F", ""))
    robots = f"User-agent: *\nDisallow: /{pattern}"

    assert not allows(robots, f"/{address}")
    assert not allows(robots, f"/{address}/below")
