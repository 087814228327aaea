"""From seeds and corrections to a model in use: through the gate, once for the same input, and back."""

import json
import multiprocessing
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from classifier.errors import ClassifierError
from classifier.examples import Example
from classifier.register import InUse, Register
from classifier.workshop import Corrections, Workshop

NOTHING = Corrections()
TOPICS = '[[topic]]\nname = "money"\ntitle = "Money"\nmeaning = "What things cost."\n'
STAFF = '[[topic]]\nname = "staff"\ntitle = "Staff"\nmeaning = "Who works."\n'
PLACES = "Leeds York Bath Truro Derby Luton Hull Poole Wigan Bury Bolton Crewe Stoke Dover Lewes Ely Ripon Wells Durham Exeter".split()


def rows() -> Iterator[tuple[str, str, list[str]]]:
    for place in PLACES:
        yield f"Deficit grows in {place}", f"The deficit of the {place} trust grows and savings are overdue", ["money"]
        yield f"Nurses leave {place}", f"Nurses and doctors leave {place} for posts elsewhere", ["staff"]
        yield f"Garden opens in {place}", f"Roses and music at the garden of {place} infirmary", []


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    folder = tmp_path / "seeds"
    folder.mkdir()
    (folder / "topics.toml").write_text(TOPICS + STAFF)
    (folder / "lexicon.toml").write_text('[phrases]\nmoney = ["deficit*"]\n')
    write_stories(folder, list(rows()))
    write_floor(folder, 0.5)
    return folder


def write_stories(folder: Path, told: list[tuple[str, str, list[str]]]) -> None:
    lines = [json.dumps({"title": title, "text": text, "topics": topics}) for title, text, topics in told]
    (folder / "stories.jsonl").write_text("\n".join(lines))


def write_floor(folder: Path, lowest: float) -> None:
    (folder / "floor.json").write_text(json.dumps({"margin": 0.01, "macro_f1": lowest, "f1": {"money": 0.0, "staff": 0.0}}))


def shop(seeds: Path) -> Workshop:
    """As another process would find it."""
    return Workshop(seeds, Register(seeds.parent / "models"), count(1_772_442_000).__next__)


def correction(title: str, text: str, **topics: bool) -> Example:
    return Example(title, text, frozenset(name for name, about in topics.items() if about), decided=frozenset(topics))


def chosen(workshop: Workshop, title: str, text: str) -> tuple[str, ...]:
    in_use = workshop.register.in_use()
    assert in_use
    return workshop.register.load(in_use.number).predict([(title, text)])[0].topics


def test_the_first_model_is_made_when_it_is_needed_and_kept(seeds: Path) -> None:
    model = shop(seeds).usable(lambda: NOTHING)
    again = shop(seeds)
    assert again.usable(lambda: pytest.fail("nothing is trained, so nothing is asked")).version == model.version
    assert [entry.number for entry in again.register.entries()] == [1]


def test_the_same_input_is_not_trained_twice(seeds: Path) -> None:
    first, second = shop(seeds).train(NOTHING), shop(seeds).train(NOTHING)
    assert (first.new, second.new, second.entry) == (True, False, first.entry)
    assert "was made from the same before" in second.lines[0]


def test_new_labels_make_a_new_model_at_the_next_start(seeds: Path) -> None:
    old = shop(seeds).usable(lambda: NOTHING)
    write_stories(seeds, [*rows(), ("Deficit in Oxford", "A deficit again", ["money"])])
    assert shop(seeds).usable(lambda: NOTHING).version != old.version
    assert shop(seeds).register.in_use() == InUse(2, (1,))


def test_a_model_below_the_floor_is_kept_refused_and_said_so(seeds: Path) -> None:
    shop(seeds).train(NOTHING)
    write_floor(seeds, 1.01)
    made = shop(seeds).train(Corrections([correction("Deficit", "It grows in Leeds", money=True)], 1))
    assert made.entry.refused == (f"macro F1 {made.entry.metrics['macro_f1']:.3f} is below the floor of 1.010",)
    assert made.lines[0].startswith("Model 2 is kept but not in use: macro F1")
    assert shop(seeds).register.in_use() == InUse(1)
    assert shop(seeds).usable(lambda: NOTHING).version == shop(seeds).register.entry(1).version


def test_a_model_worse_than_the_one_in_use_is_refused(seeds: Path) -> None:
    shop(seeds).train(NOTHING)
    told = list(rows())
    # Half of the labels swapped: what is left to learn is noise.
    wrong = [(title, text, ["staff"] if topics == ["money"] else ["money"] if topics else []) for title, text, topics in told[::2]]
    write_stories(seeds, told[1::2] + wrong)
    made = shop(seeds).train(NOTHING)
    assert "is worse than the 1.000 of the model in use by more than 0.010" in made.entry.refused[-1]
    assert shop(seeds).register.in_use() == InUse(1)


def test_without_any_other_a_refused_model_needs_a_person(seeds: Path) -> None:
    write_floor(seeds, 1.01)
    with pytest.raises(ClassifierError, match=r"model 1 was trained but is not good enough: .*healthwire model use 1"):
        shop(seeds).usable(lambda: NOTHING)
    shop(seeds).register.use(1, pinned=True)
    assert shop(seeds).usable(lambda: NOTHING)


