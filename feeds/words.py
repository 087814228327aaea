"""The words by which stories are searched: the same for what is stored and for what is asked, on either database."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

import snowballstemmer

from feeds.errors import InputError

LONGEST_SEARCH = 200
MOST_WORDS = 12
# Not as regular expressions have it, which do not agree on what is a space.
_SPACE = r"\t\n\v\f\r "
SEARCH = (
    rf"[{_SPACE}]*(?:-[^{_SPACE}]*[{_SPACE}]+){{0,{MOST_WORDS - 1}}}"
    rf"[^-{_SPACE}][^{_SPACE}]*(?:[{_SPACE}]+[^{_SPACE}]+){{0,{MOST_WORDS - 1}}}[{_SPACE}]*"
)
"""What can be searched for: a word that is wanted, and not too many others before and after it."""
_NO_WORD = 'a search needs a word to look for, e.g. beds or "waiting times" -children'
# Nothing longer is a word of any language.
_LONGEST_WORD = 60
_WORD = re.compile(r"[^\W_]+")
_MARKS = re.compile("[\u0300-\u036f]")
_APOSTROPHES = re.compile("['\u2019]s?\\b")
_TERM = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


@dataclass(frozen=True, slots=True)
class Search:
    """What a text must hold and must not hold; each term is one word, or several that follow one another, by their stems."""

    wanted: tuple[tuple[str, ...], ...]
    unwanted: tuple[tuple[str, ...], ...] = ()


def stems(text: str) -> list[str]:
    """The words of a text in their order, each as the stem that all its English forms share, without accents and case."""
    plain = _APOSTROPHES.sub("", _MARKS.sub("", unicodedata.normalize("NFKD", text)).casefold())
    return [_stem(word[:_LONGEST_WORD]) for word in _WORD.findall(plain)]


def check_search(text: str) -> None:
    """Makes sure that a person asked for something that can be searched for.

    Raises:
        InputError: it is too long, has too many words, or none that is wanted.
    """
    if len(text) > LONGEST_SEARCH:
        raise InputError(f"a search has at most {LONGEST_SEARCH} characters, this one has {len(text)}")
    if not re.fullmatch(SEARCH, text):
        asks = re.search(rf"(?:^|[{_SPACE}])[^-{_SPACE}]", text)
        raise InputError(f"a search has at most {MOST_WORDS} words" if asks else _NO_WORD)


@lru_cache(maxsize=512)
def search_of(text: str) -> Search:
    """What is looked for: all the words, "words in quotation marks" as they stand, and not those after a minus sign.

    Without a letter or figure that is wanted, it looks for nothing.
    """
    found = [(bool(term["minus"]), tuple(stems(term["phrase"] or term["word"] or ""))) for term in _TERM.finditer(text)]
    wanted = tuple(dict.fromkeys(words for minus, words in found if words and not minus))
    unwanted = tuple(dict.fromkeys(words for minus, words in found if words and minus))
    return Search(wanted, unwanted)


@cache
def _stemmer() -> snowballstemmer.basestemmer.BaseStemmer:
    return snowballstemmer.stemmer("english")


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))
