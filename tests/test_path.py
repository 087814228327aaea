"""The whole road once: a source's bytes on the network, polls, stories, and what a feed reader is served."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from ingest_support import item, rss
from lxml import etree
from program import PATIENCE, Service, eventually, make_home, serving, write_opml
from web_server import Answer, web_server
from website import atom, texts

ROUND_UP = """&lt;h3&gt;Deficit doubles at Harrow&lt;/h3&gt;
&lt;p&gt;The trust's deficit doubled to £40m and its savings plan is £12m behind budget, the finance director said on Monday.&lt;/p&gt;
&lt;p&gt;&lt;a href='https://press.example.org/deficit'&gt;Read more&lt;/a&gt;&lt;/p&gt;
&lt;h3&gt;Nurses vote to strike at Leeds&lt;/h3&gt;
&lt;p&gt;Nurses and midwives will strike over pay in April after a third of nursing posts stayed vacant, their union said.&lt;/p&gt;
&lt;p&gt;&lt;a href='https://press.example.org/strike'&gt;Read more&lt;/a&gt;&lt;/p&gt;
&lt;h3&gt;Records of 4,000 patients shared by mistake&lt;/h3&gt;
&lt;p&gt;A fault in the new digital record system let staff of other trusts open the data of 4,000 patients, an audit found.&lt;/p&gt;
&lt;p&gt;&lt;a href='https://press.example.org/records'&gt;Read more&lt;/a&gt;&lt;/p&gt;"""
FIRST = item("1", "Monday round-up", ROUND_UP)
SECOND = item("2", "Tariff cut leaves hospitals £90m short", "A cut to the tariff leaves hospitals £90m short of their budgets.")


def feed(service: Service, name: str) -> etree._Element:
    status, headers, body = service.get(f"/feeds/{name}.atom")
    assert (status, headers["content-type"]) == (200, "application/atom+xml; charset=utf-8")
    return atom(body)


def titles(service: Service, name: str) -> list[str]:
    return texts(feed(service, name), "a:entry/a:title")


def test_bytes_of_a_source_become_stories_in_the_feeds_of_their_topics(tmp_path: Path, models: Path) -> None:
    home = make_home(tmp_path, models)
    with web_server() as server:
        address = server.script("/feed", Answer(body=rss(FIRST), headers={"ETag": 'W/"one"', "Content-Type": "application/rss+xml"}))
        settings = {"SOURCES": str(write_opml(tmp_path, address)), "ALLOW_ADDRESSES": "127.0.0.0/8"}
        # As often as can be, so that the test need not wait.
        settings |= {"POLL_INTERVAL": "1", "POLL_MIN_INTERVAL": "1", "BASE_URL": "https://news.example.org/"}
        with serving(home, **settings) as service:
            eventually(lambda: titles(service, "all"))
            assert titles(service, "all") == [
                "Deficit doubles at Harrow",
                "Nurses vote to strike at Leeds",
                "Records of 4,000 patients shared by mistake",
            ]
            assert "Deficit doubles at Harrow" in titles(service, "finance")
            assert "Nurses vote to strike at Leeds" in titles(service, "workforce")
            assert "Records of 4,000 patients shared by mistake" in titles(service, "data")
            entry = feed(service, "finance").find("{*}entry")
            assert texts(entry, "a:link/@href") == ["https://press.example.org/deficit"]
            assert texts(entry, "a:source/a:id") == [address]
            assert texts(feed(service, "all"), "a:link[@rel='self']/@href") == ["https://news.example.org/feeds/all.atom"]

            before = {name: service.get(f"/feeds/{name}.atom")[1]["etag"] for name in ("all", "finance", "workforce")}
            asked = len(server.requests)
            eventually(lambda: len(server.requests) > asked + 1)
            assert {name: service.get(f"/feeds/{name}.atom")[1]["etag"] for name in before} == before
            assert {request.headers.get("if-none-match") for request in server.requests[1:]} == {'W/"one"'}
            assert {request.headers["user-agent"].split("/")[0] for request in server.requests} == {"Healthwire"}

            ids = texts(feed(service, "all"), "a:entry/a:id")
            server.script("/feed", Answer(body=rss(SECOND, FIRST), headers={"ETag": 'W/"two"'}))
            eventually(lambda: "Tariff cut leaves hospitals £90m short" in titles(service, "all"))
            assert texts(feed(service, "all"), "a:entry/a:id")[1:] == ids
            assert titles(service, "finance")[0] == "Tariff cut leaves hospitals £90m short"
            after = {name: service.get(f"/feeds/{name}.atom", If_None_Match=etag)[0] for name, etag in before.items()}
            assert after == {"all": 200, "finance": 200, "workforce": 304}

            story = json.loads(service.get("/api/v1/stories?topic=finance&limit=1")[2])["items"][0]
            assert (story["title"], story["source"]["url"]) == ("Tariff cut leaves hospitals £90m short", address)
            assert story["title"].encode() in service.get(f"/stories/{story['id']}")[2]

            # As Ctrl-C does, which every process of the command receives.
            os.killpg(service.process.pid, signal.SIGINT)
            # None had to be killed, as one that takes too long is.
            assert service.ended(PATIENCE) == 0
            eventually(lambda: not service.living())
            assert "Traceback" not in service.log.read_text()
