"""How much a person's decision on a story would teach: what active learning calls uncertainty, disagreement and novelty."""

from collections.abc import Mapping
from dataclasses import dataclass

# A confidence this far from its threshold is no longer doubtful.
NEAR = 0.25
# So many unknown words are all that novelty can count for: names of places and people are never known.
NEW = 0.4
UNCERTAINTY, DISAGREEMENT, NOVELTY = 0.5, 0.3, 0.2

Opinion = Mapping[str, tuple[float, float]]
"""For each topic the confidence and the threshold from which it is chosen."""


@dataclass(frozen=True)
class Lesson:
    """``value`` is from 0 (nothing to learn) to 1; ``why`` tells a person what is doubtful."""

    value: float
    why: str


def lesson(opinion: Opinion, second: Opinion, unknown: float) -> Lesson:
    """What there is to learn from a story; ``unknown`` is the share of its words that the model does not know."""
    nearness = {topic: max(0.0, 1 - abs(confidence - threshold) / NEAR) for topic, (confidence, threshold) in opinion.items()}
    disputed = [topic for topic, own in opinion.items() if _chosen(own) != _chosen(second[topic])]
    gap = max((abs(opinion[topic][0] - second[topic][0]) for topic in disputed), default=0.0)
    novelty = min(1.0, unknown / NEW)
    value = UNCERTAINTY * max(nearness.values(), default=0.0) + DISAGREEMENT * gap + NOVELTY * novelty
    return Lesson(round(value, 4), "; ".join(_reasons(opinion, nearness, disputed, unknown)))


def _chosen(opinion: tuple[float, float]) -> bool:
    confidence, threshold = opinion
    return confidence >= threshold


def _reasons(opinion: Opinion, nearness: Mapping[str, float], disputed: list[str], unknown: float) -> list[str]:
    near = sorted((topic for topic, how in nearness.items() if how > 0), key=lambda topic: -nearness[topic])
    reasons = [f"{topic} {opinion[topic][0]:.0%}, chosen from {opinion[topic][1]:.0%}" for topic in near]
    if disputed:
        reasons.append(f"the words alone say otherwise on {' and '.join(disputed)}")
    if unknown >= NEW / 2:
        reasons.append(f"{unknown:.0%} of its words are new")
    return reasons
