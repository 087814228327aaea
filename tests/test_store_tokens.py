"""Tokens: made once, known again by nothing but themselves, and ended for good."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace

import pytest
from databases import rows
from fakes import START

from feeds.errors import InputError, NotFound
from feeds.store import Store
from feeds.store.schema import token


def test_a_token_is_known_again_by_its_secret_and_by_its_id(store: Store) -> None:
    secrets = [store.tokens.create("ann", START), store.tokens.create("Bob Wren, desk 2", START + 1)]
    made = store.tokens.list()
    assert [(each.name, each.created, each.revoked) for each in made] == [("ann", START, None), ("Bob Wren, desk 2", START + 1, None)]
    assert [store.tokens.of_secret(secret) for secret in secrets] == made
    assert [store.tokens.of_id(each.id) for each in made] == made
    assert store.tokens.of_id(made[-1].id + 1) is None


def test_in_an_empty_store_no_token_is_valid(store: Store) -> None:
    assert (store.tokens.list(), store.tokens.of_secret(""), store.tokens.of_id(1)) == ([], None, None)


def test_a_secret_cannot_be_guessed_and_only_its_digest_is_stored(store: Store) -> None:
    secrets = [store.tokens.create(f"curator {number}", START) for number in range(20)]
    assert len(set(secrets)) == 20
    # 256 bits take 43 characters of 6 bits.
    assert all(secret.startswith("hw_") and len(secret) == 3 + 43 and secret.isascii() for secret in secrets)
    stored = rows(store, token)
    assert [row["digest"] for row in stored] == [hashlib.sha256(secret.encode()).hexdigest() for secret in secrets]
    assert not any(secret[3:] in str(row) for row in stored for secret in secrets)


def test_nothing_but_the_whole_secret_is_a_token(store: Store) -> None:
    secret = store.tokens.create("ann", START)
    [row] = rows(store, token)
    alike = [secret[:-1], f"{secret}x", secret.swapcase(), secret.removeprefix("hw_"), f" {secret}", "", "ann", "1", "hw_", "hw_é%_"]
    assert {given: store.tokens.of_secret(given) for given in alike} == dict.fromkeys(alike)
    assert store.tokens.of_secret(row["digest"]) is None


def test_a_revoked_token_is_never_valid_again_and_the_others_stay_valid(store: Store) -> None:
    secrets = [store.tokens.create("ann", START), store.tokens.create("bob", START)]
    ann, bob = store.tokens.list()
    store.tokens.revoke("ann", START + 60)
    assert [store.tokens.of_secret(secret) for secret in secrets] == [None, bob]
    assert [store.tokens.of_id(each.id) for each in (ann, bob)] == [None, bob]
    assert store.tokens.list() == [replace(ann, revoked=START + 60), bob]


@pytest.mark.parametrize("name", ["ann", "Bob", "nobody", ""])
def test_only_a_valid_token_can_be_revoked(store: Store, name: str) -> None:
    store.tokens.create("ann", START)
    store.tokens.create("bob", START)
    store.tokens.revoke("ann", START + 60)
    before = store.tokens.list()
    with pytest.raises(NotFound, match=f"no valid token called '{name}'; see: healthwire token list"):
        store.tokens.revoke(name, START + 120)
    assert store.tokens.list() == before


@pytest.mark.parametrize("revoked", [pytest.param(False, id="valid"), pytest.param(True, id="revoked")])
def test_a_name_is_given_once_because_it_stands_beside_every_decision(store: Store, revoked: bool) -> None:
    store.tokens.create("ann", START)
    if revoked:
        store.tokens.revoke("ann", START + 60)
    before = store.tokens.list()
    with pytest.raises(InputError, match="a token called 'ann' already; choose another name"):
        store.tokens.create("ann", START + 120)
    assert store.tokens.list() == before


def test_of_those_who_want_one_name_at_once_only_one_gets_it(store: Store) -> None:
    together = threading.Barrier(4)
    got: list[str] = []
    refused: list[InputError] = []

    def ask() -> None:
        together.wait(60)
        try:
            got.append(store.tokens.create("ann", START))
        except InputError as error:
            refused.append(error)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(60)
    assert (len(got), len(refused)) == (1, 3)
    assert [store.tokens.of_secret(got[0])] == store.tokens.list()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="none"),
        pytest.param("a" * 101, id="101 characters"),
        pytest.param("ann\n", id="a line break"),
        pytest.param("ann\x1b[31m", id="an escape sequence"),
        pytest.param("nna\u202e", id="a turn of the writing direction"),
        pytest.param("ann\0", id="a null"),
    ],
)
def test_a_name_that_cannot_be_shown_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InputError, match="1 to 100 printable characters"):
        store.tokens.create(name, START)
    assert store.tokens.list() == []


@pytest.mark.parametrize("name", [pytest.param("a", id="1 character"), pytest.param("é" * 100, id="100 characters")])
def test_a_name_may_have_up_to_100_characters(store: Store, name: str) -> None:
    found = store.tokens.of_secret(store.tokens.create(name, START))
    assert found is not None
    assert found.name == name
