"""Healthwire's composition root and command line: settings become parts, parts become commands."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import multiprocessing
import os
import secrets
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial, wraps
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

# One thread a fit: with more, numerical libraries fight over the cores of a small machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import click

from classifier.errors import ClassifierError
from classifier.report import entry_lines, register_lines
from classifier.stories import stories_in
from classifier.topics import load_topics
from feeds import model as m
from feeds.console import (
    judgement_lines,
    outcome_lines,
    progress,
    reading_notes,
    replay_lines,
    story_lines,
    token_lines,
)
from feeds.errors import HealthwireError, InputError, SettingsError
from feeds.ingest.chores import Chore, RawPruning, Rescoring, SilenceWatch, Stopping, WeeklyFigures
from feeds.ingest.completion import FullText
from feeds.ingest.files import read_files
from feeds.ingest.guard import Guard
from feeds.ingest.haul import Letters
from feeds.ingest.http import HttpFetcher
from feeds.ingest.letterbox import Letterbox
from feeds.ingest.mailbox import fetch_mailbox
from feeds.ingest.opml import read_opml
from feeds.ingest.poll import Outcome, Poller, lease_seconds
from feeds.ingest.replay import Replay, Replayed
from feeds.ingest.role import IngestRole
from feeds.ingest.sandbox import Sandbox
from feeds.ingest.schedule import Rhythm
from feeds.ingest.secrets import Secrets
from feeds.ingest.shift import Pace, Shift
from feeds.ingest.site import Site
from feeds.logs import set_up_logging
from feeds.publish.documents import FeedDocuments
from feeds.push.parcels import Parcels
from feeds.push.post import Post
from feeds.push.worker import Push
from feeds.settings import Settings, read_settings
from feeds.source_commands import Session, sources
from feeds.store import Store, open_store, prepared_store
from feeds.store.backup import read_backup, write_backup
from feeds.supervise import check_free, end_with_parent, run_first, run_together
from feeds.text import scrub
from feeds.web.app import create_app
from feeds.web.front import Front
from feeds.web.limiter import Limiter
from feeds.web.maker import Maker
from feeds.web.memory import Memory
from feeds.web.parts import WebParts
from feeds.web.renewal import Renewal
from feeds.web.server import run_server
from feeds.web.version import Version
from feeds.web.wsgi import Application

if TYPE_CHECKING:
    from classifier.model import Model, Prediction
    from classifier.workshop import Corrections, Workshop

SEEDS = Path(__file__).resolve().parent / "seeds"
_log = logging.getLogger("healthwire")


def clock() -> int:
    return int(time.time())


# ---------------------------------------------------------------- parts


def product() -> str:
    try:
        return f"Healthwire/{version('healthwire')}"
    except PackageNotFoundError:
        return "Healthwire"


def user_agent(settings: Settings) -> str:
    return f"{product()} (+{settings.contact})" if settings.contact else product()


def topics() -> tuple[m.Topic, ...]:
    return tuple(m.Topic(topic.name, topic.title, topic.meaning) for topic in load_topics(SEEDS / "topics.toml"))


def workshop(settings: Settings) -> Workshop:
    from classifier.register import Register
    from classifier.workshop import Workshop

    return Workshop(SEEDS, Register(settings.models), clock)


def corrections(store: Store) -> Corrections:
    """People's decisions as the classifier learns from them: the last one on each topic of each story."""
    from classifier.examples import Example
    from classifier.workshop import Corrections

    # The number first: a decision made meanwhile is then learned from once more, and not missed.
    through = store.corrections.last()
    by_story: dict[str, list[m.Correction]] = defaultdict(list)
    for correction in store.corrections.holding():
        by_story[correction.story_id].append(correction)
    examples = [
        Example(
            made[-1].title,
            made[-1].text,
            frozenset(each.topic for each in made if each.about),
            id=story_id,
            decided=frozenset(each.topic for each in made),
        )
        for story_id, made in by_story.items()
    ]
    return Corrections(examples, through)


def usable_model(settings: Settings) -> Model:
    """The model in use; when there is none that this version can use, a new one, for which alone the database is opened."""
    return workshop(settings).usable(lambda: corrections(prepared_store(settings)))


