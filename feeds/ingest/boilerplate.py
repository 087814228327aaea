"""What stands in newsletters and article pages without being news, told by its wording.

The wording itself is data: ``wording.toml`` beside this file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from feeds.ingest.blocks import Block

_WORDING: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("wording.toml").read_text("utf-8"))

_PLACEHOLDERS = {
    "{product}": r"(?:e-?mail|e-?letter|newsletter|bulletin|digest|round-?up|briefing|e-?zine|mailing|alert)s?",
    "{mail}": r"(?:e-?mail|message|mailing|newsletter|bulletin|digest|briefing)",
    "{month}": r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)",
    "{day}": r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?",
}


# Lines of a document, each of a thousand characters at most.
_REMEMBERED = 2000


class _Wording:
    """Patterns of which one is enough.

    Most stand at the beginning of a line. Those are tried there alone: a search would try each of them at every letter.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        first = [pattern for pattern in patterns if _begins_line(pattern)]
        self._first = _joined(first)
        self._anywhere = _joined([pattern for pattern in patterns if pattern not in first])

    def match(self, text: str) -> bool:
        """Whether the text begins with one."""
        return any(pattern is not None and pattern.match(text) for pattern in (self._first, self._anywhere))

    def search(self, text: str) -> bool:
        """Whether one is in the text."""
        begins = self._first is not None and self._first.match(text)
        return bool(begins or (self._anywhere is not None and self._anywhere.search(text)))


def _begins_line(pattern: str) -> bool:
    """Whether it can only match at the beginning: it says so, and not just in one of several alternatives."""
    depth = 0
    for sign in re.findall(r"\\.|\[(?:\\.|[^]])*\]|[()|]", pattern):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "|" and depth == 0:
            return False
    return pattern.startswith("^")


def _joined(patterns: Sequence[str]) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    for name, pattern in _PLACEHOLDERS.items():
        joined = joined.replace(name, pattern)
    return re.compile(joined, re.IGNORECASE) if joined else None


def _whole(name: str, before: str = "", after: str = r"[\s:.?\u2026]*") -> _Wording:
    return _Wording([rf"^{before}(?:{'|'.join(_WORDING[name])}){after}$"])


_MAILING, _SMALL_PRINT, _PAGE = (_Wording(_WORDING[name]) for name in ("mailing", "small_print", "page"))
_DATELINE, _GREETING, _BLURB, _ROUNDUP = (_Wording(_WORDING[name]) for name in ("dateline", "greeting", "blurb", "roundup"))
_ADDRESS, _CALL_TO_BUY = (_Wording(_WORDING[name]) for name in ("address", "call_to_buy"))
_FAREWELL = _whole("farewell", after=r"\b.{0,120}")
_SIDE_SECTION, _CONTENTS, _SHORTS, _SUBHEADING = (_whole(name) for name in ("side_section", "contents", "shorts", "subheading"))
_MORE = _whole("more", before=r"\W*", after=r"(?: subscribers? only)?\W*")
_COMMON_NAMES = frozenset(_WORDING["common_names"])
_REFERS_BACK = re.compile("|".join(_WORDING["refers_back"]))
_BECKONING = _Wording([rf"^\W*(?:{'|'.join(_WORDING['beckoning'])})\b"])
_WHEN = _Wording(
    [
        r"^(?:{day},? )?\d{1,2}(?:st|nd|rd|th)?(?:\s?[-\u2013&]\s?\d{1,2})? {month}\b",
        r"^{day},? \d",
        r"^\d{1,2}[.:]\d\d\b",
        r"^\d{1,2} ?(?:am|pm)\b",
    ]
)
_PAY = _Wording([r"\bband \d", r"\bclosing date\b", r"\bcirca \u00a3|\bc\. ?\u00a3|\u00a3\d+k\b|\u00a3\d{2},\d{3}", r"\bper annum\b"])
_VOICE = re.compile(r"\b(?:I|I'm|I've|we|we've|we're|our|us|you|you'll|you've|your|my)\b", re.I)
_COUNT = r"\b(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen)"
_COUNTED = re.compile(rf"{_COUNT} (?:\w+ ){{0,3}}(?:{'|'.join(_WORDING['countable'])})\b", re.I)
_ADVERT = re.compile(r"(?:advert|sponsor|promot|a message from|a word from|partner)", re.I)
_LOGIN = re.compile(r"(?:already|not yet|have you|register|log|sign)\b", re.I)
_HONORIFIC = r"(?:(?:Dr|Prof|Professor|Sir|Dame|Mr|Mrs|Ms|Cllr|Lord|Baroness)\.? )?"
_PERSON = re.compile(rf"{_HONORIFIC}(?:[A-Z][\w'\u2019-]+ ){{1,3}}[A-Z][\w'\u2019-]+")


def _is_short(block: Block, words: int) -> bool:
    """At most so many words of usual length; long texts are never tried against the wording."""
    return len(block.text) <= 15 * words and block.words <= words


