"""A reader that knows nothing but a feed's address is told what is new, by the program as it runs."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

from ingest_support import item, rss
from program import PATIENCE, Home, eventually, serving, write_opml
from web_server import Answer, WebServer
from website import atom, texts


def test_a_subscriber_finds_the_hub_in_the_feed_and_gets_the_news(home: Home, tmp_path: Path, server: WebServer) -> None:
    source = server.script("/feed", Answer(body=rss(item("1", "Owls nest", "Owls nest at the infirmary."))))
    callback = server.script("/cb", Answer(echo="hub.challenge"), Answer(204))
    every_second = {"POLL_INTERVAL": "1", "POLL_MIN_INTERVAL": "1", "ALLOW_ADDRESSES": "127.0.0.0/8"}
    with serving(home, SOURCES=str(write_opml(tmp_path, source)), **every_second) as service:
        eventually(lambda: texts(atom(service.get("/feeds/all.atom")[2]), "a:entry"))
        links = {relation: url for url, relation in re.findall(r'<([^>]+)>; rel="(\w+)"', service.get("/feeds/all.atom")[1]["link"])}
        form = urlencode({"hub.mode": "subscribe", "hub.topic": links["self"], "hub.callback": callback}).encode()
        with urllib.request.urlopen(links["hub"], form, timeout=PATIENCE) as answer:  # noqa: S310
            assert answer.status == 202
        eventually(lambda: len([each for each in server.requests if each.path.startswith("/cb?")]) == 1)

        server.script("/feed", Answer(body=rss(item("2", "Deficit doubles", "The deficit doubled."))))

        eventually(lambda: server.asked("/cb"))
        (delivery,) = server.asked("/cb")
        assert texts(atom(delivery.body), "a:entry/a:title") == ["Deficit doubles", "Owls nest"]
        assert delivery.body == service.get("/feeds/all.atom")[2]
        assert delivery.headers["link"] == f'<{links["hub"]}>; rel="hub", <{links["self"]}>; rel="self"'
