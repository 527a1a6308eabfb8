from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from air_core.dataset import tags_of, tags_text
from air_core.errors import SourceError
from air_core.formats import FOLDER_FORMATS, ReadOptions, find_format
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.rewriting import decided, fresh, rows_of

FIFTYONE = FOLDER_FORMATS["fiftyone"]
NONE = ReadOptions()

# As FiftyOne's exporter writes it: null where no classes were given to it.
PLAIN = '{"classes": null, "labels": {"a": "cat", "deep/b": "dog", "c": null}}'
INDEXED = '{"classes": ["cat", "dog", "emu"], "labels": {"a": 0, "deep/b": 1, "c": null}}'
SHAPED = """{
    "classes": ["cat", "dog", "emu"],
    "labels": {
        "a": {"label": 0, "confidence": 0.90, "attributes": {"seen": true}},
        "deep/b": {"label": 1},
        "c": null
    },
    "more": 1.0e2
}"""
LISTS = '{"classes": ["cat", "dog", "emu"], "labels": {"a": [0, 1], "deep/b": [], "c": null}}'
SHAPED_LISTS = (
    '{"classes": null, "labels": {"a": [{"label": "cat", "confidence": 0.5}, {"label": "dog"}],'
    ' "deep/b": [], "c": "emu"}}'
)


@pytest.fixture
def source(tmp_path: Path, paint: PaintImage) -> Path:
    folder = tmp_path / "source"
    for number, name in enumerate(("a.png", "deep/b.jpg", "c.png")):
        paint(folder / "data" / name, (number * 60, 0, 0))
    return folder


def write(folder: Path, text: str) -> Path:
    (folder / "labels.json").write_text(text, encoding="utf-8")
    return folder


def exported(
    folder: Path, out: Path, *, changes: Any = None, excluded: tuple[int, ...] = ()
) -> str:
    out.mkdir()
    FIFTYONE.fill(out, decided(FIFTYONE.read(folder, NONE), changes, excluded))
    return (out / "labels.json").read_text(encoding="utf-8")


def as_fiftyone_loads(folder: Path) -> dict[str, tuple[Path, Any]]:
    """Image and labels by key, after the published rules of FiftyOne's importer."""
    content = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    classes = content["classes"]
    files = {
        f.relative_to(folder / "data").with_suffix("").as_posix(): f
        for f in (folder / "data").rglob("*")
        if f.is_file()
    }

    def name(target: Any) -> str:
        label = target["label"] if isinstance(target, dict) else target
        return classes[label] if classes is not None and isinstance(label, int) else str(label)

    def parse(target: Any) -> Any:
        if target is None:
            return None
        return [name(x) for x in target] if isinstance(target, list) else name(target)

    # Every key must have its image: FiftyOne stops at the first that has none.
    return {key: (files[key], parse(target)) for key, target in content["labels"].items()}


@pytest.mark.parametrize("text", [PLAIN, INDEXED, SHAPED])
def test_every_shape_of_a_single_label(source: Path, text: str) -> None:
    listing = FIFTYONE.read(write(source, text), NONE)
    assert rows_of(listing) == [
        ("data/a.png", "cat"),
        ("data/deep/b.jpg", "dog"),
        ("data/c.png", None),
    ]
    assert listing.class_names[:2] == ("cat", "dog")
    assert ("emu" in listing.class_names) == ("emu" in text)
    assert not listing.multilabel
    assert listing.rejected == listing.notes == ()


@pytest.mark.parametrize("text", [LISTS, SHAPED_LISTS])
def test_a_list_says_that_there_may_be_several(source: Path, text: str) -> None:
    listing = FIFTYONE.read(write(source, text), NONE)
    last = '["emu"]' if text is SHAPED_LISTS else None
    assert listing.multilabel
    assert listing.labels == ('["cat", "dog"]', "[]", last)
    assert listing.class_names == ("cat", "dog", "emu")


@pytest.mark.parametrize("text", [PLAIN, INDEXED, SHAPED, LISTS, SHAPED_LISTS])
def test_no_decisions_give_the_same_bytes_and_images(
    source: Path, tmp_path: Path, text: str
) -> None:
    out = tmp_path / "out"
    assert exported(write(source, text), out) == text
    before, after = as_fiftyone_loads(source), as_fiftyone_loads(out)
    assert {k: v for k, (_, v) in before.items()} == {k: v for k, (_, v) in after.items()}
    assert all(after[k][0].read_bytes() == f.read_bytes() for k, (f, _) in before.items())


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (PLAIN, '"a": "cat"', '"a": "dog"'),
        (INDEXED, '"a": 0', '"a": 1'),
        (SHAPED, '"label": 0', '"label": 1'),
    ],
)
def test_a_decision_changes_its_cell_only(
    source: Path, tmp_path: Path, text: str, old: str, new: str
) -> None:
    after = exported(write(source, text), tmp_path / "out", changes={0: "dog"})
    assert after == text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "change", "old", "new"),
    [
        (LISTS, {0: ["emu", "cat"]}, "[0, 1]", "[0, 2]"),
        (LISTS, {0: []}, "[0, 1]", "[]"),
        (LISTS, {1: ["emu"]}, "[]", "[2]"),
        (LISTS, {2: ["emu"]}, '"c": null', '"c": [2]'),
        (
            SHAPED_LISTS,
            {0: ["dog", "emu"]},
            '{"label": "cat", "confidence": 0.5}, {"label": "dog"}',
            '{"label": "dog"}, {"label": "emu"}',
        ),
        (SHAPED_LISTS, {2: ["cat", "emu"]}, '"c": "emu"', '"c": ["emu", "cat"]'),
        (SHAPED_LISTS, {2: ["cat"]}, '"c": "emu"', '"c": "cat"'),
    ],
)
def test_only_the_tags_decided_on_change(
    source: Path, tmp_path: Path, text: str, change: dict[int, list[str]], old: str, new: str
) -> None:
    changes = {n: tags_text(tags) for n, tags in change.items()}
    assert exported(write(source, text), tmp_path / "out", changes=changes) == text.replace(
        old, new
    )


