"""The settings, read from a mapping such as the environment and checked all at once."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from feeds.errors import SettingsError

PREFIX = "HEALTHWIRE_"
_SEEDS = Path(__file__).resolve().parent.parent / "seeds"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose. Durations are seconds, sizes are bytes."""

    data_dir: Path = Path("data")
    database_url: str = ""
    bind: tuple[str, int] = ("127.0.0.1", 8000)
    base_url: str = ""
    hub: str = ""
    contact: str = ""
    sources: Path = _SEEDS / "sources.opml"
    poll_interval: int = 3600
    poll_min_interval: int = 900
    poll_max_interval: int = 86_400
    tick: int = 5
    fetch_timeout: int = 30
    max_bytes: int = 15 * 1024 * 1024
    concurrency: int = 50
    per_host: int = 1
    allow_addresses: tuple[Network, ...] = ()
    secrets_file: Path | None = None
    raw_days: int = 30
    raw_bytes: int = 1024**3
    retrain_after: int = 20
    private: bool = False
    rate_limit: int = 1200
    trusted_proxies: tuple[Network, ...] = ()
    secret_key: str = ""
    log_format: str = "text"

    @property
    def database(self) -> str:
        """The address of the database: the one that was set, else SQLite in the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir / 'healthwire.db'}"

    @property
    def address(self) -> str:
        """The address that readers use, without a trailing slash."""
        host, port = self.bind
        reachable = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
        return self.base_url or f"http://{reachable}:{port}"

    @property
    def hub_url(self) -> str | None:
        """The hub that tells subscribers what is new: our own unless another was set; None if there is to be none.

        Where reading is not for everybody there is none: a subscription would outlive the token of whoever made it.
        """
        return None if self.hub == "off" or self.private else self.hub or own_hub(self.address)

    @property
    def outside_hub(self) -> str | None:
        """The hub that is told what changes, if it is not our own."""
        return None if self.hub in ("", "off") or self.private else self.hub

    @property
    def models(self) -> Path:
        """The folder of the register of models."""
        return self.data_dir / "models"


def own_hub(address: str) -> str:
    """The hub of the service at that address."""
    return f"{address}/hub"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in an environment.

    Raises:
        SettingsError: something is unknown or cannot be used; the message tells all mistakes.
    """
    given = {key.removeprefix(PREFIX).lower(): value.strip() for key, value in environ.items() if key.startswith(PREFIX)}
    known = [item.name for item in fields(Settings)]
    mistakes: list[str] = []
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else "; see the README for all settings"
            mistakes.append(f"{PREFIX}{name.upper()} is not a setting{hint}")
        elif value:
            try:
                values[name] = _READERS[name](value)
            except ValueError as error:
                shown = "" if name == "secret_key" else f"={value!r}"
                mistakes.append(f"{PREFIX}{name.upper()}{shown}: {error}")
    settings = Settings(**values)  # type: ignore[arg-type]
    # What cannot be read counts as its default, which must not be blamed.
    if not any(f"{PREFIX}POLL_" in mistake for mistake in mistakes):
        mistakes += _contradictions(settings)
    if mistakes:
        raise SettingsError("; ".join(mistakes))
    return settings


def _contradictions(settings: Settings) -> list[str]:
    if not settings.poll_min_interval <= settings.poll_interval <= settings.poll_max_interval:
        return [f"{PREFIX}POLL_INTERVAL must lie between {PREFIX}POLL_MIN_INTERVAL and {PREFIX}POLL_MAX_INTERVAL"]
    return []


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not re.fullmatch(r"\d{1,12}", value) or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return read


def _bind(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError("must be HOST:PORT, e.g. 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or re.search(r"[\s?#]", value):
        raise ValueError("must be a web address, e.g. https://news.example.org")
    return value.rstrip("/")


def _hub(value: str) -> str:
    if value != "off":
        try:
            _web_address(value)
        except ValueError:
            raise ValueError("must be the web address of a hub, or off for none") from None
    return value


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in re.split(r"[\s,]+", value) if part)
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8, parted by commas") from None


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be one line of printable characters")
    return value


def _secret(value: str) -> str:
    if len(value) < 16:
        raise ValueError("must have at least 16 characters, e.g. the output of: openssl rand -hex 32")
    return _one_line(value)


def _log_format(value: str) -> str:
    if value not in ("text", "json"):
        raise ValueError("must be text or json")
    return value


def _yes_or_no(value: str) -> bool:
    if value not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return value == "yes"


def _file(value: str) -> Path:
    path = Path(value)
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


_READERS: dict[str, Callable[[str], object]] = {
    "data_dir": Path,
    "database_url": _one_line,
    "bind": _bind,
    "base_url": _web_address,
    "hub": _hub,
    "contact": _one_line,
    "sources": _file,
    "poll_interval": _whole(1, 31_536_000),
    "poll_min_interval": _whole(1, 31_536_000),
    "poll_max_interval": _whole(1, 31_536_000),
    "tick": _whole(1, 3600),
    "fetch_timeout": _whole(1, 600),
    "max_bytes": _whole(1024, 1024**3),
    "concurrency": _whole(1, 1000),
    "per_host": _whole(1, 100),
    "allow_addresses": _networks,
    "secrets_file": _file,
    "raw_days": _whole(0, 3650),
    "raw_bytes": _whole(0, 1024**4),
    "retrain_after": _whole(0, 1_000_000),
    "private": _yes_or_no,
    "rate_limit": _whole(0, 1_000_000),
    "trusted_proxies": _networks,
    "secret_key": _secret,
    "log_format": _log_format,
}
