"""How the commands tell people what came of them. Pure but for the progress bar: values in, lines out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from feeds.ingest.files import Reading
from feeds.ingest.opml import SourceList
from feeds.ingest.poll import Outcome
from feeds.ingest.replay import Replayed
from feeds.model import Source, TaggedStory, Tally, Token


def outcome_lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A table of polls, with the reason under each that failed, and a line that sums them up."""
    for outcome in outcomes:
        yield f"{outcome.source.id:>4}  {_outcome(outcome):<24}  {outcome.source.title}"
        if outcome.error:
            yield f"      {outcome.error}"
    total = sum((outcome.tally for outcome in outcomes), Tally())
    yield f"{len(outcomes)} polled: {total.new} new stories, {total.edited} edited, {total.merged} known from elsewhere"


def _outcome(outcome: Outcome) -> str:
    if outcome.error:
        return "failed"
    return "unchanged" if outcome.unchanged else f"{outcome.tally.new} new, {outcome.tally.edited} edited"


def source_lines(source: Source) -> Iterator[str]:
    """How a source does, with the reason if it fails."""
    yield f"{source.id:>4}  {_state(source):<30}  {source.title}  {source.url}"
    if source.error:
        yield f"      {source.error}"


def _state(source: Source) -> str:
    if source.last_polled is None:
        return "not polled yet"
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(source.last_polled))
    return f"failed {source.failures}x, {when}" if source.failures else f"ok, {when}"


def replay_lines(results: Sequence[Replayed], *, apply: bool) -> Iterator[str]:
    """What replaying changed, or would change: each story, what could not be read, and a line that sums it up."""
    for result in results:
        for complaint in result.complaints:
            yield f"source {result.source}: could not be read again: {complaint}"
        for effect in result.effects:
            yield f"source {result.source}: {effect.kind:<9}  {effect.story_id}  {effect.title}"
    total = sum((result.tally for result in results), Tally())
    counts = f"{total.new} new, {total.edited} edited, {total.retagged} with other topics, {total.withdrawn} withdrawn"
    articles = sum(result.articles for result in results)
    yield f"{articles} articles of {len(results)} sources: {counts}" + ("" if apply else "; nothing was written, add --apply to do it")


def source_name(source: Source) -> str:
    """What to call a source in an answer."""
    return f"Source {source.id} ({source.title or source.url})"


def settings_line(source: Source) -> str:
    """What a person can set of a source, as it is now."""
    settings = [
        f"folder {source.folder}" if source.folder else "no folder",
        "interval by how often it publishes" if source.interval is None else f"interval {source.interval} s",
        "full text" if source.full_text else "no full text",
    ]
    return f"{source_name(source)}: {', '.join(settings)}"


def import_line(given: SourceList, added: int, updated: int) -> str:
    """What came of an import: how many sources are new, known, of these brought back to the list's settings, and faulty."""
    known = len(given.subscriptions) - added + given.repeated
    return f"{added:,} added, {known:,} known already{f' ({updated:,} updated)' if updated else ''}, {len(given.complaints):,} not usable"


def story_lines(reading: Reading, *, as_json: bool) -> Iterator[str]:
    """The stories of a file that was read, with their topics."""
    for issue in reading.issues:
        for tagged in issue.stories:
            yield _story_json(reading.file, tagged) if as_json else _story(reading.file, tagged)


def _story(file: str, tagged: TaggedStory) -> str:
    story = tagged.story
    names = ", ".join(f"{tag.topic} {tag.confidence:.0%}" for tag in tagged.tags if tag.chosen) or "no topic"
    return f"{file} {story.position}/{story.of}: {story.title} [{names}]"


def _story_json(file: str, tagged: TaggedStory) -> str:
    story = tagged.story
    row = {"file": file, "position": story.position, "of": story.of, "title": story.title, "text": story.text, "url": story.url}
    return json.dumps(row | {"topics": [tag.topic for tag in tagged.tags if tag.chosen]}, ensure_ascii=False)


def token_lines(tokens: Sequence[Token]) -> Iterator[str]:
    """A line per token."""
    for token in tokens:
        state = f"revoked {_day(token.revoked)}" if token.revoked else "valid"
        yield f"{token.id:>4}  made {_day(token.created)}  {state:<20}  {token.name}"


def _day(moment: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def reading_notes(reading: Reading) -> Iterator[str]:
    """What a reader of standard error should know of a file: that it failed, holds nothing, or was kept whole."""
    if reading.error:
        yield f"Error: {reading.error}"
    elif not any(issue.stories for issue in reading.issues):
        yield f"{reading.file}: no stories in it"
    for issue in reading.issues:
        if issue.doubt:
            yield f"{reading.file}: {issue.doubt}"


def judgement_lines(row: dict[str, Any]) -> Iterator[str]:
    """What the classifier made of one story; ``row`` is its JSON answer."""
    yield row["title"] or "(no title)"
    if "note" in row:
        yield f"  not judged: {row['note']}"
    for topic, confidence in sorted(row["confidence"].items(), key=lambda item: -item[1]):
        yield f"  {'*' if topic in row['topics'] else ' '} {topic:<16} {confidence:6.1%}"
        if "evidence" in row:
            terms = list(row["evidence"][topic]["weights"].items())[:8]
            yield "      " + ", ".join(f"{term} {weight:+.2f}" for term, weight in terms)


@contextmanager
def progress(length: int, label: str, *, hidden: bool = False) -> Iterator[Any]:
    """A progress bar on standard error when that is a terminal; silent otherwise."""
    silent = hidden or not sys.stderr.isatty() or length < 2
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=silent) as bar:
        yield bar
