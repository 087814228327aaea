"""What a person names becomes the address of a source, or a clear word on why it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.errors import InputError
from feeds.ingest.addresses import any_address, network_address


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("https://a.example/feed?x=1", "https://a.example/feed?x=1"),
        ("HTTPS://a.example/Feed", "https://a.example/Feed"),
        ("  https://a.example/feed\n", "https://a.example/feed"),
        ("feed://a.example/rss", "http://a.example/rss"),
        ("feed:https://a.example/rss", "https://a.example/rss"),
        (
            "imaps://ada%40a.example@mail.example/INBOX?list=weekly.a.example",
            "imaps://ada%40a.example@mail.example/INBOX?list=weekly.a.example",
        ),
        ("https://a.example/@ada", "https://a.example/@ada"),
    ],
)
def test_addresses_on_the_network_are_taken_as_they_are(address: str, stored: str) -> None:
    assert any_address(address) == network_address(address) == stored


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://a.example/feed", "neither a web address, a mailbox"),
        ("javascript:alert(1)", "neither a web address, a mailbox"),
        ("/no/such/folder", "neither a web address, a mailbox"),
        ("file:///etc/", "neither a web address, a mailbox"),
        ("https://", "neither a web address, a mailbox"),
        ("https://a.example/" + "x" * 2000, "longer than 2000 bytes"),
        ("https://ada:swordfish@a.example/feed", "everybody can see addresses"),
        ("https://ada@a.example/feed", "everybody can see addresses"),
        ("imaps://ada:swordfish@mail.example/", "HEALTHWIRE_SECRETS_FILE"),
        ("imaps://mail.example/", "a mailbox needs a user and a host"),
        ("maildir:letters", "a maildir needs its whole path"),
    ],
)
def test_what_can_be_no_source_is_told_and_no_password_is(address: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        any_address(address)
    assert "swordfish" not in str(caught.value)


def test_folders_and_maildirs_are_named_by_their_paths(tmp_path: Path) -> None:
    assert any_address(str(tmp_path)) == tmp_path.as_uri() + "/"
    assert any_address(f"maildir:{tmp_path}") == f"maildir:{tmp_path}"
    assert network_address(str(tmp_path)) is None
    assert network_address(f"maildir:{tmp_path}") is None
