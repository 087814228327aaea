"""Stories as a table (CSV by RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from feeds.condition import public_name
from feeds.model import PublishedStory
from feeds.publish.channel import story_path
from feeds.text import plain_url
from feeds.times import rfc3339

_COLUMNS = ("id", "published", "first_seen", "title", "url", "source", "round_up", "position", "of", "topics", "confidence", "text")
# Spreadsheets take a cell that begins so for a formula, which would do what an outsider wrote.
_FORMULA = (*"=+-@", *"＝＋－＠", *"\t\r\n")


def story_table(stories: Sequence[PublishedStory], base_url: str) -> bytes:
    """A row for each story, with a head. Several topics stand in one cell with spaces between them, and so do their confidences."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for story in stories:
        article = story.article
        writer.writerow(
            map(
                _harmless,
                (
                    story.id,
                    rfc3339(story.published),
                    rfc3339(story.first_seen),
                    story.title,
                    plain_url(story.url) or base_url + story_path(story.id),
                    public_name(story.source),
                    article.title,
                    str(article.position),
                    str(article.of),
                    " ".join(tag.topic for tag in story.topics),
                    " ".join(f"{tag.certainty:.4f}" for tag in story.topics),
                    story.text,
                ),
            )
        )
    return file.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
