"""What every feed document says of itself, and the ids and addresses that all formats share."""

from __future__ import annotations

from dataclasses import dataclass

from feeds.text import escaped

# Ids must never change, so they hold no host name that an operator could change (RFC 4151; "invalid" by RFC 2606).
_TAG = "tag:healthwire.invalid,2026:"
TOPIC_SCHEME = f"{_TAG}topics"
EVENT_SCHEME = f"{_TAG}events"
NAMESPACE = f"{_TAG}ns"

AUTHOR = "Healthwire"
LANGUAGE = "en-GB"
HEALTH = "sources-health"
SOURCES = "/sources"


@dataclass(frozen=True, slots=True)
class Channel:
    """What a feed document says of itself, whatever its format.

    ``name`` is what it shows, written as in an address ("finance", "finance+workforce", "all?q=beds"); with ``instance`` it makes
    the feed's id. ``updated`` is UTC epoch seconds. ``self_url`` is the address of this very document, ``page_url`` that of the
    page that shows the same. An archive document has the address of the subscription document as its ``current_url``;
    ``prev_archive`` is the address of the archive document before this one.
    """

    name: str
    title: str
    subtitle: str
    instance: str
    updated: int
    base_url: str
    self_url: str
    page_url: str
    current_url: str | None = None
    prev_archive: str | None = None
    hub_url: str | None = None

    @property
    def id(self) -> str:
        """The same for all formats and archive documents of one feed."""
        return f"{_TAG}{self.instance}/feeds/{escaped(self.name)}"

    @property
    def is_archive(self) -> bool:
        """Whether its bytes have to stay as they are (RFC 5005 section 4)."""
        return self.current_url is not None

    @property
    def icon_url(self) -> str:
        return f"{self.base_url}/static/icon.svg"


def story_tag(story_id: str) -> str:
    """A story's id in every feed that shows it."""
    return f"{_TAG}stories/{story_id}"


def source_tag(source_id: int, instance: str) -> str:
    """The id of a source that has no address for everybody."""
    return f"{_TAG}{instance}/sources/{source_id}"


def event_tag(event_id: int, instance: str) -> str:
    return f"{_TAG}{instance}/events/{event_id}"


def story_path(story_id: str) -> str:
    return f"/stories/{story_id}"


def source_path(source_id: int) -> str:
    """Where a source stands on the page of all sources."""
    return f"{SOURCES}#source-{source_id}"