class ModelTagger:
    """The classifier behind the port that ingest knows; takes up another model between two batches."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._shop = workshop(settings)
        self._register = self._shop.register
        self._names = {topic.name for topic in self._shop.topics}
        self._stamp = self._register.stamp()
        try:
            self._model = self._shop.usable(partial(corrections, store))
        except ClassifierError as error:
            raise HealthwireError(str(error)) from error

    @property
    def version(self) -> str:
        self._refresh()
        return self._model.version

    def tag(self, stories: Sequence[tuple[str, str]]) -> list[m.Verdict]:
        self._refresh()
        model = self._model
        return [self._verdict(prediction, model.version) for prediction in model.predict(stories)]

    def knows(self, word: str) -> bool:
        return self._model.knows(word)

    def judge(self, title: str, text: str) -> m.Judged:
        self._refresh()
        model = self._model
        (prediction,) = model.predict([(title, text)])
        judgements = tuple(
            m.Judgement(
                told.topic,
                told.confidence,
                told.chosen,
                model.thresholds[told.topic],
                why.score,
                why.intercept,
                tuple(m.Evidence(*term) for term in why.weights),
            )
            for told, why in zip(prediction.judgements, model.explain(title, text), strict=True)
            if told.topic in self._names
        )
        return m.Judged(judgements, prediction.note, model.version)

    def _verdict(self, prediction: Prediction, version: str) -> m.Verdict:
        tags = tuple(
            m.Tag(each.topic, each.confidence, each.chosen, version, tuple(m.Evidence(*term) for term in each.evidence))
            for each in prediction.judgements
            if each.topic in self._names
        )
        return m.Verdict(tags, m.Lesson(prediction.lesson.value, prediction.lesson.why, prediction.unknown))

    def _refresh(self) -> None:
        stamp = self._register.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            in_use = self._register.in_use()
            if in_use:
                self._model = self._register.load(in_use.number)
                _log.info("model %d (%s) is in use", in_use.number, self._model.version)
        except ClassifierError as error:
            _log.warning("%s; model %s stays in use", error, self._model.version)


class LateJudge:
    """The classifier behind the port that web knows: its register is read at once, its model only when a text is to be judged,
    since serving feeds needs none and loading it takes a second."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._make = partial(ModelTagger, settings, store)
        self._settings = settings
        self._lock = threading.Lock()
        self._tagger: ModelTagger | None = None

    def judge(self, title: str, text: str) -> m.Judged:
        with self._lock:
            if self._tagger is None:
                self._tagger = self._make()
        return self._tagger.judge(title, text)

    def about(self) -> Mapping[str, Any]:
        register = workshop(self._settings).register
        try:
            in_use = register.in_use()
            return asdict(register.entry(in_use.number)) | {"pinned": in_use.pinned} if in_use else {}
        except ClassifierError as error:
            _log.warning("%s", error)
            return {}


class Retraining:
    """Trains in a process of its own when people have made enough corrections since the last time."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._shop = workshop(settings)
        self._tried = 0

    def __call__(self, stopping: Stopping) -> None:
        if not self._is_due():
            return
        # A training that fails, e.g. for a faulty label, is tried again only after as many corrections more.
        self._tried = self._store.corrections.last()
        _log.info("training in the background: people have made new corrections")
        # Spawned: forking beside threads can hang. A killed training leaves nothing behind that would be used.
        process = multiprocessing.get_context("spawn").Process(target=train_in_background, args=(self._settings,), daemon=True)
        process.start()
        while process.is_alive():
            process.join(0.5)
            if stopping():
                process.kill()

    def _is_due(self) -> bool:
        enough = self._settings.retrain_after
        in_use = self._shop.register.in_use()
        if not enough or (in_use and in_use.pinned):
            return False
        return self._store.corrections.since(max(self._tried, self._shop.learned_through())) >= enough


def train_in_background(settings: Settings) -> None:
    set_up_logging(settings)
    end_with_parent()
    # Serving and polling come first.
    os.nice(10)
    try:
        made = workshop(settings).train(corrections(open_store(settings.database)))
    except (ClassifierError, HealthwireError) as error:
        _log.error("training failed: %s", error)
        return
    for line in made.lines:
        _log.info("%s", line)


@asynccontextmanager
async def poller(settings: Settings, store: Store, tagger: ModelTagger) -> AsyncIterator[Poller]:
    rhythm = Rhythm(settings.poll_interval, settings.poll_min_interval, settings.poll_max_interval)
    fetcher = HttpFetcher(
        user_agent=user_agent(settings),
        timeout=settings.fetch_timeout,
        max_bytes=settings.max_bytes,
        concurrency=settings.concurrency,
        per_host=settings.per_host,
        allowed=settings.allow_addresses,
    )
    sandbox = Sandbox()
    # The program and its model stay; a collector that looks at them again and again takes a sixth of the time of tagging and storing.
    gc.collect()
    gc.freeze()
    try:
        async with fetcher:
            site = Site(fetcher, sandbox, store.polls.marks)
            letterbox = Letterbox(sandbox, store.polls.marks, mailboxes(settings), settings.max_bytes)
            full_text = FullText(fetcher, sandbox, clock)
            keeps_raw = bool(settings.raw_days and settings.raw_bytes)
            yield Poller(store, site, letterbox, full_text, tagger, clock, rhythm, keeps_raw=keeps_raw)
    finally:
        sandbox.close()


def mailboxes(settings: Settings) -> Callable[[m.Source], Letters]:
    """How mailboxes are opened: with the passwords of the secrets file, and never inside the operator's network unless allowed."""
    return lambda source: fetch_mailbox(
        source,
        secrets=Secrets(settings.secrets_file),
        guard=Guard(settings.allow_addresses),
        timeout=settings.fetch_timeout,
        max_bytes=settings.max_bytes,
        now=clock(),
    )