@pytest.mark.parametrize("name", ["0001.model", "0001.json"])
def test_a_file_that_was_tampered_with_is_made_anew(seeds: Path, name: str) -> None:
    good = shop(seeds).usable(lambda: NOTHING)
    (seeds.parent / "models" / name).write_bytes(b"something else")
    assert shop(seeds).usable(lambda: NOTHING).version == good.version
    assert shop(seeds).register.in_use() == InUse(2, (1,))


def test_a_damaged_note_of_what_is_in_use_is_written_anew(seeds: Path) -> None:
    good = shop(seeds).usable(lambda: NOTHING)
    (seeds.parent / "models" / "in-use.json").write_bytes(b"{")
    assert shop(seeds).usable(lambda: NOTHING).version == good.version
    assert shop(seeds).register.in_use() == InUse(1)


def test_seeds_that_cannot_be_learned_from_leave_the_old_model_in_use(seeds: Path, caplog: pytest.LogCaptureFixture) -> None:
    good = shop(seeds).usable(lambda: NOTHING)
    (seeds / "topics.toml").write_text(TOPICS + STAFF + '[[topic]]\nname = "sport"\ntitle = "Sport"\nmeaning = "Matches."\n')
    decided = Corrections([correction(f"Match {number}", "A goal in the match", sport=number % 2 == 0) for number in range(40)], 40)
    assert shop(seeds).usable(lambda: decided).version == good.version
    assert "sport: 0 of 60 labelled stories are about it" in caplog.text
    assert "model 1 stays in use" in caplog.text


def test_a_person_s_choice_outlives_new_labels_until_training_is_asked_for(seeds: Path) -> None:
    first = shop(seeds).usable(lambda: NOTHING)
    write_stories(seeds, [*rows(), ("Deficit in Oxford", "A deficit again", ["money"])])
    shop(seeds).train(NOTHING)
    shop(seeds).register.use(1, pinned=True)
    assert shop(seeds).usable(lambda: NOTHING).version == first.version
    assert not shop(seeds).train(NOTHING).new
    assert shop(seeds).register.in_use() == InUse(2, (1, 2, 1))


# ---------------------------------------------------------------- corrections


STORY = ("Parking at the infirmary", "Visitors queue at the barrier for an hour")


def test_a_correction_teaches_the_next_model(seeds: Path) -> None:
    workshop = shop(seeds)
    workshop.train(NOTHING)
    assert "money" not in chosen(workshop, *STORY)
    made = workshop.train(Corrections([correction(*STORY, money=True)] * 3, through=17))
    assert (made.entry.made_from["corrections"], made.entry.made_from["through"], workshop.learned_through()) == (3, 17, 17)
    assert "money" in chosen(workshop, *STORY)


def test_a_correction_says_nothing_of_topics_that_it_does_not_name(seeds: Path) -> None:
    nurses = ("Nurses leave Leeds again", "Nurses and doctors leave for posts elsewhere")
    workshop = shop(seeds)
    workshop.train(Corrections([correction(*nurses, money=False)] * 30, through=30))
    assert chosen(workshop, *nurses) == ("staff",)


def test_corrections_are_learned_from_but_not_measured_on(seeds: Path) -> None:
    plain = shop(seeds).train(NOTHING).entry
    lies = [correction(title, text, money=True) for title, text, topics in rows() if not topics]
    taught = shop(seeds).train(Corrections(lies, through=20)).entry
    assert taught.metrics["n"] == plain.metrics["n"] == 60


def test_what_a_refused_model_learned_from_is_not_trained_on_again_and_again(seeds: Path) -> None:
    shop(seeds).train(NOTHING)
    write_floor(seeds, 1.01)
    assert shop(seeds).train(Corrections([correction(*STORY, money=True)], through=5)).entry.refused
    assert shop(seeds).learned_through() == 5


# ---------------------------------------------------------------- topics are data


def test_a_topic_is_added_and_removed_by_its_section_and_labels_alone(seeds: Path) -> None:
    shop(seeds).usable(lambda: NOTHING)
    (seeds / "topics.toml").write_text(TOPICS + STAFF + '[[topic]]\nname = "gardens"\ntitle = "Gardens"\nmeaning = "What grows."\n')
    write_stories(seeds, [(title, text, topics or ["gardens"]) for title, text, topics in rows()])
    workshop = shop(seeds)
    workshop.usable(lambda: NOTHING)
    assert chosen(workshop, "Garden opens in Selby", "Roses and music at the garden") == ("gardens",)
    (seeds / "topics.toml").write_text(STAFF)
    workshop = shop(seeds)
    assert [topic.name for topic in workshop.usable(lambda: NOTHING).topics] == ["staff"]


# ---------------------------------------------------------------- several processes


def train_alone(seeds: Path) -> None:
    shop(seeds).usable(lambda: NOTHING)


def test_processes_that_start_together_make_one_model(seeds: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=train_alone, args=(seeds,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert [entry.number for entry in shop(seeds).register.entries()] == [1]
