"""The frozen types that travel between the rooms. Times are UTC epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Source:
    """Where news comes from, by the scheme of its address: a feed (``http``), a mailbox (``imap``, ``maildir``), a folder of
    newsletters (``file``), or one ``newsletter`` that its ``carrier``, a mailbox or folder, brings.

    ``interval``: seconds between polls that a person set, else they follow from how often it publishes. ``next_poll`` is None
    for a source that is not polled by itself; ``reason`` says in words why then. ``usual_gap``: seconds that usually
    lie between two new entries; ``last_new``: when it last brought one. ``ttl`` (seconds), ``skip_hours`` and
    ``skip_days`` are its document's own wishes, see ``Wishes``. ``moved_to`` is a new address that redirected polls led to
    ``moved_times`` times. ``stopped``: it said that it is gone for good, or a person paused it. ``silence`` tells what has not
    come that was to be expected, since ``silent_since``.
    """

    id: int
    url: str
    title: str
    folder: str = ""
    home_url: str | None = None
    interval: int | None = None
    full_text: bool = False
    carrier: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    next_poll: int | None = None
    reason: str = ""
    last_polled: int | None = None
    last_success: int | None = None
    last_new: int | None = None
    usual_gap: int | None = None
    ttl: int = 0
    skip_hours: int = 0
    skip_days: int = 0
    failures: int = 0
    failing_since: int | None = None
    error: str | None = None
    stopped: bool = False
    moved_to: str | None = None
    moved_times: int = 0
    silent_since: int | None = None
    silence: str | None = None

    @property
    def scheme(self) -> str:
        return self.url.partition(":")[0]

    @property
    def wishes(self) -> Wishes:
        return Wishes(self.ttl, self.skip_hours, self.skip_days)

    @property
    def is_public(self) -> bool:
        """Whether its address may be shown to everybody: paths, mailboxes and senders are nobody's business."""
        return self.scheme in ("http", "https") and "@" not in self.url.split("/", 3)[2]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One line of an OPML file: a source as a person names it. ``interval``: seconds between polls, if a person set it."""

    url: str
    title: str
    folder: str = ""
    interval: int | None = None
    full_text: bool = False


EventKind = Literal["broke", "recovered", "moved", "stopped", "silent", "spoke"]


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """What happened to a source, in plain words; ``at`` is UTC epoch seconds."""

    id: int
    source: Source
    at: int
    kind: EventKind
    text: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """When an article came: the time that it bears, if that is credible, and when it was first ``seen``."""

    dated: int
    seen: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A source whose silence would be noticed.

    ``latest``: when its latest article was first seen; ``looked``: when it, or the mailbox or folder that carries it, was last read
    without an error.
    """

    id: int
    latest: int
    looked: int
    silent_since: int | None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to poll one source until it runs out; ``token`` fences the write at the end."""

    source: Source
    token: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source answered. ``body`` is None when the server said 304.

    ``moved_to`` is where permanent redirects (301, 308) alone led, None without any; ``fresh_for`` the seconds for which the
    answer says that it stays good (RFC 9111 section 4.2.1), 0 if it does not say.
    """

    url: str
    body: bytes | None
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None
    moved_to: str | None = None
    fresh_for: int = 0


@dataclass(frozen=True, slots=True)
class Newsletter:
    """Which newsletter a mail is an issue of. ``key`` comes from its List-Id, else from its sender, whatever mailbox it lies in."""

    key: str
    title: str

    @property
    def url(self) -> str:
        """Its address as a source."""
        return f"newsletter:{self.key}"


@dataclass(frozen=True, slots=True)
class Article:
    """One feed entry, mail or file, before it is cut into stories.

    ``body`` is HTML when ``is_html``, else plain text; ``origin`` tells how readily it may be a round-up. An article
    with a ``newsletter`` belongs to that source and not to the mailbox or folder that brought it.
    """

    guid: str
    title: str
    body: str
    is_html: bool
    origin: Literal["entry", "letter"]
    url: str | None = None
    base: str | None = None
    author: str | None = None
    published: int | None = None
    newsletter: Newsletter | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """How rarely a document asks to be polled: ``ttl`` in seconds (of RSS ttl and sy:updatePeriod the longer); ``skip_hours``
    and ``skip_days`` have a bit for each hour of the day in UTC (bit 0 is midnight) and weekday (bit 0 is Monday).
    """

    ttl: int = 0
    skip_hours: int = 0
    skip_days: int = 0


_NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True)
class Parsed:
    """A source's document: its own title and home page, its wishes, and the articles in its order."""

    articles: tuple[Article, ...]
    title: str = ""
    home_url: str | None = None
    wishes: Wishes = _NO_WISHES


