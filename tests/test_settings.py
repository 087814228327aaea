"""Settings from the environment: what each may be, and that all mistakes are told at once."""

from __future__ import annotations

from dataclasses import fields, replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from feeds.errors import SettingsError
from feeds.ingest.opml import read_opml
from feeds.settings import Settings, read_settings

HERE = str(Path(__file__))
NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("192.168.0.7/32"))


def test_without_an_environment_the_defaults_hold() -> None:
    settings = read_settings({"PATH": "/bin", "OTHER_TICK": "x", "healthwire_tick": "x"})

    assert settings == Settings()
    assert settings.database == "sqlite:///data/healthwire.db"
    assert settings.address == "http://127.0.0.1:8000"
    assert (settings.poll_interval, settings.poll_min_interval, settings.poll_max_interval, settings.tick) == (3600, 900, 86_400, 5)
    assert (settings.fetch_timeout, settings.max_bytes, settings.concurrency, settings.per_host) == (30, 15 * 2**20, 50, 1)
    assert settings.allow_addresses == settings.trusted_proxies == ()
    assert settings.rate_limit == 1200


def test_the_default_list_of_sources_is_usable() -> None:
    file = Settings().sources
    given = read_opml(file.read_bytes(), file.parent)
    assert given.subscriptions
    assert given.complaints == ()


GOOD = [
    ("DATA_DIR", "/var/lib/healthwire", {"data_dir": Path("/var/lib/healthwire")}),
    ("DATABASE_URL", "postgresql+psycopg://u:p@db/news", {"database_url": "postgresql+psycopg://u:p@db/news"}),
    ("BIND", "0.0.0.0:80", {"bind": ("0.0.0.0", 80)}),  # noqa: S104
    ("BIND", "[::1]:8000", {"bind": ("::1", 8000)}),
    ("BIND", "localhost:65535", {"bind": ("localhost", 65_535)}),
    ("BASE_URL", "https://news.example.org/health/", {"base_url": "https://news.example.org/health"}),
    ("BASE_URL", "http://[::1]:8080", {"base_url": "http://[::1]:8080"}),
    ("HUB", "https://hub.example.net/", {"hub": "https://hub.example.net/"}),
    ("HUB", "off", {"hub": "off"}),
    ("CONTACT", "https://news.example.org/about", {"contact": "https://news.example.org/about"}),
    ("SOURCES", HERE, {"sources": Path(HERE)}),
    ("POLL_INTERVAL", "86400", {"poll_interval": 86_400}),
    ("POLL_MIN_INTERVAL", "3600", {"poll_min_interval": 3600}),
    ("POLL_MAX_INTERVAL", " 31536000 ", {"poll_max_interval": 31_536_000}),
    ("TICK", "1", {"tick": 1}),
    ("FETCH_TIMEOUT", "600", {"fetch_timeout": 600}),
    ("MAX_BYTES", "1024", {"max_bytes": 1024}),
    ("CONCURRENCY", "1000", {"concurrency": 1000}),
    ("PER_HOST", "100", {"per_host": 100}),
    ("ALLOW_ADDRESSES", "10.1.2.3/8, fd00::/8\t192.168.0.7", {"allow_addresses": NETWORKS}),
    ("SECRETS_FILE", HERE, {"secrets_file": Path(HERE)}),
    ("RAW_DAYS", "0", {"raw_days": 0}),
    ("RAW_BYTES", "1000000", {"raw_bytes": 1_000_000}),
    ("RETRAIN_AFTER", "0", {"retrain_after": 0}),
    ("PRIVATE", "yes", {"private": True}),
    ("PRIVATE", "no", {"private": False}),
    ("RATE_LIMIT", "0", {"rate_limit": 0}),
    ("RATE_LIMIT", "1000000", {"rate_limit": 1_000_000}),
    ("TRUSTED_PROXIES", "10.1.2.3/8, fd00::/8\t192.168.0.7", {"trusted_proxies": NETWORKS}),
    ("SECRET_KEY", "0123456789abcdef", {"secret_key": "0123456789abcdef"}),
    ("LOG_FORMAT", "json", {"log_format": "json"}),
    ("TICK", "", {}),
    ("BIND", "  ", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "changed"), GOOD, ids=[f"{name}={value}" for name, value, _ in GOOD])
