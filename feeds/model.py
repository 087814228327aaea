"""The frozen types that travel between the rooms. Times are UTC epoch seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Source:
    """Where news comes from: a feed's address or a folder of newsletters (``file:`` URL)."""

    id: int
    url: str
    title: str
    folder: str = ""
    home_url: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    next_poll: int | None = None
    last_polled: int | None = None
    last_success: int | None = None
    failures: int = 0
    error: str | None = None

    @property
    def is_folder(self) -> bool:
        return self.url.startswith("file:")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One line of an OPML file: a source as a person names it."""

    url: str
    title: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to poll one source until it runs out; ``token`` fences the write at the end."""

    source: Source
    token: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source answered. ``body`` is None when the server said 304."""

    url: str
    body: bytes | None
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """One feed entry, mail or file, before it is cut into stories.

    ``body`` is HTML when ``is_html``, else plain text; ``origin`` tells how readily it may be a round-up.
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


@dataclass(frozen=True, slots=True)
class Parsed:
    """A source's document: its own title and home page, and the articles in its order."""

    articles: tuple[Article, ...]
    title: str = ""
    home_url: str | None = None


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
    """The right to act as a curator under a name; times are UTC epoch seconds."""

    id: int
    name: str
    created: int
    revoked: int | None


@dataclass(frozen=True, slots=True)
class Issue:
    """An article that is new or edited, cut and tagged, ready to be stored."""

    article: Article
    fingerprint: str
    stories: tuple[TaggedStory, ...]
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll leaves behind in its source's row and in the stories."""

    polled_at: int
    next_poll: int | None
    error: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    title: str = ""
    home_url: str | None = None
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many stories a write made new, edited, merged into known ones, or withdrew."""

    new: int = 0
    edited: int = 0
    merged: int = 0
    withdrawn: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.new + other.new,
            self.edited + other.edited,
            self.merged + other.merged,
            self.withdrawn + other.withdrawn,
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
    """Which stories to show, newest first. ``feed`` is a topic, ``all`` or ``untagged``.

    ``before`` is the id of the last story already shown; ``since`` compares with ``first_seen``.
    """

    feed: str = "all"
    source: int | None = None
    min_confidence: float = 0.0
    since: int | None = None
    before: str | None = None
    limit: int = 50


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