def is_mailing(block: Block) -> bool:
    """Sign-up, forwarding, unsubscribing, addresses, copyright, log-in prompts, social links."""
    text = f"{block.marker} {block.text}".strip() if block.marker == "(c)" else block.text
    return _is_short(block, 45) and _says_mailing(text)


# Asked several times of each line on its way through the splitter.
@lru_cache(maxsize=_REMEMBERED)
def _says_mailing(text: str) -> bool:
    return _MAILING.search(_plain(text))


def is_small_print(block: Block) -> bool:
    """Who publishes the newsletter, where, and for whom; to be asked only of a document's head and foot."""
    return _is_short(block, 70) and _says_small_print(block.text)


@lru_cache(maxsize=_REMEMBERED)
def _says_small_print(text: str) -> bool:
    return _SMALL_PRINT.search(_plain(text))


def is_login(block: Block) -> bool:
    """Prompts that stand on article pages as well as in mails."""
    return bool(_LOGIN.match(block.text))


def is_page_dressing(block: Block) -> bool:
    """Captions, credits, bylines, tags, breadcrumbs, cookie notices."""
    return _is_short(block, 40) and _PAGE.search(_plain(block.text))


def is_dateline(block: Block) -> bool:
    """A date or an issue number standing alone."""
    text = _plain(block.text)
    parts = re.split(r" [|\u2022\u00b7\u2013/-] |, (?=no\b)", text)
    return _is_short(block, 14) and all(_DATELINE.match(part.strip()) for part in parts)


def is_greeting(block: Block) -> bool:
    return _is_short(block, 12) and _GREETING.match(_plain(block.text))


def is_farewell(block: Block) -> bool:
    return _is_short(block, 28) and _FAREWELL.match(_plain(block.text))


def is_blurb(block: Block) -> bool:
    """A paragraph in which the newsletter speaks of itself."""
    return _is_short(block, 120) and _BLURB.search(_plain(block.text))


def speaks_to_reader(text: str) -> bool:
    """An editor's letter says I, we and you."""
    return len(_VOICE.findall(_plain(text))) >= 2


def names_roundup(text: str) -> bool:
    """A title or masthead that announces several stories."""
    return _ROUNDUP.search(_plain(text))


def is_side_section(block: Block) -> bool:
    """The heading of a section that is no news: jobs, events, sponsors, related articles."""
    return _is_short(block, 10) and _SIDE_SECTION.match(_plain(block.text))


def is_advert_label(block: Block) -> bool:
    """The heading of an advert, which often has a headline of its own under it."""
    return _is_short(block, 6) and bool(_ADVERT.match(block.text))


def calls_to_buy(text: str) -> bool:
    """The words with which adverts end."""
    return _CALL_TO_BUY.search(text)


def is_contents_label(block: Block) -> bool:
    return _is_short(block, 8) and _CONTENTS.match(_plain(block.text))


def is_shorts_label(block: Block) -> bool:
    """The heading of a section of items without headlines of their own."""
    return _is_short(block, 8) and _SHORTS.match(_plain(block.text))


def is_more(text: str) -> bool:
    """The words of a link that only leads on."""
    return len(text) <= 90 and _MORE.match(_plain(text))


def beckons(text: str) -> bool:
    """A short line, all of it a link, that asks to be followed and is no headline."""
    return len(text.split()) <= 9 and _BECKONING.match(_plain(text))


def leads_to_link(text: str) -> bool:
    """Words before an address on the same line or the next that only announce it."""
    return len(text.split()) <= 9 and (is_more(text) or bool(re.search(r"(?::|\b(?:at|from|here|via|is))\W*$", text)))


def is_listing(text: str) -> bool:
    """A line of a diary, which begins with a date or a time, or of a job list, which tells the pay."""
    plain = _plain(text)
    return _WHEN.match(plain) or bool(_PAY.search(plain) and len(plain.split()) <= 25)


def is_generic_subheading(text: str) -> bool:
    """A heading that parts an article and could stand in any other."""
    return _SUBHEADING.match(_plain(text))


def is_person(text: str) -> bool:
    """A line that holds nothing but somebody's name."""
    return bool(_PERSON.fullmatch(text.strip()))


def is_common_name(name: str) -> bool:
    """A proper name or acronym that stands in half of all health news and ties nothing together."""
    return name in _COMMON_NAMES


def refers_back(text: str) -> bool:
    """A text that begins by going on with what was told before it."""
    return bool(_REFERS_BACK.match(text.lstrip("\"'\u2018\u201c")))


def is_address(block: Block) -> bool:
    """A line that marks the document as a speech, an interview or a statement: one piece, whatever its headings."""
    return _is_short(block, 24) and _ADDRESS.match(_plain(block.text))


def announces_list(title: str) -> bool:
    """A title such as "Five things we learned", whose numbered headings make one article."""
    return bool(_COUNTED.search(_plain(title)))


def _plain(text: str) -> str:
    return text.replace("\u2019", "'").replace("\u2018", "'").strip()
