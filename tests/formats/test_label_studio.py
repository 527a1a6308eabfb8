from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from air_core.errors import ExportError, SourceError
from air_core.formats import (
    FILE_FORMATS,
    CleanLabels,
    ReadOptions,
    Review,
    Suggestion,
    find_format,
)
from air_core.formats.label_studio import LabelStudioJson
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.label_studio_library import check_config
from tests.formats.rewriting import decided, fresh, rows_of

TASKS = cast(LabelStudioJson, FILE_FORMATS["label-studio"])
NONE = ReadOptions()

# As Label Studio exports it, shortened: two annotators, a skipped one, and a task nobody has seen.
TEXT = """[
  {
    "id": 7,
    "annotations": [
      {
        "id": 1, "completed_by": 3, "was_cancelled": false, "lead_time": 4.50,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "result": [
          {"id": "aB", "from_name": "choice", "to_name": "img", "type": "choices",
           "origin": "manual", "value": {"choices": ["Cat"]}},
          {"id": "x1", "from_name": "box", "to_name": "img", "type": "rectanglelabels",
           "value": {"x": 1.0, "rectanglelabels": ["Tail"]}}
        ]
      },
      {
        "id": 2, "completed_by": {"id": 4, "email": "a@b.c"}, "result": [
          {"from_name": "choice", "to_name": "img", "type": "choices",
           "value": {"choices": ["Dog"]}}
        ]
      },
      {"id": 3, "was_cancelled": true, "result": []}
    ],
    "data": {"image": "/data/local-files/?d=pets/a%20b.png", "note": "x"},
    "predictions": [{"id": 1, "model_version": "m", "score": 0.50, "result": []}],
    "meta": {}
  },
  {
    "id": 8,
    "annotations": [{"id": 4, "skipped": true, "result": []}],
    "data": {"image": "s3://bucket/pets/c.png"}
  }
]
"""
MULTI = TEXT.replace('["Cat"]', '["Cat", "Fur"]')


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "project-1-at-2026.json"
    file.write_text(text, encoding="utf-8")
    return file


def exported(file: Path, changes: Any = None, excluded: tuple[int, ...] = ()) -> str:
    return TASKS.compose(decided(TASKS.read(file, NONE), changes, excluded)).decode()


def test_every_annotation_is_an_item(tmp_path: Path, paint: PaintImage) -> None:
    paint(tmp_path / "pets" / "a b.png")
    paint(tmp_path / "pets" / "c.png")
    listing = TASKS.read(write(tmp_path, TEXT), NONE)
    assert rows_of(listing) == [
        ("pets/a b.png", "Cat"),
        ("pets/a b.png", "Dog"),
        ("pets/c.png", None),
    ]
    assert listing.class_names == ("Cat", "Dog")
    assert (listing.path_column, listing.label_column) == ("image", "choice")
    multi = TASKS.read(write(tmp_path, MULTI), NONE)
    assert multi.labels == ('["Cat", "Fur"]', '["Dog"]', None)


@pytest.mark.parametrize("text", [TEXT, MULTI, json.dumps(json.loads(TEXT))])
def test_no_decisions_give_the_same_bytes(tmp_path: Path, text: str) -> None:
    assert exported(write(tmp_path, text)) == text


def test_a_decision_changes_its_cell_only(tmp_path: Path) -> None:
    file = write(tmp_path, TEXT)
    assert exported(file, {0: "Dog"}) == TEXT.replace('["Cat"]', '["Dog"]')
    assert exported(file, {1: "Cat"}) == TEXT.replace('["Dog"]', '["Cat"]')


def test_only_the_tags_decided_on_change(tmp_path: Path) -> None:
    file = write(tmp_path, MULTI)
    assert exported(file, {0: '["Dog", "Fur"]'}) == MULTI.replace(
        '["Cat", "Fur"]', '["Fur", "Dog"]'
    )
    assert exported(file, {0: '["Fur"]'}) == MULTI.replace('["Cat", "Fur"]', '["Fur"]')
    emptied = exported(file, {1: "[]"})
    assert json.loads(emptied)[0]["annotations"][1]["result"] == []
    assert TASKS.read(write(tmp_path, emptied), NONE).labels == ('["Cat", "Fur"]', "[]", None)