def test_a_good_value_is_taken(name: str, value: str, changed: dict[str, object]) -> None:
    assert read_settings({f"HEALTHWIRE_{name}": value}) == replace(Settings(), **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("DATABASE_URL", "sqlite:///a\nb", "one line"),
        ("CONTACT", "me\r\nX-Injected: 1", "one line"),
        *(("BIND", value, "HOST:PORT") for value in ("8000", ":8000", "127.0.0.1", "127.0.0.1:", "a:0", "a:65536", "a:-1", "a:x")),
        *(("BASE_URL", value, "web address") for value in ("news.example.org", "ftp://a.example", "https://", "https://a/?x", "https://a/#x")),
        *(("BASE_URL", value, "") for value in ("https://a.example:port", "https://a.example:99999", "https://[::1", "https://a b")),
        *(("HUB", value, "web address of a hub, or off") for value in ("on", "hub.example.net", "ftp://hub.example.net/", "https://h/#x")),
        ("SOURCES", "/no/such/file.opml", "no such file"),
        ("SOURCES", "/", "no such file"),
        *(("TICK", value, "whole number from 1 to 3600") for value in ("0", "3601", "-5", "5.0", "5s", "1e2", "0x5", "five", "9" * 20)),
        *((name, "0", "whole number from 1 to") for name in ("POLL_INTERVAL", "POLL_MIN_INTERVAL", "POLL_MAX_INTERVAL", "FETCH_TIMEOUT")),
        *((name, "0", "whole number from 1 to") for name in ("CONCURRENCY", "PER_HOST")),
        ("FETCH_TIMEOUT", "601", "whole number from 1 to 600"),
        ("CONCURRENCY", "1001", "whole number from 1 to 1000"),
        ("PER_HOST", "101", "whole number from 1 to 100"),
        ("MAX_BYTES", "1023", "whole number from 1024 to"),
        ("MAX_BYTES", "1073741825", "whole number from 1024 to"),
        *(("ALLOW_ADDRESSES", value, "networks such as") for value in ("10.0.0.0/33", "localhost", "10.0.0.0-10.0.0.9", "*")),
        *(("TRUSTED_PROXIES", value, "networks such as") for value in ("proxy.example", "10.0.0.1:80", "fd00::/129", "all")),
        *(("RATE_LIMIT", value, "whole number from 0 to 1000000") for value in ("-1", "1000001", "none", "10/s")),
        ("PRIVATE", "true", "must be yes or no"),
        ("LOG_FORMAT", "JSON", "text or json"),
    ],
)  # fmt: skip
def test_a_bad_value_is_told_with_its_name_and_what_it_must_be(name: str, value: str, advice: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({f"HEALTHWIRE_{name}": value})
    assert f"HEALTHWIRE_{name}={value!r}: " in str(caught.value)
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("HEALTHWIRE_POLL_INTERVALL", "did you mean HEALTHWIRE_POLL_INTERVAL?"),
        ("HEALTHWIRE_DATADIR", "did you mean HEALTHWIRE_DATA_DIR?"),
        ("HEALTHWIRE_ALLOWED_ADDRESSES", "did you mean HEALTHWIRE_ALLOW_ADDRESSES?"),
        ("HEALTHWIRE_XYZZY", "see the README"),
    ],
)
def test_an_unknown_setting_is_a_mistake_with_a_hint(given: str, hint: str) -> None:
    with pytest.raises(SettingsError, match="is not a setting") as caught:
        read_settings({given: "1"})
    assert given in str(caught.value)
    assert hint in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    wrong = {f"HEALTHWIRE_{name}": "?" for name in ("BIND", "TICK", "LOG_FORMAT", "NO_SUCH", "SOURCES")} | {
        "HEALTHWIRE_POLL_INTERVAL": "10"
    }

    with pytest.raises(SettingsError) as caught:
        read_settings(wrong | {"HEALTHWIRE_PER_HOST": "2"})

    assert [name for name in wrong if name in str(caught.value)] == list(wrong)
    assert "PER_HOST" not in str(caught.value)


@pytest.mark.parametrize(
    ("low", "middle", "high"), [("900", "899", "3600"), ("900", "3601", "3600"), ("7200", "3600", "86400"), ("60", "60", "59")]
)
def test_poll_intervals_must_be_in_order(low: str, middle: str, high: str) -> None:
    given = {"HEALTHWIRE_POLL_MIN_INTERVAL": low, "HEALTHWIRE_POLL_INTERVAL": middle, "HEALTHWIRE_POLL_MAX_INTERVAL": high}
    with pytest.raises(SettingsError, match="POLL_INTERVAL must lie between"):
        read_settings(given)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"BIND": "[::1]:80"}, "http://[::1]:80"),
        ({"BIND": "news.example.org:8080"}, "http://news.example.org:8080"),
        ({"BIND": "0.0.0.0:80", "BASE_URL": "https://news.example.org/"}, "https://news.example.org"),
    ],
)
def test_readers_are_sent_to_the_base_url_or_where_the_service_listens(given: dict[str, str], address: str) -> None:
    assert read_settings({f"HEALTHWIRE_{name}": value for name, value in given.items()}).address == address


def test_every_setting_is_tried_here() -> None:
    assert {name.lower() for name, _, _ in GOOD} == {field.name for field in fields(Settings)}


@pytest.mark.parametrize(
    ("given", "hub"),
    [
        ({}, "https://news.example.org/hub"),
        ({"HUB": "https://hub.example.net/push"}, "https://hub.example.net/push"),
        ({"HUB": "off"}, None),
        ({"PRIVATE": "yes"}, None),
        ({"PRIVATE": "yes", "HUB": "https://hub.example.net/push"}, None),
    ],
)
def test_the_hub_is_our_own_unless_another_is_named_or_none_is_wanted(given: dict[str, str], hub: str | None) -> None:
    given |= {"BASE_URL": "https://news.example.org/"}
    assert read_settings({f"HEALTHWIRE_{name}": value for name, value in given.items()}).hub_url == hub