def test_an_unlabelled_image_can_get_a_label_and_a_class_may_become_empty(
    source: Path, tmp_path: Path
) -> None:
    after = exported(write(source, INDEXED), tmp_path / "out", changes={0: "emu", 2: "emu"})
    assert after == INDEXED.replace('"a": 0', '"a": 2').replace("null", "2")
    again = FIFTYONE.read(tmp_path / "out", NONE)
    assert again.class_names == ("cat", "dog", "emu")
    assert again.labels == ("emu", "dog", "emu")


def test_excluded_images_go_with_their_entry(source: Path, tmp_path: Path) -> None:
    after = exported(write(source, SHAPED), tmp_path / "out", excluded=(0, 2))
    assert json.loads(after) == {
        "classes": ["cat", "dog", "emu"],
        "labels": {"deep/b": {"label": 1}},
        "more": 100.0,
    }
    assert list(as_fiftyone_loads(tmp_path / "out")) == ["deep/b"]
    assert [f.name for f in (tmp_path / "out" / "data").rglob("*.*")] == ["b.jpg"]


def test_an_image_that_could_not_be_audited_stays_with_its_entry(
    source: Path, tmp_path: Path
) -> None:
    listing = FIFTYONE.read(write(source, INDEXED), NONE)
    out = tmp_path / "out"
    out.mkdir()
    assert FIFTYONE.fill(out, decided(listing, {0: "dog"}, unaudited=[1])) == 2
    assert {k: v for k, (_, v) in as_fiftyone_loads(out).items()} == {
        "a": "dog",
        "deep/b": "dog",
        "c": None,
    }


def test_numbers_without_classes_stay_numbers(source: Path, tmp_path: Path) -> None:
    text = '{"classes":null,"labels":{"a":7,"c":"007"}}'
    assert FIFTYONE.read(write(source, text), NONE).labels == ("7", "007")
    assert exported(source, tmp_path / "1", changes={0: "8"}) == text.replace(":7,", ":8,")
    assert exported(source, tmp_path / "2", changes={0: "08"}) == text.replace(":7,", ':"08",')


def test_bad_entries_are_set_aside_and_kept(source: Path, tmp_path: Path) -> None:
    text = (
        '{"classes":["cat","dog"],"labels":{"a":0,"b1":2,"b2":-1,"b3":true,"b4":1.0,"b5":[[0]],'
        '"b6":"","b7":{"label":[]},"b8":"\\ud800","c":1}}'
    )
    listing = FIFTYONE.read(write(source, text), NONE)
    assert rows_of(listing) == [("data/a.png", "cat"), ("data/c.png", "dog")]
    reasons = dict(listing.rejected)
    assert list(reasons) == [f"b{n}" for n in range(1, 9)]
    assert reasons["b1"].startswith("Expected the label to be below 2")
    after = exported(source, tmp_path / "out", changes={1: "cat"})
    assert after == text.replace('"c":1', '"c":0')


def test_missing_images_and_images_without_an_entry(source: Path, paint: PaintImage) -> None:
    paint(source / "data" / "extra.png")
    paint(source / "data" / ".hidden.png")
    (source / "data" / "a.txt").write_text("x")
    listing = FIFTYONE.read(write(source, '{"labels": {"a": "cat", "gone": "dog"}}'), NONE)
    assert listing.paths == ("data/a.png", "data/gone")
    assert listing.notes == (
        "3 images that labels.json does not name were passed over: c.png, extra.png, deep/b.jpg.",
    )


def test_stems_that_occur_in_two_folders(tmp_path: Path, paint: PaintImage) -> None:
    for name in ("x/1.png", "y/1.png", "1.jpg"):
        paint(tmp_path / "data" / name)
    text = '{"classes": null, "labels": {"x/1": "cat", "y/1": "dog", "1": "emu"}}'
    assert FIFTYONE.read(write(tmp_path, text), NONE).paths == (
        "data/x/1.png",
        "data/y/1.png",
        "data/1.jpg",
    )


