"""Items whose headline runs into their text: "Headline: text", "Headline - text", a bold lead, or none at all."""

from __future__ import annotations

import html
import re
from dataclasses import replace

from feeds.ingest.blocks import Block, Link, ends_sentence

# A longer beginning is a sentence, not a headline.
_HEADLINE_WORDS = 18


def headline_and_rest(text: str) -> tuple[str, str] | None:
    """Cuts "Headline - text", "Headline: text" and "Headline | paper | text"; None when there is no headline."""
    fields = [part.strip() for part in text.split(" | ")]
    if len(fields) > 1:
        return (
            (fields[0], fields[-1] if len(fields) > 2 or len(fields[-1].split()) > 8 else "") if 2 <= len(fields[0].split()) <= 20 else None
        )
    for found in re.finditer(r"\s+[-\u2013\u2014]\s+|:\s+", text):
        head, rest = text[: found.start()], text[found.end() :]
        if len(head.split()) > 14 or re.search(r"[.;]\s", head):
            return None
        begins = rest[:1].isupper() or rest[:1] in "\"'\u2018\u201c\u00a3"
        if len(rest.split()) >= 4 and begins and (len(head.split()) >= 2 or len(rest.split()) >= 8):
            # "Headline: more headline - text" breaks at the dash.
            later = re.match(r"(.{0,80}?)\s+[-\u2013\u2014]\s+(?=[A-Z])(.+)", rest) if found[0].strip() == ":" else None
            if later and not re.search(r"[.;]\s", later[1]) and len(later[2].split()) >= 5:
                return f"{head}{found[0]}{later[1]}", later[2]
            return head, rest
    return None


def run_in(block: Block) -> tuple[str, Block]:
    """The headline and the rest of an item; plain prose without one is headed by its first sentence and kept whole."""
    if block.lead and block.text.startswith(block.lead):
        rest = re.sub(r"^\s*[-\u2013\u2014|:]\s*", "", block.text[len(block.lead) :]).strip()
        if rest:
            return block.lead.rstrip(" :-\u2013\u2014|"), _prose(rest, block.links)
    if block.bold or block.linked:
        return block.text, replace(block, text="", html="")
    if parts := headline_and_rest(block.text):
        return parts[0], _prose(parts[1], block.links)
    if block.words <= _HEADLINE_WORDS and not ends_sentence(block.text):
        return block.text, replace(block, text="", html="")
    first = re.match(r".+?[.?!][\"'\u2019\u201d]?(?=\s+[A-Z\u2018\u201c\u00a3\"'(0-9]|$)", block.text)
    return (first[0] if first else block.text), replace(block, kind="text", marker="")


def _prose(text: str, links: tuple[Link, ...] = ()) -> Block:
    return Block("text", text, html.escape(text, quote=False), links=links)


def bare(title: str) -> str:
    return re.sub(r"^[*_#\s]+|[*_#\s]+$", "", title).strip()
