"""The labelled stories: enough of every kind, each its own, and none like another."""

import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from classifier.gate import load_floor
from classifier.lexicon import load_lexicon
from classifier.topics import load_topics

SEEDS = Path(__file__).parents[1] / "seeds"
NAMES = [topic.name for topic in load_topics(SEEDS / "topics.toml")]
ERAS = {"2008-12", "2012-15", "2015-18", "2018-21", "2022-24", "2024-26"}
STYLES = {"headline news", "wry newsletter", "press release", "local paper", "trade brief", "report summary"}

RUN = 5
# Shared runs of words, by which filled-in patterns and re-used sentences give themselves away.
MOST_ALIKE = 0.1
# A run in so many stories is a turn of phrase, and would make the comparison slow.
COMMON = 40


@pytest.fixture(scope="module")
def stories() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SEEDS / "stories.jsonl").read_text(encoding="utf-8").split("\n") if line]


def length(story: dict[str, Any]) -> int:
    return len(story["text"].split())


def test_every_row_is_whole(stories: list[dict[str, Any]]) -> None:
    for story in stories:
        assert story.keys() == {"id", "title", "text", "topics", "era", "style"}, story["id"]
        assert story["title"] == story["title"].strip() != "", story["id"]
        assert story["text"] == story["text"].strip(), story["id"]
        assert story["topics"] == [name for name in NAMES if name in story["topics"]], story["id"]
        assert story["era"] in ERAS and story["style"] in STYLES, story["id"]
        assert length(story) <= 182, story["id"]
    assert [story["id"] for story in stories] == sorted({story["id"] for story in stories})
    assert max(Counter(story["title"].casefold() for story in stories).values()) == 1


def test_there_is_enough_of_every_kind(stories: list[dict[str, Any]]) -> None:
    topics = [frozenset(story["topics"]) for story in stories]
    assert len(stories) >= 1200
    assert 0.20 <= sum(not each for each in topics) / len(topics) <= 0.26
    for pair in combinations(NAMES, 2):
        assert sum(set(pair) <= each for each in topics) >= 40, pair
    for triple in combinations(NAMES, 3):
        assert sum(set(triple) <= each for each in topics) >= 15, triple
    for kind, values in (("era", ERAS), ("style", STYLES)):
        shares = Counter(story[kind] for story in stories)
        assert min(shares[value] for value in values) >= 0.05 * len(stories), kind
    lengths = [length(story) for story in stories]
    assert sum(words == 0 for words in lengths) >= 100, "titles alone"
    assert sum(0 < words <= 55 for words in lengths) >= 100, "two sentences"
    assert sum(60 <= words <= 180 for words in lengths) >= 0.7 * len(stories)


def runs(story: dict[str, Any]) -> set[tuple[str, ...]]:
    """The runs of five words, with names and figures masked so that a pattern shows whatever it was filled with."""
    words: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+", f"{story['title']}. {story['text']}"):
        for place, word in enumerate(re.findall(r"[A-Za-z][\w’'&-]*|[£$]?\d[\d.,]*\w*", sentence)):
            masked = "#" if word[0] in "£$" or word[0].isdigit() else "Name" if word[0].isupper() and place else word.lower()
            if not (masked == "Name" and words and words[-1] == "Name"):
                words.append(masked)
    every = (tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1))
    return {run for run in every if sum(word in ("#", "Name") for word in run) <= RUN - 3}


def too_alike(stories: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The pairs that share more of their runs than two stories told on their own do."""
    runs_of = [runs(story) for story in stories]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, own in enumerate(runs_of):
        for run in own:
            holders[run].append(place)
    shared = Counter(pair for places in holders.values() if len(places) <= COMMON for pair in combinations(places, 2))
    return [
        (stories[one]["id"], stories[other]["id"])
        for (one, other), number in shared.items()
        if number > max(2, MOST_ALIKE * min(len(runs_of[one]), len(runs_of[other])))
    ]


def test_no_two_stories_are_alike(stories: list[dict[str, Any]]) -> None:
    assert too_alike(stories) == []


def test_a_filled_in_pattern_would_be_found(stories: list[dict[str, Any]]) -> None:
    pattern = "The {} trust told its board that it would miss its target by £{}m, and that nobody had an answer to the question of {}."
    places = enumerate(("Leeds", "Bath"), 3)
    filled = [{"id": name, "title": f"{name} misses", "text": pattern.format(name, number, name)} for number, name in places]
    assert too_alike([*stories[:50], *filled]) == [("Leeds", "Bath")]


def test_lexicon_and_floor_know_the_same_topics() -> None:
    assert set(load_lexicon(SEEDS / "lexicon.toml").phrases) == set(NAMES)
    assert set(load_floor(SEEDS / "floor.json").f1) == set(NAMES)