def test_a_task_that_nobody_annotated_gets_an_annotation(tmp_path: Path) -> None:
    clean = decided(TASKS.read(write(tmp_path, TEXT), NONE), {2: "Cat"})
    review = Review("relabel", "ann", "2026-02-03T04:05:06+00:00", "")
    items = (*clean.items[:2], replace(clean.items[2], review=review))
    after = TASKS.compose(replace(clean, items=items)).decode()
    assert after.startswith(TEXT[: TEXT.index('"skipped": true, "result": []}')])
    added = json.loads(after)[1]["annotations"][1]
    assert added["ground_truth"] is True
    assert added["created_at"] == review.decided_at
    assert added["result"][0] == {
        "id": clean.items[2].item_id,
        "from_name": "choice",
        "to_name": "img",
        "type": "choices",
        "value": {"choices": ["Cat"]},
    }
    assert TASKS.read(write(tmp_path, after), NONE).labels == ("Cat", "Dog", "Cat")


def test_excluding_drops_the_annotation_and_with_the_last_the_task(tmp_path: Path) -> None:
    file = write(tmp_path, TEXT)
    after = json.loads(exported(file, {1: "Cat"}, excluded=(0,)))
    expected = json.loads(TEXT.replace('["Dog"]', '["Cat"]'))
    del expected[0]["annotations"][0]
    assert after == expected
    after = json.loads(exported(file, excluded=(0, 1)))
    assert [task["id"] for task in after] == [8]
    assert json.loads(exported(file, excluded=(0, 1, 2))) == []


def test_suggestions_go_out_as_predictions(tmp_path: Path) -> None:
    listing = TASKS.read(write(tmp_path, TEXT), NONE)

    def suggest(clean: CleanLabels, confidence: float) -> CleanLabels:
        suggestion = Suggestion("Dog", confidence, 0.1, "air")
        return replace(clean, items=tuple(replace(i, suggestion=suggestion) for i in clean.items))

    after = TASKS.compose(suggest(decided(listing), 0.75)).decode()
    expected = json.loads(TEXT)
    expected[1]["predictions"] = []
    found = json.loads(after)
    for task, old in zip(found, expected, strict=True):
        new = task["predictions"].pop()
        assert (new["model_version"], new["score"]) == ("air", 0.75)
        assert new["result"][0]["value"] == {"choices": ["Dog"]}
        assert task == old
    again = TASKS.read(write(tmp_path, after), NONE)
    assert again.labels == listing.labels
    twice = json.loads(TASKS.compose(suggest(decided(again), 0.5)))
    assert [len(task["predictions"]) for task in twice] == [2, 1]
    assert twice[0]["predictions"][1]["score"] == 0.5


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("pets/1.png", "pets/1.png"),
        ("/data/local-files/?d=pets%2F1.png", "pets/1.png"),
        ("http://localhost:8080/data/local-files/?d=mnt/images/pets/1.png", "pets/1.png"),
        ("/data/upload/3/0a1b2c3d-1.png", "1.png"),
        ("/data/upload/3/0a1b2c3d-1.png", "upload/3/0a1b2c3d-1.png"),
        ("gs://bucket/some/pets/1.png", "pets/1.png"),
        ("https://host/x/1.png?token=%2F", "1.png"),
        ("azure-blob://c/%C3%A9/1.png", "é/1.png"),
        ("file:///home/me/pets/1.png", "pets/1.png"),
    ],
)
def test_addresses_are_found_on_disk(
    tmp_path: Path, paint: PaintImage, address: str, place: str
) -> None:
    paint(tmp_path / place)
    tasks = [{"data": {"image": address}}, {"data": {"image": "gone.png"}}]
    listing = TASKS.read(write(tmp_path, json.dumps(tasks)), NONE)
    assert (listing.root / listing.paths[0]).resolve() == tmp_path / place
    assert listing.paths[1] == "gone.png"


