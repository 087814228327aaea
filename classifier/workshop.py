"""Makes models from the seeds and people's corrections, lets them through the gate and puts them to use."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from classifier.errors import ClassifierError
from classifier.examples import Example, load_examples
from classifier.files import read_bytes
from classifier.gate import load_floor, objections
from classifier.lexicon import load_lexicon
from classifier.model import Model
from classifier.register import Entry, Register
from classifier.topics import Topic, load_topics
from classifier.train import train, version_for

_log = logging.getLogger(__name__)

TOPICS, STORIES, LEXICON, FLOOR = "topics.toml", "stories.jsonl", "lexicon.toml", "floor.json"


@dataclass(frozen=True)
class Corrections:
    """What people decided, to learn from; ``through`` is the number of the last decision among them."""

    examples: Sequence[Example] = ()
    through: int = 0


@dataclass(frozen=True)
class Made:
    """What came of training: the model's ``entry``, and whether it is ``new`` or the same was made before."""

    entry: Entry
    new: bool

    @property
    def lines(self) -> list[str]:
        """What to tell a person."""
        if self.entry.refused:
            return [f"Model {self.entry.number} is kept but not in use: {'; '.join(self.entry.refused)}."]
        made = "is in use" if self.new else "was made from the same before; it is in use"
        return [f"Model {self.entry.number} ({self.entry.version}) {made}."]


class Workshop:
    """Makes models from the ``seeds`` folder and keeps them in a ``register``; ``clock`` tells UTC epoch seconds."""

    def __init__(self, seeds: Path, register: Register, clock: Callable[[], int]) -> None:
        self._seeds = seeds
        self.register = register
        self._clock = clock

    @cached_property
    def topics(self) -> tuple[Topic, ...]:
        """The topics that stories are sorted into."""
        return load_topics(self._seeds / TOPICS)

    def usable(self, corrections: Callable[[], Corrections]) -> Model:
        """The model in use; trains when there is none, when it cannot be used, or when the seeds have changed since.

        A model that a person chose stays, whatever the seeds say. Raises ClassifierError if no model can be had.
        """
        current = self._current()
        if current and self._fits(*current):
            return current[1]
        try:
            made = self.train(corrections(), comparing=current is not None)
        except ClassifierError as error:
            if current is None:
                raise
            _log.warning("%s; model %d stays in use", error, current[0].number)
            return current[1]
        if not made.entry.refused:
            return self.register.load(made.entry.number)
        if current:
            _log.warning("%s Model %d stays in use", " ".join(made.lines), current[0].number)
            return current[1]
        raise ClassifierError(
            f"model {made.entry.number} was trained but is not good enough: {'; '.join(made.entry.refused)};"
            f" label better, or use it all the same: healthwire model use {made.entry.number}"
        )

    def train(self, corrections: Corrections, *, comparing: bool = True) -> Made:
        """Make a model, and put it to use unless the gate objects; if the same was made before, that one.

        ``comparing``: it must also not be worse than the model in use. Raises ClassifierError if none can be made.
        """
        names = [topic.name for topic in self.topics]
        labelled = load_examples(self._seeds / STORIES, names, drop_others=True)
        lexicon, floor = load_lexicon(self._seeds / LEXICON), load_floor(self._seeds / FLOOR)
        examples = [*labelled, *corrections.examples]
        with self.register.alone():
            entry = self._known(version_for(examples, self.topics, lexicon))
            new = entry is None
            if entry is None:
                _log.info("training on %d labelled stories and %d corrected ones", len(labelled), len(corrections.examples))
                model = train(examples, self.topics, lexicon)
                current = self._in_use_entry() if comparing else None
                made_from = {
                    "seeds": self._digest(),
                    "stories": len(labelled),
                    "corrections": len(corrections.examples),
                    "through": corrections.through,
                }
                refused = tuple(objections(model.metrics, floor, current.metrics if current else None))
                entry = self.register.add(model, self._clock(), made_from, refused)
            if not entry.refused:
                self.register.use(entry.number)
            return Made(entry, new)

    def learned_through(self) -> int:
        """The number of the last correction that any model was trained with, whether it went live or not."""
        return max((int(entry.made_from["through"]) for entry in self.register.entries()), default=0)

    def _current(self) -> tuple[Entry, Model] | None:
        try:
            in_use = self.register.in_use()
            return (self.register.entry(in_use.number), self.register.load(in_use.number)) if in_use else None
        except ClassifierError:
            return None

    def _fits(self, entry: Entry, model: Model) -> bool:
        in_use = self.register.in_use()
        return bool(in_use and in_use.pinned) or entry.made_from["seeds"] == self._digest()

    def _in_use_entry(self) -> Entry | None:
        in_use = self.register.in_use()
        return self.register.entry(in_use.number) if in_use else None

    def _known(self, version: str) -> Entry | None:
        """A model of that version whose file is whole."""
        for entry in reversed(self.register.entries()):
            if entry.version == version:
                try:
                    self.register.load(entry.number)
                except ClassifierError:
                    continue
                return entry
        return None

    def _digest(self) -> str:
        """A hash of all that models are made from but corrections."""
        content = b"\0".join(read_bytes(self._seeds / name) for name in (TOPICS, STORIES, LEXICON))
        return hashlib.sha256(content).hexdigest()[:16]
