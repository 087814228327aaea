"""The topics and the labelled examples as people write them."""

from pathlib import Path

import pytest

from classifier.errors import ClassifierError
from classifier.examples import Example, load_examples
from classifier.topics import Topic, load_topics


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    return path


def test_topics_are_read_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, '[[topic]]\nname="b-2"\ntitle="B"\nmeaning="x\\ny"\n[[topic]]\nname="a"\ntitle="A"\nmeaning="z"')
    assert load_topics(path) == (Topic("b-2", "B", "x y"), Topic("a", "A", "z"))


@pytest.mark.parametrize("name", ["all", "untagged", "Finance", "2nd", "a+b", "", "a b", "a\\n"])
def test_topic_names_that_would_break_an_address_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ClassifierError):
        load_topics(write(tmp_path, f'[[topic]]\nname="{name}"\ntitle="T"\nmeaning="m"'))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"no \[\[topic\]\] table"),
        ("topic = 3", r"no \[\[topic\]\] table"),
        ("topic = [3]", "topic 1 must be a table"),
        ('[[topic]]\nname="a"\ntitle="A"', "topic 1 needs a meaning"),
        ('[[topic]]\nname="a"\ntitle="A"\nmeaning="m"\n' * 2, "'a' is given twice"),
    ],
)
def test_faulty_topics_are_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ClassifierError, match=told):
        load_topics(write(tmp_path, text))


def test_examples_are_read_and_other_keys_ignored(tmp_path: Path) -> None:
    row = '{"id": "s1", "title": "T", "text": "x\\u2028y", "topics": ["a"], "era": "2012"}\n\n'
    plain = '{"title": "U", "text": "z", "topics": []}'
    assert load_examples(write(tmp_path, row + plain), ["a"]) == [
        Example("T", "x\u2028y", frozenset({"a"}), "s1"),
        Example("U", "z", frozenset()),
    ]


def test_all_faulty_rows_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    rows = ["{", "[]", '{"title": "T", "text": "x", "topics": []}', '{"title": "T"}']
    rows += ['{"title": 1, "text": "", "topics": []}', '{"title": "", "text": "", "topics": "a"}']
    rows += ['{"title": "", "text": "", "topics": ["a", "b"]}']
    with pytest.raises(ClassifierError) as caught:
        load_examples(write(tmp_path, "\n".join(rows)), ["a"])
    told = str(caught.value)
    assert "\n" not in told
    for fault in ("line 1: not valid JSON", "line 2: not a JSON object", "line 4: lacks text, topics"):
        assert fault in told
    for fault in ("line 5: title and text", "line 6: topics must be", "line 7: unknown topic b"):
        assert fault in told
    assert "line 3" not in told


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    for path, told in ((tmp_path / "none", "cannot read"), (tmp_path, "cannot read"), (tmp_path / "latin", "not UTF-8")):
        with pytest.raises(ClassifierError, match=told):
            load_examples(path, [])
    with pytest.raises(ClassifierError, match="no labelled stories"):
        load_examples(write(tmp_path, "\n"), [])
