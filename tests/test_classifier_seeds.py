"""The stories of five real newsletters that lie beside the project; skipped where they do not."""

from pathlib import Path

import pytest

from classifier.evaluate import evaluate
from classifier.examples import Example
from classifier.model import Model

SAMPLES = Path(__file__).parents[2] / "shared" / "seeds"

LABELS = {
    "000": {
        "Deficit deterioration": "finance",
        "County-wide CCG shake-up?": "commissioning",
    },
    "001": {
        "Trusts will miss deficit target": "finance",
        "NHS’s top chief executives 2017": "workforce",
        "CCG shake-ups revealed": "commissioning",
        "Trusts chosen for new Carter review": "finance",
        "Sir Robert Francis: NHS facing ‘existential crisis’": "",
    },
    "002": {
        "Trusts almost on track with financial plans": "finance",
        "Deadlines for STP leaders confirmed": "commissioning",
        "Data sharing platform revealed": "data",
        "Raised eyebrows over Bath contract": "commissioning",
        "New concerns at Stafford": "workforce",
        "CSU redundancy bill revealed": "workforce finance commissioning",
        "Oxfordshire CCG goes again": "commissioning",
        "Four trusts given power to lead": "",
    },
    "003": {
        "A three pronged plan": "finance",
        "A permanent temporary problem": "workforce commissioning finance",
    },
    "004": {
        "Quarter of CCGs set to miss 1% surplus target": "finance commissioning",
    },
}
TAIL = "Have you registered with us yet?"


def sample_stories() -> list[Example]:
    """The stories, cut at their known headings, with the labels that people gave them."""
    examples = []
    for number, labels in LABELS.items():
        (path,) = SAMPLES.glob(f"{number}_*.txt")
        lines = [line.strip() for line in path.read_text(encoding="utf-8").split(TAIL)[0].splitlines()]
        starts = [lines.index(heading) for heading in labels]
        for (heading, topics), start, end in zip(labels.items(), starts, [*starts[1:], len(lines)], strict=True):
            text = "\n".join(lines[start + 1 : end]).strip()
            examples.append(Example(heading, text, frozenset(topics.split()), f"{number}: {heading}"))
    return examples


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample newsletters are not on this machine")
def test_real_newsletter_stories_get_the_topics_that_people_gave_them(model: Model) -> None:
    assert evaluate(model, sample_stories())["exact_match"] * 18 >= 16
