"""Whether the news has drifted away from what the model was made for: weekly figures and the bands that they should keep in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from feeds.model import Week

# A week is judged by those before it; with fewer, or with hardly a story in them, nothing can be said.
BAND_WEEKS = 8
FEWEST_WEEKS = 4
FEWEST_STORIES = 20
# So many standard deviations are too many to be chance.
WIDTH = 3.0
# Unknown words come in with every new name; only a doubling tells.
UNKNOWN_GROWTH = 2.0
FEWEST_WITH_ACRONYM = 3

_ACRONYM = re.compile(r"\b[A-Z](?:[A-Z]|&(?=[A-Z])){1,6}s?\b")


@dataclass(frozen=True, slots=True)
class Band:
    """Where a figure should lie, by the weeks before, and where it lies."""

    name: str
    value: float
    low: float
    high: float

    @property
    def kept(self) -> bool:
        return self.low <= self.value <= self.high


@dataclass(frozen=True, slots=True)
class Drift:
    """The week that was judged (None if there are too few), its bands, and a plain sentence for each that was left."""

    week: Week | None
    bands: tuple[Band, ...] = ()
    warnings: tuple[str, ...] = ()


def drift(weeks: Sequence[Week], now: int, length: int) -> Drift:
    """Judges the last week of ``length`` seconds that was over by ``now``, if it had stories enough; ``weeks`` are oldest first."""
    over = [week for week in weeks if week.start + length <= now]
    if not over or over[-1].stories < FEWEST_STORIES:
        return Drift(None)
    last, before = over[-1], [week for week in over[:-1] if week.stories >= FEWEST_STORIES][-BAND_WEEKS:]
    bands = tuple(_bands(last, before)) if len(before) >= FEWEST_WEEKS else ()
    return Drift(last, bands, (*(_sentence(band) for band in bands if not band.kept), *_new_acronyms(last)))


def _bands(last: Week, before: Sequence[Week]) -> Iterable[Band]:
    known = [topic for topic in last.topics if all(topic in week.topics for week in before)]
    for topic in known:
        yield _share(f"{topic}: share of stories", last.topics[topic].rate, [week.topics[topic].rate for week in before], last.stories)
        confidences = [week.topics[topic].confidence for week in before]
        here, there = last.topics[topic].confidence, [value for value in confidences if value is not None]
        if here is not None and len(there) >= FEWEST_WEEKS:
            chosen = max(1.0, last.topics[topic].rate * last.stories)
            yield _share(f"{topic}: mean confidence", here, there, chosen)
    yield _share("stories without a topic", last.untagged, [week.untagged for week in before], last.stories)
    usual = sum(week.unknown_words for week in before) / len(before)
    yield Band("words that the model does not know", last.unknown_words, 0.0, UNKNOWN_GROWTH * usual)


def _share(name: str, value: float, before: Sequence[float], stories: float) -> Band:
    """Chance within a week of so many stories, and what weeks differ by anyway."""
    mean = sum(before) / len(before)
    between = sum((each - mean) ** 2 for each in before) / (len(before) - 1)
    reach = WIDTH * sqrt(mean * (1 - mean) / stories + between)
    return Band(name, value, max(0.0, mean - reach), min(1.0, mean + reach))


def _sentence(band: Band) -> str:
    way = "more" if band.value > band.high else "less"
    return f"{band.name}: {band.value:.1%}, {way} than in the weeks before ({band.low:.1%} to {band.high:.1%})"


def _new_acronyms(week: Week) -> Iterable[str]:
    for acronym, stories in sorted(week.acronyms.items(), key=lambda item: (-item[1], item[0])):
        yield f"{acronym} stands in {stories} stories, and the model has never learned from it: label some of them"


def acronyms(stories: Iterable[tuple[str, str]], known: Callable[[str], bool]) -> dict[str, int]:
    """Acronyms that are new to the model and stand in several of the stories, with the number of those stories."""
    seen: Counter[str] = Counter()
    for title, text in stories:
        # A headline in capital letters is no row of acronyms.
        words = text if title.isupper() else f"{title}\n{text}"
        seen.update({word.removesuffix("s") for word in _ACRONYM.findall(words)})
    return {word: count for word, count in sorted(seen.items()) if count >= FEWEST_WITH_ACRONYM and not known(word)}
