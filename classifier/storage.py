"""A model as bytes and back: arrays and JSON in a zip archive, in which nothing can be executed.

The same model always gives the same bytes, so that two machines can tell by a hash that they made the same one.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
from numpy.typing import NDArray

from classifier.errors import ClassifierError
from classifier.features import Vectoriser
from classifier.lexicon import lexicon_from, lexicon_tables
from classifier.model import Linear, Model
from classifier.reading import Reader
from classifier.topics import Topic

ABOUT = "about.json"
LINEAR = ("coefficients", "intercepts", "slopes", "offsets")
# The code that a stored model depends on: with another, its numbers would mean something else.
CODE = ("text.py", "lexicon.py", "reading.py", "features.py", "train.py", "model.py", "storage.py")
# The earliest time that a zip archive can tell; the true one would make every file another.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@cache
def maker() -> dict[str, str]:
    """The code and the libraries that models are made by here."""
    here = Path(__file__).parent
    code = hashlib.sha256(b"".join((here / name).read_bytes() for name in CODE)).hexdigest()[:16]
    return {"code": code, "scikit-learn": sklearn.__version__, "numpy": np.__version__, "scipy": scipy.__version__}


def version_of(*parts: Any) -> str:
    """A short name for a model made from ``parts`` (plain data) by this code and these libraries."""
    made_from = json.dumps([maker(), *parts], sort_keys=True)
    return hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def to_bytes(model: Model) -> bytes:
    """The model as a file's content."""
    about = {
        "made_by": maker(),
        "version": model.version,
        "topics": [asdict(topic) for topic in model.topics],
        "thresholds": model.thresholds,
        "metrics": model.metrics,
        "lexicon": lexicon_tables(model.lexicon),
        "words": list(model.vectoriser.words),
        "pieces": list(model.vectoriser.pieces),
    }
    arrays = {
        "word_idf": model.vectoriser.word_idf,
        "piece_idf": model.vectoriser.piece_idf,
        **{f"linear_{name}": getattr(model.linear, name) for name in LINEAR},
        **{f"second_{name}": getattr(model.second, name) for name in LINEAR},
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        _put(archive, ABOUT, json.dumps(about).encode())
        for name, array in arrays.items():
            packed = io.BytesIO()
            np.lib.format.write_array(packed, np.ascontiguousarray(array), allow_pickle=False)
            _put(archive, f"{name}.npy", packed.getvalue())
    return content.getvalue()


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _NO_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def from_bytes(content: bytes, name: str) -> Model:
    """The model that ``to_bytes`` wrote; ``name`` says in errors where the bytes came from.

    Raises ClassifierError if they are damaged, or of another version of this code or its libraries.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = json.loads(archive.read(ABOUT))
            made_by = about["made_by"]
            arrays = {entry.removesuffix(".npy"): _array(archive.read(entry)) for entry in archive.namelist() if entry != ABOUT}
        if made_by == maker():
            return _restored(about, arrays)
    except Exception as error:  # damaged content may fail in any way inside zip, JSON or numpy
        raise ClassifierError(f"{name} is damaged or no model; train it again") from error
    raise ClassifierError(f"{name} was made by another version of the classifier or its libraries; train it again")


def _array(content: bytes) -> NDArray[Any]:
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def _restored(about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Model:
    topics = tuple(Topic(**topic) for topic in about["topics"])
    lexicon = lexicon_from(about["lexicon"])
    first, second = (Linear(*(arrays[f"{kind}_{name}"] for name in LINEAR)) for kind in ("linear", "second"))
    return Model(
        about["version"],
        topics,
        about["thresholds"],
        about["metrics"],
        lexicon,
        Vectoriser(
            {word: column for column, word in enumerate(about["words"])},
            {piece: column for column, piece in enumerate(about["pieces"])},
            arrays["word_idf"],
            arrays["piece_idf"],
            len(topics),
        ),
        first,
        second,
        Reader(lexicon, [topic.name for topic in topics]),
    )
