"""Everything that can go wrong on purpose. Each message tells a person what to do next.

HealthwireError
├── SettingsError       the environment holds settings that cannot be used
├── InputError          a file or document that cannot be read
├── FetchError          a source did not deliver
│   ├── RefusedAddress  the address lies inside a network that is not allowed
│   └── TooLarge        the answer is longer than MAX_BYTES
├── ParseError          a source delivered something that is no feed or newsletter
├── StoreError          the database cannot be used
│   ├── NewerDatabase   it was written by a later version of Healthwire
│   ├── LeaseLost       another worker took over this poll; nothing was written
│   └── NotFound        no such source or story
│       └── Gone        there was one, and it will not come back
"""


class HealthwireError(Exception):
    """Base of all expected errors; ``str(error)`` is one clear line."""


class SettingsError(HealthwireError):
    """Settings that cannot be used; the message lists all of them."""


class InputError(HealthwireError):
    """A file or document that cannot be read."""


class FetchError(HealthwireError):
    """A source did not deliver."""


class RefusedAddress(FetchError):
    """The address lies inside a network that is not allowed."""


class TooLarge(FetchError):
    """The answer is longer than the byte cap."""


class ParseError(HealthwireError):
    """What a source delivered is no feed or newsletter."""


class StoreError(HealthwireError):
    """The database cannot be used."""


class NewerDatabase(StoreError):
    """The database was written by a later version."""


class LeaseLost(StoreError):
    """Another worker took over this poll; nothing was written."""


class NotFound(StoreError):
    """No such source or story."""


class Gone(NotFound):
    """There was one, and it will not come back."""
