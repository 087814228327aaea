"""How soon a story is in its feed after it was stored, and whether other feeds stay as they were: ``python -m benchmarks.visible``."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.helpers import free_port
from benchmarks.serving import Client, healthwire
from feeds.identity import fingerprint
from feeds.model import Article, Issue, Story, Tag, TaggedStory, Verdict
from feeds.settings import Settings
from feeds.store import Store, open_store

_ROUNDS = 30
_FEED, _OTHER = "/feeds/finance.atom", "/feeds/data.atom"


def main() -> None:
    with TemporaryDirectory() as name:
        port = free_port()
        with healthwire(Path(name), port):
            store = open_store(Settings(data_dir=Path(name) / "data").database)
            client = Client(port)
            waits, others = zip(*(_round(store, client, number) for number in range(_ROUNDS)), strict=True)
            client.close()
            store.engine.dispose()
    late = sorted(waits)[int(0.95 * _ROUNDS)]
    print(f"A story is in its feed {1000 * statistics.median(waits):.0f} ms after it was stored (median of {_ROUNDS}), ", end="")
    print(
        f"p95 {1000 * late:.0f} ms, at most {1000 * max(waits):.0f} ms (target: 50); another feed changed {sum(others)} times (target: 0)"
    )


def _round(store: Store, client: Client, number: int) -> tuple[float, bool]:
    """The seconds until the story was there, and whether a feed changed that does not show it."""
    # As after a quiet second, though somebody asked a moment ago.
    time.sleep(1.1)
    before, other = (client.get(place, {})[0]["etag"] for place in (_FEED, _OTHER))
    store.polls.write(store.sources.list()[0].id, [_issue(number)], int(time.time()))
    stored = time.monotonic()
    while client.get(_FEED, {})[0]["etag"] == before:
        time.sleep(0.001)
    return time.monotonic() - stored, client.get(_OTHER, {})[0]["etag"] != other


def _issue(number: int) -> Issue:
    words = f"Told in round {number}: the trust has spent {number} pounds."
    article = Article(f"round-{number}", words, words, is_html=False, origin="entry")
    story = Story(words, words, f"<p>{words}</p>", None, 1, 1)
    return Issue(article, fingerprint(article), (TaggedStory(story, Verdict((Tag("finance", 0.9, chosen=True, model="none"),))),))


if __name__ == "__main__":
    main()