def test_a_manifest_in_place_of_the_folder(tmp_path: Path, paint: PaintImage) -> None:
    folder = tmp_path / "source"
    paint(folder / "elsewhere" / "x.png")
    paint(folder / "elsewhere" / "y.jpg")
    (folder / "data.json").write_text('{"1": "elsewhere/x.png", "2": "elsewhere/y.jpg"}')
    text = '{"classes": null, "labels": {"1": "cat", "2": "dog"}}'
    listing = FIFTYONE.read(write(folder, text), NONE)
    assert listing.paths == ("elsewhere/x.png", "elsewhere/y.jpg")
    assert exported(folder, tmp_path / "out", changes={0: "dog"}) == text.replace("cat", "dog")
    loaded = as_fiftyone_loads(tmp_path / "out")
    assert {key: (f.name, label) for key, (f, label) in loaded.items()} == {
        "1": ("1.png", "dog"),
        "2": ("2.jpg", "dog"),
    }


def test_absolute_keys_are_paths(source: Path, tmp_path: Path) -> None:
    inside, outside = str(source / "data" / "a.png"), str(tmp_path / "other.png")
    write(source, json.dumps({"classes": None, "labels": {inside: "cat", outside: "dog"}}))
    Workspace.create(tmp_path / "ws", source)
    workspace = Workspace.open(tmp_path / "ws")
    assert workspace.dataset.paths == (inside,)
    assert "outside" in workspace.quarantined[0].reason


def test_the_format_is_found_by_itself(source: Path) -> None:
    write(source, INDEXED)
    assert find_format(source, None, NONE) is FIFTYONE
    assert find_format(source / "labels.json", None, NONE) is FIFTYONE
    other = source / "other.json"
    other.write_text(PLAIN)
    options = ReadOptions(labels=other)
    assert find_format(source, None, options) is FIFTYONE
    assert FIFTYONE.read(source, options).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"labels": {"a": 1}', "to be JSON"),
        ('{"labels": {"a": 1}, "classes": [1]}', "Expected class 0 of labels.json to be a text"),
        ('{"labels": ' + "[" * 100_000, "nested"),
    ],
)
def test_what_is_wrong_is_said(source: Path, text: str, words: str) -> None:
    write(source, text)
    with pytest.raises(SourceError, match=words):
        FIFTYONE.read(source / "labels.json", NONE)


def test_composed_for_fiftyone(tmp_path: Path, paint: PaintImage) -> None:
    rows: list[tuple[str, str | None]] = [
        *[("x/1.png", "=1+1"), ("x/1.jpg", "007"), ("X/1.gif", "a, b"), ("x/1.png", "cat")],
        *[("../é/ב.png", "true"), ("unlabelled.png", None)],
    ]
    for path in {path for path, _ in rows}:
        paint(tmp_path / "in" / path.replace("../", ""))
    clean = fresh(
        tmp_path / "in",
        [(p.replace("../", ""), x) for p, x in rows],
        classes=[*"zy", "=1+1", "007", "a, b", "cat", "true"],
    )
    out = tmp_path / "out"
    out.mkdir()
    assert FIFTYONE.fill(out, clean) == len(rows)
    loaded = as_fiftyone_loads(out)
    assert [label for _, label in loaded.values()] == [label for _, label in rows]
    assert len(list((out / "data").rglob("*.*"))) == len(rows)
    again = FIFTYONE.read(out, NONE)
    assert again.class_names == clean.class_names
    assert again.labels == tuple(label for _, label in rows)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
TAGS = st.none() | st.lists(NAMES, max_size=3)


@settings(max_examples=50)
@given(st.lists(TAGS, min_size=1, max_size=4), st.booleans(), st.data())
def test_any_labels_round_trip_and_change_in_one_place(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str] | None],
    multilabel: bool,
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("fiftyone")
    Image.new("RGB", (4, 4)).save(folder / "0.png")
    texts = [
        None if tags is None else tags_text(tags) if multilabel else (tags or [None])[0]
        for tags in rows
    ]
    clean = fresh(folder, [("0.png", text) for text in texts], multilabel=multilabel)
    (folder / "1").mkdir()
    FIFTYONE.fill(folder / "1", clean)
    options = ReadOptions(separator=";" if multilabel else None)
    listing = FIFTYONE.read(folder / "1", options)
    assert list(listing.labels) == texts
    assert listing.class_names == clean.class_names
    if not clean.class_names:
        return
    row = data.draw(st.integers(0, len(rows) - 1))
    new = data.draw(st.lists(st.sampled_from(clean.class_names), min_size=1, max_size=2))
    texts[row] = tags_text(new) if multilabel else new[0]
    (folder / "2").mkdir()
    FIFTYONE.fill(folder / "2", decided(listing, {row: texts[row]}))
    again = FIFTYONE.read(folder / "2", options)
    assert list(again.labels) == texts
    assert [tags_of(x) for x in again.labels] if multilabel else True