def test_addresses_that_leave_the_folder_do_not(tmp_path: Path, paint: PaintImage) -> None:
    paint(tmp_path / "secret.png")
    paint(tmp_path / "in" / "ok.png")
    bad = ["/data/local-files/?d=../secret.png", str(tmp_path / "secret.png"), "data:image/png,x"]
    tasks = [{"data": {"image": address}} for address in [*bad, "ok.png"]]
    workspace = Workspace.create(tmp_path / "ws", write(tmp_path / "in", json.dumps(tasks)))
    assert workspace.dataset.paths == ("ok.png",)
    assert len(workspace.quarantined) == 3


def test_which_choices_and_which_image_can_be_chosen(tmp_path: Path) -> None:
    text = TEXT.replace('"note": "x"', '"other": "pets/o.png"')
    with pytest.raises(SourceError, match="--path-column"):
        TASKS.read(write(tmp_path, text.replace('"image"', '"first"')), NONE)
    listing = TASKS.read(write(tmp_path, text), ReadOptions(path_column="other"))
    assert set(listing.paths) == {"pets/o.png"}
    assert listing.rejected[0][0] == "task 2"
    more = TEXT.replace(
        '"result": [\n          {"id"',
        '"result": [{"from_name": "sure", "type": "choices", "value": {"choices": ["no"]}}, {"id"',
    )
    file = write(tmp_path, more.replace('"choice"', '"what"'))
    with pytest.raises(SourceError, match="got 'sure' and 'what'"):
        TASKS.read(file, NONE)
    chosen = TASKS.read(file, ReadOptions(label_column="sure"))
    assert chosen.labels == ("no", None, None)
    after = TASKS.compose(decided(chosen, {0: "yes"})).decode()
    assert after == file.read_text().replace('"no"', '"yes"')
    with pytest.raises(SourceError, match="'nope'"):
        TASKS.read(file, ReadOptions(label_column="nope"))


def test_old_exports_say_completions(tmp_path: Path) -> None:
    text = TEXT.replace('"annotations"', '"completions"')
    file = write(tmp_path, text)
    assert TASKS.read(file, NONE).labels == ("Cat", "Dog", None)
    assert exported(file, {0: "Dog"}) == text.replace('["Cat"]', '["Dog"]')


def test_bad_tasks_are_set_aside_and_kept(tmp_path: Path) -> None:
    choice = '{"from_name": "choice", "type": "choices", "value": %s}'
    bad = ",".join(
        [
            *("7", '{"data": 1}', '{"data": {"image": 5}}', '{"data": {"image": ""}}'),
            '{"data": {"image": "\\ud800.png"}}',
            '{"data": {"image": "x.png"}, "annotations": {}}',
            '{"data": {"image": "x.png"}, "annotations": [3]}',
            '{"data": {"image": "x.png"}, "annotations": [{"result": 3}]}',
            '{"data": {"image": "x.png"}, "annotations": [{"result": [' + choice % "4" + "]}]}",
            '{"data": {"image": "x.png"}, "predictions": 3, "annotations": [{"result": ['
            + choice % '{"choices": [1]}'
            + "]}]}",
        ]
    )
    ok = '{"data": {"image": "a.png"}, "annotations": [{"result": [%s]}]}' % (
        choice % '{"choices": ["Cat"]}'
    )
    text = f"[{ok},{bad},{ok}]"
    listing = TASKS.read(write(tmp_path, text), NONE)
    assert rows_of(listing) == [("a.png", "Cat"), ("a.png", "Cat")]
    assert [shown for shown, _ in listing.rejected] == [f"task {n}" for n in range(2, 12)]
    after = TASKS.compose(decided(listing, {1: "Dog"})).decode()
    assert after == f"[{ok},{bad},{ok.replace('Cat', 'Dog')}]"


def test_the_format_is_found_by_itself(tmp_path: Path, paint: PaintImage) -> None:
    for name in ("a b", "c"):
        paint(tmp_path / "in" / "pets" / f"{name}.png")
    file = write(tmp_path / "in", TEXT)
    assert find_format(file, None, NONE) is TASKS
    assert find_format(tmp_path / "in", None, NONE) is TASKS
    workspace = Workspace.create(tmp_path / "ws", file)
    assert workspace.export_bytes().decode() == TEXT
    images = Workspace.create(tmp_path / "ws2", tmp_path / "in" / "pets", labels=file)
    assert len(images.dataset) == 3
    with pytest.raises(SourceError, match="--format label-studio-min"):
        TASKS.read(write(tmp_path, '[{"id": 1, "annotation_id": 1}]'), NONE)


