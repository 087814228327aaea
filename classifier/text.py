"""From text to terms: the plain units that everything else counts and matches."""

import re
import unicodedata
from functools import lru_cache

MAX_TITLE = 1_000
MAX_TEXT = 20_000

MONEY, PERCENT, YEAR, NUMBER = "<money>", "<percent>", "<year>", "<number>"

# Every part is bounded, so that no text can make a token long or the search slow.
_TOKEN = re.compile(
    r"[£$€]\s?\d[\d,.]{0,20}(?:\s?(?:trillion|billion|million|thousand|bn|tn|m|k)\b)?"
    r"|\d[\d,.]{0,20}(?:\s?%|\s?per\s?cent\b)?"
    r"|[^\W\d_]\w{0,40}(?:[&.'’][^\W\d_]\w{0,20}){0,2}",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")

STOP_WORDS = frozenset(
    (
        "a an and are as at be been but by for from had has have he her him his i in into is it its of on or our s she so t than"
        " that the their them then there these they this those to was we were which who will with would you your"
    ).split()
)


def tokens(text: str) -> list[str]:
    """Words, numbers and sums of money as they stand in ``text``."""
    return _TOKEN.findall(text)


@lru_cache(maxsize=100_000)
def term(token: str) -> str:
    """The unit that ``token`` is counted as: a word in plain small letters, or a class of number such as <money>."""
    if token[0] in "£$€":
        return MONEY
    if token[0].isdigit():
        if token[-1] in "%tT":
            return PERCENT
        return YEAR if _YEAR.fullmatch(token.rstrip(",.")) else NUMBER
    word = unicodedata.normalize("NFKD", token.lower().replace("’", "'"))
    return "".join(letter for letter in word if not unicodedata.combining(letter)).removesuffix("'s") or token
