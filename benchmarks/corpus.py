"""Feeds to measure ingest on: made by seeded dice from the sentences of the project's labelled stories, so that they read like news
and are the same everywhere.

A feed has editions: each adds an entry on top and drops the last one, as publishers do.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from html import escape
from pathlib import Path
from xml.sax.saxutils import quoteattr

STORIES = Path(__file__).parents[1] / "seeds" / "stories.jsonl"
_FIRST = datetime(2026, 1, 5, 6, tzinfo=UTC)
# Entries of most feeds, of a fifteenth that are shorter, and of another fifteenth that are short and terse.
_ENTRIES, _FEWER, _FEWEST = 60, 20, 10
_DRESSES = (
    '<a href="https://www.example.org/{place}/" target="_blank" rel="noopener">{0}</a>',
    "<strong>{0}</strong>",
    "<em>{0}</em>",
    "{0}",
)
_CATEGORIES = ("News", "Policy", "Opinion", "Analysis", "Letters")


@dataclass(frozen=True, slots=True)
class Entry:
    address: str
    title: str
    teaser: str
    html: str
    author: str
    categories: Sequence[str]
    published: datetime


def document(feed: int, edition: int = 0) -> bytes:
    """The document of a feed: Atom from every third, else RSS 2.0."""
    entries = [_entry(feed, number) for number in reversed(range(edition, edition + size(feed)))]
    return "".join(_atom(feed, entries) if is_atom(feed) else _rss(feed, entries)).encode()


def is_atom(feed: int) -> bool:
    return feed % 3 == 0


def size(feed: int) -> int:
    """How many entries the feed has."""
    return {7: _FEWER, 11: _FEWEST}.get(feed % 15, _ENTRIES)


def home(feed: int) -> str:
    return f"https://news{feed}.example.org"


@cache
def _sentences() -> tuple[Sequence[str], Sequence[str]]:
    """All titles and all sentences of the labelled stories."""
    stories = [json.loads(line) for line in STORIES.read_text(encoding="utf-8").splitlines()]
    told = [sentence for story in stories for sentence in re.split(r"(?<=[.!?])\s+", story["text"]) if len(sentence) > 20]
    return [story["title"] for story in stories], told


def _entry(feed: int, number: int) -> Entry:
    dice = random.Random(f"{feed}/{number}")  # noqa: S311
    titles, told = _sentences()
    short = size(feed) == _FEWEST
    paragraphs = [" ".join(dice.choices(told, k=dice.randint(1, 2))) for _ in range(1 if short else dice.randint(3, 7))]
    address = f"{home(feed)}/{2026 - number // 1000}/{number}-{dice.randrange(16**8):08x}"
    return Entry(
        address=address,
        title=f"{dice.choice(titles)} ({feed}.{number})",
        teaser=" ".join(paragraphs)[:200].rsplit(" ", 1)[0] + " […]",
        html="\n".join(_markup(paragraphs, address, dice)),
        author=dice.choice(("Newsroom", "A. Example", "Policy desk", "B. Sample")),
        categories=dice.sample(_CATEGORIES, 2),
        published=_FIRST + timedelta(hours=number, minutes=feed % 60),
    )


def _markup(paragraphs: Sequence[str], address: str, dice: random.Random) -> Iterator[str]:
    """What a publishing system makes of an article."""
    picture = f"https://cdn.example.org/{dice.randrange(16**8):08x}"
    if dice.random() < 0.6:
        yield (
            f'<figure class="wp-block-image size-large"><img decoding="async" width="1024" height="683" src="{picture}-1024x683.jpg" alt=""'
            f' srcset="{picture}-1024x683.jpg 1024w, {picture}-300x200.jpg 300w" sizes="(max-width: 1024px) 100vw, 1024px" /></figure>'
        )
    for index, paragraph in enumerate(paragraphs):
        words = escape(paragraph, quote=False).split(" ")
        for dress in dice.choices(_DRESSES, k=2):
            place = dice.randrange(len(words))
            words[place] = dress.format(words[place], place=place)
        # Publishing systems write typographic signs as numbers.
        text = "".join(letter if letter.isascii() else f"&#{ord(letter)};" for letter in " ".join(words))
        if index and dice.random() < 0.1:
            yield f'<blockquote class="wp-block-quote"><p>{text}</p></blockquote>'
        elif index and dice.random() < 0.1:
            yield f"<ul>{''.join(f'<li>{part}</li>' for part in text.split('. '))}</ul>"
        else:
            yield f'<p class="has-text" style="margin-bottom:1em">{text}</p>'
    yield f'<p>The post <a rel="nofollow" href="{address}">is on our site</a>.</p>'


def _rss(feed: int, entries: Sequence[Entry]) -> Iterator[str]:
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">\n<channel>\n'
        f"<title>News of place {feed}</title>\n<link>{home(feed)}</link>\n<description>What happens there</description>\n"
        f'<atom:link href="{home(feed)}/feed/" rel="self" type="application/rss+xml" />\n'
        f"<lastBuildDate>{format_datetime(entries[0].published)}</lastBuildDate>\n<language>en-GB</language>\n"
    )
    for entry in entries:
        yield (
            f"<item>\n<title>{escape(entry.title, quote=False)}</title>\n<link>{entry.address}</link>\n"
            f"<dc:creator><![CDATA[{entry.author}]]></dc:creator>\n<pubDate>{format_datetime(entry.published)}</pubDate>\n"
            f"{_repeat('<category><![CDATA[{}]]></category>', entry.categories)}\n"
            f'<guid isPermaLink="false">{entry.address}#entry</guid>\n'
            f"<description><![CDATA[<p>{escape(entry.teaser, quote=False)}</p>]]></description>\n"
            f"<content:encoded><![CDATA[{entry.html}]]></content:encoded>\n</item>\n"
        )
    yield "</channel>\n</rss>\n"


def _atom(feed: int, entries: Sequence[Entry]) -> Iterator[str]:
    yield (
        f'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-GB">\n'
        f"<title>News of place {feed}</title>\n<id>{home(feed)}/</id>\n<updated>{entries[0].published.isoformat()}</updated>\n"
        f'<link rel="alternate" type="text/html" href="{home(feed)}/" />\n<link rel="self" href="{home(feed)}/feed/" />\n'
    )
    for entry in entries:
        yield (
            f"<entry>\n<title>{escape(entry.title, quote=False)}</title>\n<id>{entry.address}#entry</id>\n"
            f'<link rel="alternate" type="text/html" href="{entry.address}" />\n<published>{entry.published.isoformat()}</published>\n'
            f"<updated>{entry.published.isoformat()}</updated>\n<author><name>{entry.author}</name></author>\n"
            f"{_repeat('<category term={}/>', map(quoteattr, entry.categories))}\n"
            f'<summary type="text">{escape(entry.teaser, quote=False)}</summary>\n'
            f'<content type="html">{escape(entry.html)}</content>\n</entry>\n'
        )
    yield "</feed>\n"


def _repeat(form: str, values: Iterable[str]) -> str:
    return "".join(map(form.format, values))