def pace(settings: Settings) -> Pace:
    return Pace(settings.tick, settings.concurrency, lease_seconds(settings.fetch_timeout), settings.per_host)


def push(settings: Settings, store: Store) -> Push:
    """What tells subscribers of what is new."""
    store.subscribers.set_hub(settings.outside_hub, clock())
    if settings.private:
        store.subscribers.end_subscriptions()
    documents = FeedDocuments(store, topics(), settings.address, settings.hub_url)
    parcels = Parcels(store, documents, settings.address)
    return Push(store, parcels, Post(user_agent(settings), settings.allow_addresses), clock)


def load_starter_sources(settings: Settings, store: Store) -> None:
    """On the first start of a database, subscribes to the sources of the OPML file that the settings name."""
    if store.status.is_done("sources"):
        return
    given = read_opml(settings.sources.read_bytes(), settings.sources.parent)
    for complaint in given.complaints:
        _log.warning("%s: %s", settings.sources, complaint)
    store.sources.add(given.subscriptions, next_poll=clock())
    store.status.mark_done("sources")


async def poll_sources(settings: Settings, store: Store, tagger: ModelTagger, ids: Sequence[int] | None) -> list[Outcome]:
    """Polls the named or all due sources once, with a progress bar on a terminal; whoever asked for it tells what came."""
    logging.getLogger("feeds.ingest.poll").setLevel(logging.ERROR)
    outcomes: list[Outcome] = []
    # A person who polls means all that wait; their hosts are asked one thing at a time anyway.
    wanted = store.polls.waiting(clock()) if ids is None else ids
    async with poller(settings, store, tagger) as this:
        with progress(len(wanted), "Polling") as bar:

            def done(outcome: Outcome) -> None:
                outcomes.append(outcome)
                bar.update(1)

            shift = Shift(store, this, clock, pace(settings), done)
            await shift.drain(wanted)
            if ids is None:
                await shift.drain()
    return sorted(outcomes, key=lambda outcome: outcome.source.id)


def poll_named(settings: Settings, store: Store, ids: Sequence[int]) -> list[Outcome]:
    """Polls these sources once, for the commands that manage them."""
    return asyncio.run(poll_sources(settings, store, ModelTagger(settings, store), ids))


def prepare(settings: Settings) -> tuple[Store, ModelTagger]:
    """What every ingesting command needs: the schema, a model, and the starter sources."""
    store = prepared_store(settings)
    tagger = ModelTagger(settings, store)
    store.tags.keep_only([topic.name for topic in topics()], clock())
    load_starter_sources(settings, store)
    return store, tagger


def read_new_folders(settings: Settings, store: Store, tagger: ModelTagger) -> None:
    """Reads folder sources that were never read, so that a first start without a network has something to show."""
    new = [source.id for source in store.sources.list() if source.scheme == "file" and source.next_poll and not source.last_polled]
    if new:
        asyncio.run(poll_sources(settings, store, tagger, new))


