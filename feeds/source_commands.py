"""The commands that manage sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from feeds.console import import_line, progress, settings_line, source_facts, source_name, source_table
from feeds.errors import InputError
from feeds.ingest.addresses import any_address
from feeds.ingest.opml import SourceList, folder_names, folder_path, read_opml, write_opml
from feeds.ingest.poll import Outcome
from feeds.model import Source, Subscription
from feeds.ports import Clock
from feeds.settings import Settings
from feeds.store import Store, prepared_store
from feeds.store.sources import SourceSettings
from feeds.text import plain_line


@dataclass(frozen=True, slots=True)
class Session:
    """What commands work with. ``poll`` polls sources once, by their ids."""

    settings: Settings
    clock: Clock
    poll: Callable[[Settings, Store, Sequence[int]], list[Outcome]]


with_session = click.pass_obj


@click.group()
def sources() -> None:
    """Manage sources."""


@sources.command("list")
@with_session
def list_sources(session: Session) -> None:
    """Show all sources, how they do and when they are polled next."""
    for line in source_table(prepared_store(session.settings).sources.list()):
        click.echo(line)


@sources.command("show")
@click.argument("name")
@with_session
def show_source(session: Session, name: str) -> None:
    """Show what is known of a source (id, address or title), when it is polled next and why."""
    store = prepared_store(session.settings)
    source = store.sources.find(name)
    others = store.sources.list()
    carrier = next((each for each in others if each.id == source.carrier), None)
    carried = [each for each in others if each.carrier == source.id]
    for line in source_facts(source, carrier, carried, store.events.latest(10, source.id)):
        click.echo(line)


@sources.command("add")
@click.argument("address")
@click.option("--title", default="", help="What to call it; by default what the feed calls itself.")
@click.option("--folder", default="", help="The group to list it under.")
@click.option("--later", is_flag=True, help="Leave the first poll to the service.")
@with_session
def add_source(session: Session, address: str, title: str, folder: str, later: bool) -> None:
    """Add a feed, a page that offers one, a mailbox (imaps://USER@HOST/INBOX, maildir:/PATH) or a folder of newsletters, and read it."""
    url = any_address(address)
    store = prepared_store(session.settings)
    # So much later that no running service polls it at the same time.
    first = session.clock() if later else session.clock() + 600
    added = store.sources.add([Subscription(url, plain_line(title), folder_path(folder_names(folder)))], first)
    if not added:
        raise InputError(f"{address} is a source already")
    if later:
        click.echo(f"Added as source {added[0].id}; it will be polled at the next tick, or now by: healthwire poll {added[0].id}")
    else:
        click.echo(read_first(session, store, added[0]))


def read_first(session: Session, store: Store, source: Source) -> str:
    """Polls a source that was just added, and tells what came.

    Raises:
        InputError: there is no feed; the source is not kept.
    """
    outcomes = session.poll(session.settings, store, [source.id])
    now = store.sources.find(str(source.id))
    error = outcomes[0].error if outcomes else "it is being polled by another process just now"
    if now.stopped or (outcomes and not outcomes[0].is_feed):
        store.sources.remove(source.id, session.clock())
        raise InputError(f"{source.url} was not added: {error or now.reason}")
    new = outcomes[0].tally.new if outcomes else 0
    if error and not new:
        return f"Added as source {source.id}, but it could not be read yet: {error}. It will be tried again by the running service."
    found = "" if now.url == source.url else f", whose feed was found at {now.url}"
    return f"Added as source {source.id}: {now.title}{found}; {new} new stories{f', but {error}' if error else ''}"


@sources.command("remove")
@click.argument("name")
@with_session
def remove_source(session: Session, name: str) -> None:
    """Remove a source (id, address or title) and withdraw the stories that only it reported."""
    store = prepared_store(session.settings)
    source = store.sources.find(name)
    tally = store.sources.remove(source.id, session.clock())
    click.echo(f"Removed {source.title}; {tally.withdrawn} stories withdrawn")


@sources.command("set")
@click.argument("name")
@click.option("--title", help="What to call it; nothing for what the feed calls itself.")
@click.option("--folder", help="The group to list it under; A/B is B in A, and \\/ a slash in a name.")
@click.option("--interval", metavar="SECONDS|auto", help="The time between two polls; auto follows how often it publishes.")
@click.option("--full-text/--no-full-text", default=None, help="Whether to fetch the page of each article.")
@with_session
def set_source(session: Session, name: str, title: str | None, folder: str | None, interval: str | None, full_text: bool | None) -> None:
    """Change how a source (id, address or title) is called, listed and read. A new interval counts from its next poll on."""
    changes = SourceSettings()
    if title is not None:
        changes["title"] = plain_line(title)
    if folder is not None:
        changes["folder"] = folder_path(folder_names(folder))
    if interval is not None:
        changes["interval"] = None if interval == "auto" else chosen_interval(session.settings, interval)
    if full_text is not None:
        changes["full_text"] = full_text
    if not changes:
        raise click.UsageError("name what to change: --title, --folder, --interval or --full-text")
    store = prepared_store(session.settings)
    click.echo(settings_line(store.sources.set(store.sources.find(name).id, session.clock(), **changes)))


def chosen_interval(settings: Settings, given: str) -> int:
    """The seconds between polls that a person asks for, within what the settings allow."""
    if not re.fullmatch(r"[0-9]{1,9}", given):
        raise InputError(f"--interval {given!r} is neither a whole number of seconds nor auto")
    if int(given) < settings.poll_min_interval:
        raise InputError(f"--interval {given} is below HEALTHWIRE_POLL_MIN_INTERVAL={settings.poll_min_interval}; nothing is polled sooner")
    if int(given) > settings.poll_max_interval:
        raise InputError(f"--interval {given} is above HEALTHWIRE_POLL_MAX_INTERVAL={settings.poll_max_interval}; nothing is polled later")
    return int(given)


@sources.command("stop")
@click.argument("name")
@with_session
def stop_source(session: Session, name: str) -> None:
    """Poll a source (id, address or title) no more until it is resumed; its stories stay."""
    store = prepared_store(session.settings)
    source = store.sources.find(name)
    stopped = store.sources.stop(source.id)
    state = "is stopped" if stopped else "was stopped already"
    click.echo(f"{source_name(source)} {state}; to poll it again: healthwire sources resume {source.id}")


@sources.command("resume")
@click.argument("name")
@with_session
def resume_source(session: Session, name: str) -> None:
    """Poll a stopped source (id, address or title) again."""
    store = prepared_store(session.settings)
    source = store.sources.find(name)
    resumed = store.sources.resume(source.id, session.clock())
    click.echo(f"{source_name(source)} {'is resumed; it will be polled at the next tick' if resumed else 'is not stopped'}")


@sources.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@with_session
def import_sources(session: Session, file: str) -> None:
    """Subscribe to the feeds in an OPML file (- is standard input).

    A list that Healthwire wrote also gives sources that are known already their titles, folders, intervals and full-text
    settings back; any other list leaves them as they are.
    """
    with click.open_file(file, "rb") as opened:
        body = opened.read(session.settings.max_bytes + 1)
    if len(body) > session.settings.max_bytes:
        raise InputError(f"{file}: longer than {session.settings.max_bytes} bytes (HEALTHWIRE_MAX_BYTES)")
    given = read_opml(body, None if file == "-" else Path(file).parent)
    added, updated = subscribe(prepared_store(session.settings), given, session.clock())
    for complaint in given.complaints:
        click.echo(f"{file}: {complaint}", err=True)
    click.echo(import_line(given, added, updated))
    if given.complaints:
        raise SystemExit(1)


def subscribe(store: Store, given: SourceList, now: int) -> tuple[int, int]:
    """Adds the sources of a list, and restores the known ones if the list is our own: how many of each.

    Each batch holds once it is written, so that an import that was killed can be made again.
    """
    batch = 250
    added = updated = 0
    with progress(len(given.subscriptions), "Importing") as bar:
        for start in range(0, len(given.subscriptions), batch):
            some = given.subscriptions[start : start + batch]
            added += len(store.sources.add(some, next_poll=now))
            updated += store.sources.restore(some, now) if given.is_own else 0
            bar.update(len(some))
    return added, updated


@sources.command("export")
@with_session
def export_sources(session: Session) -> None:
    """Write feeds and mailboxes as OPML to standard output, with their folders and settings."""
    click.echo(write_opml(prepared_store(session.settings).sources.list()), nl=False)
