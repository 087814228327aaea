"""Topics, corrections and models of the running service, as its operators and curators meet them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from program import ROOT, Home, Service, eventually, free_port, serving, write_opml
from website import atom, texts

LETTER = "{title}\n\n{text}\n"
SPORT = '[[topic]]\nname = "sport"\ntitle = "Sport"\nmeaning = "Matches and those who play them."\n'
CLUBS = "Rovers United Athletic Wanderers Albion County Villa Orient Palace Argyle Harriers Swifts Rangers Celtic Thistle Hibs".split()


def write_letter(home: Home, name: str, title: str, text: str) -> None:
    (home.data.parent / "letters" / f"{name}.txt").write_text(LETTER.format(title=title, text=text))


def own_checkout(folder: Path) -> Home:
    """A checkout that a test may change, with few enough stories to train on quickly."""
    root = folder / "checkout"
    for name in ("feeds", "classifier", "seeds"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "service.py", root)
    stories = root / "seeds" / "stories.jsonl"
    stories.write_text("".join(stories.read_text(encoding="utf-8").splitlines(keepends=True)[::6]))
    # So few stories make a weaker model than the real one may be.
    (root / "seeds" / "floor.json").write_text('{"margin": 1, "macro_f1": 0, "f1": {}}')
    (folder / "data").mkdir()
    (folder / "letters").mkdir()
    return Home(folder / "data", {"SOURCES": str(write_opml(folder, "letters/"))}, root)


def titles(service: Service, feed: str) -> list[str]:
    status, _, body = service.get(f"/feeds/{feed}.atom")
    assert status == 200, body
    return texts(atom(body), "a:entry/a:title")


def test_a_fifth_topic_needs_a_section_and_labelled_stories_and_leaves_with_its_section(tmp_path: Path) -> None:
    home = own_checkout(tmp_path)
    topics, stories = home.root / "seeds" / "topics.toml", home.root / "seeds" / "stories.jsonl"
    four = topics.read_text()
    topics.write_text(four + SPORT)
    played = [
        {
            "title": f"{club} win at home",
            "text": f"The {club} striker scored twice and the goalkeeper kept a clean sheet.",
            "topics": ["sport"],
        }
        for club in CLUBS
    ]
    stories.write_text(stories.read_text() + "".join(json.dumps(row) + "\n" for row in played))
    write_letter(
        home, "match", "Nurses’ eleven win the cup", "Their striker scored twice, and the goalkeeper kept a clean sheet all season."
    )
    write_letter(home, "money", "Deficit doubles", "The trust’s deficit doubled to £8m, and its savings plan is overspent again.")
    with serving(home) as service:
        eventually(lambda: len(titles(service, "all")) == 2)
        assert titles(service, "sport") == ["Nurses’ eleven win the cup"]
        assert "Matches and those who play them." in service.get("/topics/sport")[2].decode()
        assert [item["name"] for item in json.loads(service.get("/api/v1/topics")[2])["items"]][-1] == "sport"

    topics.write_text(four)
    with serving(home) as service:
        for place in ("/feeds/sport.atom", "/topics/sport"):
            status, _, body = service.get(place)
            assert status == 410
            assert b"given up" in body
        assert service.get("/feeds/sports.atom")[0] == 404
        assert titles(service, "untagged") == ["Nurses’ eleven win the cup"]
        (told,) = [item for item in json.loads(service.get("/api/v1/stories")[2])["items"] if not item["topics"]]
        assert "sport" not in told["confidence"]


def test_a_correction_shows_at_once_outlives_training_and_teaches_in_the_background(tmp_path: Path) -> None:
    home = own_checkout(tmp_path)
    write_letter(
        home, "parking", "Barriers go up at the infirmary", "Visitors wait an hour to leave, and the chaplain hands out tea and biscuits."
    )
    token = home.run("token", "create", "Ada").out.strip()
    with serving(home, RETRAIN_AFTER="1") as service:
        eventually(lambda: titles(service, "all") == ["Barriers go up at the infirmary"])
        assert titles(service, "workforce") == []
        (story,) = json.loads(service.get("/api/v1/stories")[2])["items"]
        place = f"/api/v1/stories/{story['id']}/topics"
        assert service.ask("PUT", place, {"topics": ["workforce"]})[0] == 401
        status, _, body = service.ask("PUT", place, {"topics": ["workforce"]}, Authorization=f"Bearer {token}")
        assert status == 200, body
        assert titles(service, "workforce") == ["Barriers go up at the infirmary"]
        assert [tag["origin"] for tag in json.loads(body)["topics"]] == ["curator"]

        # Chores look for work every minute; the second start finds it at once.
    with serving(home, RETRAIN_AFTER="1") as service:
        first = json.loads(service.get("/api/v1/model")[2])
        eventually(lambda: json.loads(service.get("/api/v1/model")[2])["number"] == first["number"] + 1)
        now = json.loads(service.get("/api/v1/model")[2])
        assert (first["made_from"]["corrections"], now["made_from"]["corrections"]) == (0, 1)
        eventually(lambda: json.loads(service.get("/api/v1/stories")[2])["items"][0]["topics"][0]["model"] == now["version"])
        assert titles(service, "workforce") == ["Barriers go up at the infirmary"]
        (decision, *_) = json.loads(service.get(place, Authorization=f"Bearer {token}")[2])["decisions"]
        assert decision["curator"] == "Ada"
    shown = home.run("model", "list").out.splitlines()
    assert [line[0] for line in shown[1:]] == [" ", "*"]


def test_models_are_listed_shown_chosen_and_gone_back_to(home: Home) -> None:
    assert "seeds" in home.run("model", "show").out
    assert "there is no model 7" in home.run("model", "show", "7").complaint()
    assert "no other model was in use" in home.run("model", "rollback").complaint()
    assert "stays until you run: healthwire train" in home.run("model", "use", "1").out
    assert "chosen by a person" in home.run("model", "list").out
    assert "was made from the same before" in home.run("train").out
    assert "chosen by a person" not in home.run("model", "list").out


def test_a_model_that_was_tampered_with_is_told_and_made_anew(tmp_path: Path) -> None:
    home = own_checkout(tmp_path)
    assert home.run("train").status == 0
    (home.data / "models" / "0001.model").write_bytes(b"\x80\x04\x95pickle")
    assert "is not the file that was written when model 1 was made; it is not used" in home.run("model", "use", "1").complaint()
    (row,) = home.run("classify", "--json", stdin="Deficit doubles\nThe deficit of the trust doubled to £8m.").rows()
    assert row["topics"] == ["finance"]
    assert [line.split()[0] for line in home.run("model", "list").out.splitlines()[1:]] == ["1", "*"]


def test_a_model_that_is_not_good_enough_is_kept_and_said_so(tmp_path: Path) -> None:
    home = own_checkout(tmp_path)
    (home.root / "seeds" / "floor.json").write_text('{"margin": 0.01, "macro_f1": 1, "f1": {"finance": 1}}')
    assert "finance: F1 0." in home.run("train").complaint()
    assert "healthwire model use 1" in home.run("classify", stdin="Deficit\nIt doubled.").complaint()
    assert home.run("model", "use", "1").status == 0
    assert home.run("classify", stdin="Deficit\nIt doubled.").status == 0


def test_a_mistake_in_the_topics_is_told_in_one_line_by_whatever_starts(tmp_path: Path) -> None:
    home = own_checkout(tmp_path)
    (home.root / "seeds" / "topics.toml").write_text("[finance\n")
    for command in ("serve", "poll"):
        assert "topics.toml" in home.run(command, BIND=f"127.0.0.1:{free_port()}").complaint()
