"""Adding a source reads it at once; what was read can be read again."""

from __future__ import annotations

from ingest_support import item, rss
from program import Home, Result
from web_server import Answer, WebServer

TEXT = "The trust has told its board of a deficit of five million pounds, which savings will not close before the spring."
FEED = Answer(body=rss(item("1", "Deficit grows", TEXT), item("2", "Nurses wanted", f"{TEXT} More nurses are wanted.")))


def add(home: Home, address: str, *options: str) -> Result:
    return home.run("sources", "add", address, *options, ALLOW_ADDRESSES="127.0.0.1/32")


def listed(home: Home) -> str:
    return home.run("sources", "list").out


def page(*links: str) -> Answer:
    head = "".join(f'<link rel="alternate" type="application/rss+xml" href="{link}">' for link in links)
    return Answer(body=f"<!DOCTYPE html><html><head>{head}</head><body></body></html>".encode())


def test_a_feed_that_is_added_is_read_at_once_by_one_request(home: Home, server: WebServer) -> None:
    done = add(home, server.script("/feed", FEED), "--folder", "Press/North")
    assert (done.status, done.out) == (0, "Added as source 1: Harbour Health News; 2 new stories\n")
    assert len(server.asked("/feed")) == 1
    assert add(home, server.url("/feed")).complaint() == f"{server.url('/feed')} is a source already"
    assert len(server.asked("/feed")) == 1


def test_the_feed_of_a_page_is_found(home: Home, server: WebServer) -> None:
    feed = server.script("/news.xml", FEED)
    done = add(home, server.script("/", page("news.xml")), "--title", "Harbour")
    assert done.out == f"Added as source 1: Harbour, whose feed was found at {feed}; 2 new stories\n"
    assert feed in listed(home)


def test_a_page_with_several_feeds_offers_them_and_one_without_any_says_so(home: Home, server: WebServer) -> None:
    several = add(home, server.script("/a", page("one.xml", "two.xml"))).complaint()
    none = add(home, server.script("/b", page())).complaint()
    assert server.url("/one.xml") in several
    assert server.url("/two.xml") in several
    assert "offers no feed" in none
    assert server.url("/") not in listed(home)


def test_a_page_whose_feed_is_a_source_already_is_not_added(home: Home, server: WebServer) -> None:
    feed = server.script("/news.xml", FEED)
    add(home, feed)
    assert f"{feed} now, which is source 1 already" in add(home, server.script("/", page("news.xml"))).complaint()
    assert listed(home).count(server.url("/")) == 1


def test_a_source_that_does_not_answer_is_added_all_the_same(home: Home, server: WebServer) -> None:
    done = add(home, server.script("/feed", Answer(503)))
    assert done.status == 0
    assert done.out.startswith("Added as source 1, but it could not be read yet: the server answered 503 Service Unavailable.")


def test_a_source_can_be_left_to_the_service(home: Home, server: WebServer) -> None:
    done = add(home, server.script("/feed", FEED), "--later")
    assert "polled at the next tick" in done.out
    assert server.requests == []


def test_an_address_inside_the_network_is_told_how_to_be_allowed(home: Home, server: WebServer) -> None:
    done = home.run("sources", "add", server.script("/feed", FEED))
    assert "HEALTHWIRE_ALLOW_ADDRESSES" in done.out
    assert server.requests == []


def test_replay_tells_what_would_change_and_changes_it_only_when_told_to(home: Home, server: WebServer) -> None:
    add(home, server.script("/feed", FEED))
    rehearsed, done = home.run("replay", "--since", "2020-01-01"), home.run("replay", "--since", "2020-01-01", "--apply")
    same = "2 articles of 1 sources: 0 new, 0 edited, 0 with other topics, 0 withdrawn"
    assert rehearsed.out == f"{same}; nothing was written, add --apply to do it\n"
    assert done.out == f"{same}\n"
    assert home.run("replay", "--since", "2999-01-01").out.startswith("0 articles of 0 sources")
    assert "does not match the formats" in home.run("replay", "--since", "yesterday").err