CONFIG = """<View><Image name="img" value="$image"/>
<Choices name="choice" toName="img" choice="multiple">
  <View><Choice value="Fish"/><Choice value="x" alias="Cat"/></View><Choice value="Dog"/>
</Choices></View>
"""


def test_a_configuration_beside_the_tasks_tells_the_classes(tmp_path: Path) -> None:
    file = write(tmp_path, TEXT)
    config = tmp_path / "label_config.xml"
    config.write_text(CONFIG)
    listing = TASKS.read(file, NONE)
    assert listing.class_names == ("Fish", "Cat", "Dog")
    assert listing.labels == ('["Cat"]', '["Dog"]', None)
    assert TASKS.companions(decided(listing)) == {"label_config.xml": CONFIG.encode()}
    config.write_text(CONFIG.replace('"choice"', '"other"'))
    assert TASKS.read(file, NONE).class_names == ("Cat", "Dog")
    config.write_text("<View>")
    with pytest.raises(SourceError, match=r"label_config\.xml to be XML"):
        TASKS.read(file, NONE)


@pytest.mark.slow
@pytest.mark.parametrize("many", [False, True])
def test_the_configuration_fits_the_tasks(tmp_path: Path, many: bool) -> None:
    labels = ['["=1+1", "ä & <b>"]', '["007"]', "[]"] if many else ["=1+1", "ä & <b>", "007"]
    classes = ["ä & <b>", "=1+1", "007", "unused"]
    rows: list[tuple[str, str | None]] = [(f"{n}.png", label) for n, label in enumerate(labels)]
    rows.append(("x.png", None))
    clean = fresh(tmp_path, rows, classes=classes, multilabel=many)
    suggestion = Suggestion('["007"]' if many else "007", 0.5, 0.1, "air")
    items = tuple(replace(item, suggestion=suggestion) for item in clean.items)
    clean = replace(clean, items=items)
    file = write(tmp_path, TASKS.compose(clean).decode())
    [(name, data)] = TASKS.companions(clean).items()
    (tmp_path / name).write_bytes(data)
    kind = "multiple" if many else "single"
    assert check_config(tmp_path / name, "choice", file) == (classes, kind, True)
    listing = TASKS.read(file, NONE)
    assert rows_of(listing) == rows
    assert listing.class_names == tuple(classes)


@pytest.mark.slow
def test_the_configuration_of_a_rewritten_file_uses_its_names(tmp_path: Path) -> None:
    file = write(tmp_path, TEXT.replace('"choice"', '"what"'))
    clean = decided(TASKS.read(file, NONE))
    (tmp_path / "config.xml").write_bytes(TASKS.companions(clean)["label-studio-config.xml"])
    after = tmp_path / "after.json"
    after.write_bytes(TASKS.compose(clean))
    only_choices = json.loads(after.read_text())
    del only_choices[0]["annotations"][0]["result"][1]
    after.write_text(json.dumps(only_choices))
    labels, _, valid = check_config(tmp_path / "config.xml", "what", after)
    assert (labels, valid) == (["Cat", "Dog"], True)


def test_the_configuration_is_written_beside_an_export(tmp_path: Path, csv_source: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", csv_source)
    out = tmp_path / "out" / "tasks.json"
    config = out.with_name("label-studio-config.xml")
    summary = workspace.export("label-studio", out)
    assert config in summary.beside
    assert b'<Choice value="emu"/>' in config.read_bytes()
    written = config.read_bytes()
    config.write_bytes(written.replace(b"emu", b"owl"))
    workspace.export("label-studio", out)
    assert config.read_bytes() == written
    config.write_text(CONFIG)
    with pytest.raises(ExportError, match="got another file"):
        workspace.export("label-studio-min", tmp_path / "out" / "min.json")
    assert config.read_text() == CONFIG
    assert not (tmp_path / "out" / "min.json").exists()
    with pytest.raises(ExportError, match="got another file"):
        workspace.export("label-studio-csv", tmp_path / "new" / config.name)