def make_ready(settings: Settings) -> None:
    """All that has to be there before the roles start, so that the first page has something to show."""
    set_up_logging(settings)
    try:
        store, tagger = prepare(settings)
    except ClassifierError as error:
        raise HealthwireError(str(error)) from error
    read_new_folders(settings, store, tagger)
    store.status.beat(clock(), tagger.version)
    store.engine.dispose()


# ---------------------------------------------------------------- roles


def run_ingest(settings: Settings) -> None:
    set_up_logging(settings)
    # Who reads what is there comes before what is new.
    os.nice(5)
    store, tagger = prepare(settings)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with poller(settings, store, tagger) as this:
            chores = (
                Chore("rescoring", 10, Rescoring(store, tagger, clock)),
                Chore("retraining", 60, Retraining(settings, store)),
                Chore("weekly figures", 3600, WeeklyFigures(store, tagger, clock)),
                Chore("pruning of raw documents", 3600, RawPruning(store, clock, settings.raw_days, settings.raw_bytes)),
                Chore("push", 5, push(settings, store), at_news=True),
                Chore("watch for silence", 300, SilenceWatch(store, clock, ZoneInfo("Europe/London"))),
            )
            await IngestRole(store, this, clock, lambda: tagger.version, pace(settings), chores).run(stop)

    asyncio.run(run())


def run_web(settings: Settings) -> None:
    set_up_logging(settings)
    host, port = settings.bind
    check_free(host, port)
    prepared_store(settings).engine.dispose()
    run_server(host, port, partial(load_front, settings))


def load_front(settings: Settings) -> Front:
    """What the server calls, made in its worker process."""
    site = web_parts(settings)
    app, version = create_app(site, secret_key(settings)), Version(site.store.status.version)
    # A token that was revoked must not be answered with what was made before.
    renewal = None if settings.private else Renewal(Maker(partial(load_beside, settings)), version)
    # Whoever is answered from memory must not wait for the interpreter while other threads work, nor while it looks for garbage among all
    # that was loaded to stay.
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    version.watch()
    return Front(Memory(app, version, renewal), app.config["MAX_CONTENT_LENGTH"])


def load_beside(settings: Settings) -> Application:
    """The application once more, for the process that makes answers anew."""
    return create_app(web_parts(settings), secret_key(settings))


def secret_key(settings: Settings) -> str:
    return settings.secret_key or secrets.token_hex(32)


def web_parts(settings: Settings) -> WebParts:
    """What the application needs, with logging, in a process that ends with the one that started it."""
    set_up_logging(settings)
    end_with_parent()
    store = open_store(settings.database)
    known = topics()
    documents = FeedDocuments(store, known, settings.address, settings.hub_url)
    judge = LateJudge(settings, store)
    patience = max(60, 4 * settings.tick)
    limiter = Limiter(settings.rate_limit)
    return WebParts(store, documents, known, settings.address, clock, judge, patience, limiter, settings.trusted_proxies, settings.private)


# ---------------------------------------------------------------- commands


class _Misuse(click.ClickException):
    exit_code = 2


class _Commands(click.Group):
    """Turns expected errors into one line on standard error and exit status 1, or 2 for settings."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise _Misuse(str(error)) from error
        except (HealthwireError, ClassifierError) as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            # Whoever read our output has seen enough, e.g. `head`; the interpreter must not try to write the rest at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(0) from None


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(ctx: click.Context) -> None:
    """Turn health-policy news into topic feeds. Without a command: serve. Settings: HEALTHWIRE_… (see the README)."""
    ctx.obj = Session(read_settings(os.environ), clock, poll_named)
    if ctx.invoked_subcommand is None:
        ctx.invoke(serve)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the settings as its first argument."""

    @click.pass_obj
    @wraps(command)
    def called(session: Session, *args: Any, **options: Any) -> None:
        command(session.settings, *args, **options)

    return called


@main.command()
@with_settings
def serve(settings: Settings) -> None:
    """Run web and ingest on this machine until stopped (the default)."""
    set_up_logging(settings)
    # Until the roles run there is nothing to wind down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    check_free(*settings.bind)
    run_first(partial(make_ready, settings))
    _log.info("serving on %s", settings.address)
    run_together({"web": partial(run_web, settings), "ingest": partial(run_ingest, settings)})


