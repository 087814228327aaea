"""Everything that can go wrong on purpose. Each message tells a person what to do next.

HealthwireError
├── SettingsError       the environment holds settings that cannot be used
├── InputError          a file or document that cannot be read
├── FetchError          a source did not deliver
│   ├── RefusedAddress  the address lies inside a network that is not allowed
│   ├── TooLarge        the answer is longer than MAX_BYTES
│   └── SourceGone      the server says that it is gone for good
├── ParseError          a source delivered something that is no feed or newsletter
│   └── PageInstead     it is a web page, which may offer feeds
├── StoreError          the database cannot be used
│   ├── NewerDatabase   it was written by a later version of Healthwire
│   ├── LeaseLost       another worker took over this poll; nothing was written
│   ├── Full            there are as many subscribers as there may be
│   └── NotFound        no such source, story or webhook
│       └── Gone        there was one, and it will not come back
"""

from __future__ import annotations

from feeds.model import FeedLink


class HealthwireError(Exception):
    """Base of all expected errors; ``str(error)`` is one clear line."""


class SettingsError(HealthwireError):
    """Settings that cannot be used; the message lists all of them."""


class InputError(HealthwireError):
    """A file or document that cannot be read."""


class FetchError(HealthwireError):
    """A source did not deliver.

    ``retry_after``: the seconds for which its server asks to be left alone, 0 if it does not say; ``status``: its answer's, if it gave one.
    """

    def __init__(self, message: str, retry_after: int = 0, status: int = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class RefusedAddress(FetchError):
    """The address lies inside a network that is not allowed."""


class TooLarge(FetchError):
    """The answer is longer than the byte cap."""


class SourceGone(FetchError):
    """The server says that the source is gone for good (410)."""


class ParseError(HealthwireError):
    """What a source delivered is no feed or newsletter."""


class PageInstead(ParseError):
    """What a source delivered is a web page; ``feeds`` are those that it offers."""

    def __init__(self, message: str, feeds: tuple[FeedLink, ...] = ()) -> None:
        super().__init__(message, feeds)
        self.feeds = feeds

    def __str__(self) -> str:
        return str(self.args[0])


class StoreError(HealthwireError):
    """The database cannot be used."""


class NewerDatabase(StoreError):
    """The database was written by a later version."""


class LeaseLost(StoreError):
    """Another worker took over this poll; nothing was written."""


class Full(StoreError):
    """There are as many subscribers as there may be."""


class NotFound(StoreError):
    """No such source, story or webhook."""


class Gone(NotFound):
    """There was one, and it will not come back."""
