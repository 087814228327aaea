"""Finished bytes with their validators."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass

# Below this size the gzip header eats what compression saves.
_WORTH_COMPRESSING = 500


@dataclass(frozen=True, slots=True)
class Document:
    """A representation in plain and gzip coding, each with its own strong ETag; ``modified`` is UTC epoch seconds, None if nobody
    knows.
    """

    body: bytes
    content_type: str
    modified: int | None
    etag: str
    gzip_body: bytes | None

    @property
    def gzip_etag(self) -> str:
        return f"{self.etag}-gzip"

    @property
    def size(self) -> int:
        """The bytes that it takes in memory."""
        return len(self.body) + len(self.gzip_body or b"")


def document(body: bytes, content_type: str, modified: int | None) -> Document:
    """The bytes with validators made from nothing but themselves and the time their content changed."""
    etag = hashlib.sha256(body).hexdigest()[:24]
    packed = gzip.compress(body, compresslevel=6, mtime=0) if len(body) >= _WORTH_COMPRESSING else None
    return Document(body, content_type, modified, etag, packed)
