"""How the commands tell people what came of them. Pure but for the progress bar: values in, lines out."""

from __future__ import annotations

import json
import sys
import time
from calendar import day_name
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from feeds.condition import NOT_WELL, kind, since, state, state_words, what_next
from feeds.ingest.files import Reading
from feeds.ingest.opml import SourceList
from feeds.ingest.poll import Outcome
from feeds.ingest.replay import Replayed
from feeds.model import Source, SourceEvent, TaggedStory, Tally, Token
from feeds.text import plain_line
from feeds.times import span, utc


def outcome_lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A table of polls, with the reason under each that failed, and a line that sums them up."""
    for outcome in outcomes:
        yield f"{outcome.source.id:>4}  {_outcome(outcome):<24}  {outcome.source.title or outcome.source.url}"
        if outcome.error:
            yield f"      {outcome.error}"
    total = sum((outcome.tally for outcome in outcomes), Tally())
    yield f"{len(outcomes)} polled: {total.new} new stories, {total.edited} edited, {total.merged} known from elsewhere"


def _outcome(outcome: Outcome) -> str:
    if outcome.error:
        return "failed"
    return "unchanged" if outcome.unchanged else f"{outcome.tally.new} new, {outcome.tally.edited} edited"


def source_table(sources: Sequence[Source]) -> Iterator[str]:
    """How each source does and when it is polled next, with what is wrong under those that are not well."""
    for source in sources:
        when = "no next poll" if source.next_poll is None else f"next {_minute(source.next_poll)}"
        yield f"{source.id:>4}  {_state(source):<44}  {when:<25}  {source.title}  {source.url}"
        if state(source) in NOT_WELL:
            trouble = source.silence if state(source) == "silent" else source.error
            yield f"      {plain_line(trouble or source.reason)}"


def _state(source: Source) -> str:
    now, began = state(source), since(source)
    words: str = "not polled yet" if now == "new" else now
    words += f" since {_minute(began)}" if began is not None else ""
    return f"{words}, {_times(source.failures)}" if now == "failing" else words


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _minute(moment: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))


def source_facts(source: Source, carrier: Source | None, carried: Sequence[Source], events: Sequence[SourceEvent]) -> Iterator[str]:
    """Everything that is known of a source, one fact a line; times are in UTC and say so."""
    facts = {
        "id": str(source.id),
        "title": source.title,
        "address": source.url,
        "kind": kind(source),
        "folder": source.folder,
        "home page": source.home_url,
        "comes with": carrier and f"source {carrier.id} ({carrier.title})",
        "brings": ", ".join(f"source {each.id} ({each.title})" for each in carried),
        "state": state_words(source),
        "error": source.error,
        "silence": source.silence,
        "next": what_next(source),
        "interval": _interval(source),
        "usual gap": source.usual_gap and f"{span(source.usual_gap)} between two new entries",
        "last news": source.last_new and utc(source.last_new),
        "last polled": source.last_polled and utc(source.last_polled),
        "last read well": source.last_success and utc(source.last_success),
        "full text": "the page of each article is fetched" if source.full_text else "as the source gives it",
        "validators": "; ".join(f"{name}: {value}" for name, value in _validators(source)),
        "it asks": "; ".join(_wishes(source)),
        "moving to": _moving(source),
    }
    for name, fact in facts.items():
        if fact:
            yield f"{name:<15} {plain_line(fact)}"
    for event in events:
        yield f"{'event':<15} {utc(event.at)}: {event.kind}: {plain_line(event.text)}"


def _interval(source: Source) -> str | None:
    if source.interval:
        return f"{span(source.interval)}, set by a person"
    return "follows from how often it publishes" if source.next_poll is not None else None


def _validators(source: Source) -> Iterator[tuple[str, str]]:
    for name, value in (("ETag", source.etag), ("Last-Modified", source.last_modified), ("body", source.body_hash)):
        if value:
            yield name, value


def _wishes(source: Source) -> Iterator[str]:
    """What its document asks of those who poll it."""
    if source.ttl:
        yield f"not to be polled more often than every {span(source.ttl)}"
    if source.skip_hours:
        yield f"not in the hours from {', '.join(_ranges(source.skip_hours))} UTC"
    if source.skip_days:
        yield f"not on {', '.join(f'{name}s' for number, name in enumerate(day_name) if source.skip_days >> number & 1)} (UTC)"


def _ranges(hours: int) -> Iterator[str]:
    """The hours of the day whose bits are set, those in a row together."""
    wanted = [hour for hour in range(24) if hours >> hour & 1]
    starts = [hour for hour in wanted if hour - 1 not in wanted]
    ends = [hour + 1 for hour in wanted if hour + 1 not in wanted]
    for start, end in zip(starts, ends, strict=True):
        yield f"{start:02}:00 to {end:02}:00"


def _moving(source: Source) -> str | None:
    if not source.moved_to:
        return None
    return f"{source.moved_to}, where permanent redirects led {_times(source.moved_times)}; it is stored after the second good poll there"


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
        yield f"{token.id:>4}  made {_day(token.created)}  {state:<20}  {'reads' if token.only_reads else 'decides':<8}  {token.name}"


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
