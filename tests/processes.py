"""Child processes that start fast: forked from a server that has imported the program already."""

from __future__ import annotations

import multiprocessing

children = multiprocessing.get_context("forkserver")
# pytest too: a child imports its parent's main script again.
children.set_forkserver_preload(
    [
        "pytest",
        "feeds.ingest.files",
        "feeds.ingest.http",
        "feeds.ingest.letterbox",
        "feeds.ingest.role",
        "feeds.ingest.site",
        "feeds.store",
        "psycopg",
        "sqlalchemy.dialects.sqlite",
        "sqlalchemy.dialects.postgresql.psycopg",
    ]
)