@main.command()
@with_settings
def web(settings: Settings) -> None:
    """Serve feeds, JSON and pages only."""
    run_web(settings)


@main.command()
@with_settings
def ingest(settings: Settings) -> None:
    """Poll sources only."""
    run_ingest(settings)


@main.command()
@click.argument("sources", nargs=-1)
@with_settings
def poll(settings: Settings, sources: tuple[str, ...]) -> None:
    """Poll the due sources once, or the named ones (id, address or title), and show what came."""
    store, tagger = prepare(settings)
    ids = [store.sources.find(name).id for name in sources] if sources else None
    outcomes = asyncio.run(poll_sources(settings, store, tagger, ids))
    for line in outcome_lines(outcomes):
        click.echo(line)
    if ids is not None and len(outcomes) < len(set(ids)):
        raise HealthwireError("some of these sources are being polled by another process just now")
    if sources and any(outcome.error for outcome in outcomes):
        raise SystemExit(1)


@main.command()
@click.option(
    "--since", required=True, type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Take up what came from then on (UTC)."
)
@click.option("--apply", is_flag=True, help="Write it; otherwise it is only told what would change.")
@with_settings
def replay(settings: Settings, since: datetime, apply: bool) -> None:
    """Parse, cut and tag anew what sources sent, from the raw documents that are kept (HEALTHWIRE_RAW_DAYS)."""
    store = prepared_store(settings)
    moment = int(since.replace(tzinfo=UTC).timestamp())
    results = asyncio.run(replayed(store, ModelTagger(settings, store), moment, apply=apply))
    for line in replay_lines(results, apply=apply):
        click.echo(line)
    if any(result.complaints for result in results):
        raise SystemExit(1)


async def replayed(store: Store, tagger: ModelTagger, since: int, *, apply: bool) -> list[Replayed]:
    """What replaying came to, source by source, with a progress bar on a terminal."""
    sandbox = Sandbox()
    results: list[Replayed] = []
    try:
        with progress(len(store.raws.sources(since)), "Replaying") as bar:
            async for result in Replay(store, sandbox, tagger, clock, apply).run(since):
                results.append(result)
                bar.update(1)
    finally:
        sandbox.close()
    return results


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON line a story.")
@with_settings
def read(settings: Settings, files: tuple[str, ...], as_json: bool) -> None:
    """Read newsletter, article or feed files now (- is standard input) and show their stories with topics."""
    store = prepared_store(settings)
    tagger = ModelTagger(settings, store)
    failed = False
    # On a terminal the stories themselves show how far the reading is.
    with progress(len(files), "Reading", hidden=sys.stdout.isatty()) as bar:
        for reading in read_files(files, store, tagger, clock, settings.max_bytes):
            bar.update(1)
            failed = failed or reading.error is not None
            for line in story_lines(reading, as_json=as_json):
                click.echo(line)
            for note in reading_notes(reading):
                click.echo(note, err=True)
    if failed:
        raise SystemExit(1)


@main.command()
@click.argument("files", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON line a story.")
@click.option("--why", is_flag=True, help="Add the words that spoke for and against each topic.")
@with_settings
def classify(settings: Settings, files: tuple[str, ...], as_json: bool, why: bool) -> None:
    """Tell the topics of stories: text files (first line is the title) or JSON lines with title and text."""
    made = usable_model(settings)
    stories = [(scrub(title), scrub(text)) for name in files or ("-",) for title, text in stories_in(_text_of(name), name)]
    for (title, text), prediction in zip(stories, made.predict(stories), strict=True):
        row: dict[str, Any] = {
            "title": title,
            "topics": list(prediction.topics),
            "confidence": {each.topic: round(each.confidence, 4) for each in prediction.judgements},
            "model": made.version,
        }
        if prediction.note:
            row["note"] = prediction.note
        if why:
            row["evidence"] = {
                each.topic: {"score": round(each.score, 4), "intercept": round(each.intercept, 4), "weights": dict(each.weights)}
                for each in made.explain(title, text)
            }
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else "\n".join(judgement_lines(row)))


def _text_of(name: str) -> str:
    try:
        body = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return body.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{name}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 text") from error


