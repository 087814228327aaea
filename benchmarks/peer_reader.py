"""The peer's side of the ingest benchmark: the package reader with its defaults. It runs in a virtual environment of its own and
imports nothing of ours.

``python peer_reader.py DATABASE`` says ``open`` once it has started, is then told the feeds' addresses as a JSON list, and polls
all of them for each ``poll``. Each line is answered by a JSON object.
"""

from __future__ import annotations

import json
import sys

from reader import make_reader  # type: ignore[import-not-found]


def main(database: str) -> None:
    reader = make_reader(database)
    print("open", flush=True)
    for address in json.loads(sys.stdin.readline()):
        reader.add_feed(address)
    print("{}", flush=True)
    for _ in sys.stdin:
        # By default it polls each feed at most once an hour.
        reader.update_feeds(scheduled=False)
        print(json.dumps({"entries": reader.get_entry_counts().total, "failed": reader.get_feed_counts().broken}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