@dataclass(frozen=True, slots=True)
class Raw:
    """Source bytes as they were parsed, kept so that they can be parsed anew. ``name`` is an address or a file's name; a ``page`` is
    that of the article with this address.
    """

    kind: Literal["feed", "file", "page"]
    name: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A feed that a web page offers (HTML link with rel=alternate)."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Story:
    """One piece of news, with its place in the article that told it (``position`` from 1)."""

    title: str
    text: str
    html: str
    url: str | None
    position: int
    of: int


@dataclass(frozen=True, slots=True)
class Split:
    """The stories of one article. ``doubt`` says why a possible round-up was kept whole."""

    stories: tuple[Story, ...]
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A term that spoke for a topic and how strongly (its share of the score, in log-odds)."""

    term: str
    weight: float


@dataclass(frozen=True, slots=True)
class Tag:
    """The word on one topic of one story.

    ``confidence``, ``model`` and ``evidence`` are the model's; ``chosen`` is what holds: the decision of the ``curator``, if
    one made it, else whether the confidence reaches the topic's threshold.
    """

    topic: str
    confidence: float
    chosen: bool
    model: str
    evidence: tuple[Evidence, ...] = ()
    curator: str | None = None

    @property
    def certainty(self) -> float:
        """How sure the choice is: a person's word is certain."""
        return self.confidence if self.curator is None else float(self.chosen)


@dataclass(frozen=True, slots=True)
class Lesson:
    """How much a person's decision on a story would teach the next model (``value`` from 0 to 1), and ``why``.

    ``unknown_words`` is the share of its words that the model has not learned from.
    """

    value: float = 0.0
    why: str = ""
    unknown_words: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model says of a story: a tag per topic, and what there is to learn."""

    tags: tuple[Tag, ...]
    lesson: Lesson = Lesson()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A model's word on one topic with all that led to it: ``intercept`` and the ``evidence`` add up to ``score``."""

    topic: str
    confidence: float
    chosen: bool
    threshold: float
    score: float
    intercept: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement per topic; ``note`` says why a text could not be judged."""

    judgements: tuple[Judgement, ...]
    note: str | None
    model: str


@dataclass(frozen=True, slots=True)
class TaggedStory:
    story: Story
    verdict: Verdict

    @property
    def tags(self) -> tuple[Tag, ...]:
        return self.verdict.tags


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's decision: whether a story is about a topic. ``about`` is None when it was handed back to the model.

    ``title`` and ``text`` are the story's words as they were then.
    """

    number: int
    story_id: str
    topic: str
    about: bool | None
    curator: str
    at: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Untaught:
    """A stored story whose tags another model may revise; ``seq`` tells whether it changed since it was read."""

    id: str
    seq: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story in the queue for curators, with what a decision on it would teach."""

    story: PublishedStory
    value: float
    why: str


@dataclass(frozen=True, slots=True)
class Token:
    """The right to act as a curator under a name, or to read where reading is not for everybody; times are UTC epoch seconds."""

    id: int
    name: str
    created: int
    revoked: int | None
    only_reads: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """An article that is new or edited, cut and tagged, ready to be stored."""

    article: Article
    fingerprint: str
    stories: tuple[TaggedStory, ...]
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """When a source is polled next (None: not by itself) and why then, in plain words."""

    at: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll leaves behind in its source's row and in the stories.

    ``url`` is its new address if it moved for good. ``marks`` are hashes of the entries in the document that was read, None to
    keep those of before; ``raws`` is what of it was new. ``is_feed`` is false if what came was something else.
    """

    polled_at: int
    plan: Plan
    error: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    title: str = ""
    home_url: str | None = None
    url: str | None = None
    moved_to: str | None = None
    moved_times: int = 0
    stopped: bool = False
    wishes: Wishes | None = None
    last_new: int | None = None
    usual_gap: int | None = None
    marks: frozenset[str] | None = None
    issues: tuple[Issue, ...] = ()
    raws: tuple[Raw, ...] = ()
    is_feed: bool = True

    def is_uneventful(self, before: Source) -> bool:
        """Whether nothing but the source's own figures is to be written."""
        fine = self.error is None and not before.failures and self.stopped == before.stopped
        return fine and self.url is None and self.marks is None and not self.issues and not self.raws


@dataclass(frozen=True, slots=True)
class Tally:
    """How many stories a write made new, edited, merged into known ones, withdrew, or gave other topics."""

    new: int = 0
    edited: int = 0
    merged: int = 0
    withdrawn: int = 0
    retagged: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.new + other.new,
            self.edited + other.edited,
            self.merged + other.merged,
            self.withdrawn + other.withdrawn,
            self.retagged + other.retagged,
        )


@dataclass(frozen=True, slots=True)
class ArticleRef:
    """Which article carried a story, and where in it."""

    id: str
    title: str
    url: str | None
    position: int
    of: int
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class AlsoReported:
    """Another telling of a story that is already known."""

    id: str
    source: Source
    title: str
    url: str | None
    published: int