@main.command()
@with_settings
def train(settings: Settings) -> None:
    """Train from seeds/ and people's corrections; the new model goes live if it is not worse."""
    store = prepared_store(settings)
    if sys.stderr.isatty():
        click.echo("Training…", err=True)
    made = workshop(settings).train(corrections(store))
    for line in entry_lines(made.entry):
        click.echo(line)
    if made.entry.refused:
        raise ClassifierError(" ".join(made.lines))
    click.echo(" ".join(made.lines))


@main.group()
def model() -> None:
    """The models that were made, and which of them is in use."""


@model.command("list")
@with_settings
def list_models(settings: Settings) -> None:
    """Show all models, the one in use marked with a star."""
    register = workshop(settings).register
    for line in register_lines(register.entries(), register.in_use()):
        click.echo(line)


@model.command("show")
@click.argument("number", type=int, required=False)
@with_settings
def show_model(settings: Settings, number: int | None) -> None:
    """Show what is known of a model (by default the one in use)."""
    register = workshop(settings).register
    if number is None:
        in_use = register.in_use()
        if in_use is None:
            raise ClassifierError("no model is in use yet; train one with: healthwire train")
        number = in_use.number
    for line in entry_lines(register.entry(number)):
        click.echo(line)


@model.command("use")
@click.argument("number", type=int)
@with_settings
def use_model(settings: Settings, number: int) -> None:
    """Put a model to use. It stays, whatever is trained by itself, until the next `healthwire train`."""
    workshop(settings).register.use(number, pinned=True)
    click.echo(f"Model {number} is in use, and stays until you run: healthwire train")


@model.command("rollback")
@with_settings
def roll_back(settings: Settings) -> None:
    """Go back to the model that was in use before."""
    register = workshop(settings).register
    number = register.former()
    register.use(number, pinned=True)
    click.echo(f"Model {number} is in use again, and stays until you run: healthwire train")


@main.command()
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
@with_settings
def evaluate(settings: Settings, file: str, as_json: bool) -> None:
    """Score the current model on labelled JSON lines (title, text, topics)."""
    from classifier.evaluate import evaluate as score
    from classifier.examples import load_examples
    from classifier.report import table

    made = usable_model(settings)
    figures = score(made, load_examples(Path(file), [topic.name for topic in made.topics]))
    click.echo(json.dumps(figures) if as_json else table(made.thresholds, figures))


main.add_command(sources)


@main.group()
def token() -> None:
    """Tokens, by which curators sign in and programs decide in their name."""


@token.command("create")
@click.argument("name")
@click.option("--only-reads", is_flag=True, help="It decides nothing; it lets its owner read where HEALTHWIRE_PRIVATE is yes.")
@with_settings
def create_token(settings: Settings, name: str, only_reads: bool) -> None:
    """Make a token; NAME stands beside every decision made with it."""
    click.echo(prepared_store(settings).tokens.create(name, clock(), only_reads=only_reads))
    use = "Put it at the end of a feed's address: ?token=TOKEN" if only_reads else "Sign in with it on /sign-in"
    click.echo(f"Keep it; it cannot be shown again. {use}, or send it as: Authorization: Bearer TOKEN", err=True)


@token.command("list")
@with_settings
def list_tokens(settings: Settings) -> None:
    """Show all tokens, valid and revoked."""
    for line in token_lines(prepared_store(settings).tokens.list()):
        click.echo(line)


@token.command("revoke")
@click.argument("name")
@with_settings
def revoke_token(settings: Settings, name: str) -> None:
    """End a token for good."""
    prepared_store(settings).tokens.revoke(name, clock())
    click.echo(f"The token of {name} is revoked")


@main.command("migrate")
@with_settings
def migrate_database(settings: Settings) -> None:
    """Bring the database to this version's schema."""
    prepared_store(settings)
    click.echo("The database is up to date")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_settings
def backup(settings: Settings, file: Path) -> None:
    """Copy the whole database into FILE, while the service runs."""
    click.echo(f"{write_backup(prepared_store(settings).engine, file)} rows written to {file}")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_settings
def restore(settings: Settings, file: Path) -> None:
    """Fill an empty database from a backup, of either engine."""
    click.echo(f"{read_backup(prepared_store(settings).engine, file)} rows restored from {file}")


def run() -> None:
    """The console command."""
    main(standalone_mode=True)


if __name__ == "__main__":
    run()