@dataclass(frozen=True, slots=True)
class PublishedStory:
    """A stored story with all that a reader may want to know of it."""

    id: str
    title: str
    text: str
    html: str
    url: str | None
    author: str | None
    published: int
    first_seen: int
    updated: int
    seq: int
    source: Source
    article: ArticleRef
    tags: tuple[Tag, ...] = ()
    also_reported: tuple[AlsoReported, ...] = ()

    @property
    def topics(self) -> tuple[Tag, ...]:
        """The chosen tags, surest first."""
        return tuple(sorted((t for t in self.tags if t.chosen), key=lambda t: -t.certainty))


@dataclass(frozen=True, slots=True)
class FeedState:
    """When a feed last changed; both figures are 0 for a feed that never held a story."""

    seq: int = 0
    updated: int = 0


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as people name it; its feed is ``/feeds/{name}.atom``."""

    name: str
    title: str
    meaning: str


@dataclass(frozen=True, slots=True)
class StoryQuery:
    """Which stories to show, newest first. ``feed`` is a topic, ``all``, ``untagged``, or several of them joined by ``+``: any of them.

    ``words`` is what a person searches for (see ``feeds.words``). Only stories with ids below ``before`` are shown; ``since``
    compares with ``first_seen``.
    """

    feed: str = "all"
    words: str = ""
    source: int | None = None
    min_confidence: float = 0.0
    since: int | None = None
    before: str | None = None
    limit: int = 50

    @property
    def is_plain(self) -> bool:
        """Whether that is the feed of a topic, of all stories or of those without a topic, just as it is."""
        return self == StoryQuery(self.feed) and "+" not in self.feed


@dataclass(frozen=True, slots=True)
class Found:
    """The ids of stories that a query asks for, newest first; ``older`` is the id below which there may be more, None at the end."""

    ids: tuple[str, ...]
    older: str | None


ChangeKind = Literal["new", "edited", "retagged", "merged", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Change:
    """The last thing that happened to a story, and the story as it is now, None if it was withdrawn.

    To who asks for some stories only, one that does not fit any more has ``left`` them.
    """

    seq: int
    at: int
    kind: ChangeKind | Literal["left"]
    story_id: str
    story: PublishedStory | None


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whom to tell that something is new: a subscriber of our hub (``websub``), a program (``webhook``), or an outside ``hub``.

    A subscription is ``active`` or was ``stopped`` for an error; what is asked of our hub (``asked``, ``leaving``) stands beside the
    subscription that it is about until the subscriber has said that it meant it. ``topic`` is the address of the document subscribed
    to as the subscriber wrote it, ``suffix`` its format, ``etag`` that of the one that it has. It knows all that the change log says
    up to ``seq``, and is not to be asked before ``next_try``. ``lease`` is what it asked for in seconds. ``claim`` tells who has it in
    hand, and says nothing of itself. Times are UTC epoch seconds.
    """

    kind: Literal["websub", "webhook", "hub"]
    callback: str
    created: int
    state: Literal["asked", "active", "leaving", "stopped"] = "active"
    query: StoryQuery = StoryQuery()
    topic: str = ""
    suffix: str = ""
    secret: str = ""
    owner: str = ""
    lease: int = 0
    lease_until: int | None = None
    etag: str = ""
    seq: int = 0
    next_try: int = 0
    failures: int = 0
    failing_since: int | None = None
    error: str | None = None
    id: int = 0
    claim: str = field(default="", compare=False)

    @property
    def host(self) -> str:
        """Whom to ask."""
        return urlsplit(self.callback).hostname or ""

    @property
    def is_request(self) -> bool:
        """Whether the subscriber must say first that it meant it."""
        return self.state in ("asked", "leaving")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A subscriber as it was claimed has taken what it was sent: it knows all up to ``seq``, has the document with that ``etag``, and
    is not to be asked before ``next_try``.
    """

    claimed: Subscriber
    seq: int
    etag: str
    next_try: int


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A story that a feed showed and does not show now, and since when (RFC 6721)."""

    story_id: str
    at: int


@dataclass(frozen=True, slots=True)
class Health:
    """What readiness needs to know of the ingest role."""

    heartbeat: int | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class TopicWeek:
    """The share of a week's stories that had the topic, and the mean confidence of the model's choices (None without any)."""

    rate: float
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Week:
    """How the tags of a week's stories were spread; ``start`` is its Monday, all shares are from 0 to 1.

    ``acronyms`` are those that the model has never learned from, with the number of stories that they stand in.
    """

    start: int
    stories: int
    topics: Mapping[str, TopicWeek]
    untagged: float
    unknown_words: float
    acronyms: Mapping[str, int]
