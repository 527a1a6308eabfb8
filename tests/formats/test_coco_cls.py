from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from air_core.errors import SourceError
from air_core.formats import FILE_FORMATS, ReadOptions, find_format
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.rewriting import decided, rows_of

COCO = FILE_FORMATS["coco-cls"]
NONE = ReadOptions()

# As datumaro writes it (coco_labels), with an extra key here and there.
SINGLE = (
    '{"licenses":[{"name":"","id":0,"url":""}],"info":{"year":""},'
    '"categories":[{"id":3,"name":"emu","supercategory":""},{"id":1,"name":"cat","own":1.50}],'
    '"images":[{"id":1,"width":8,"height":6,"file_name":"a.png","license":0},'
    '{"id":2,"file_name":"deep/b.png"},{"id":9,"file_name":"c.png"}],'
    '"annotations":[{"id":1,"image_id":1,"category_id":1,"score":0.250},'
    '{"id":2,"image_id":2,"category_id":3}]}'
)
INDENTED = json.dumps(json.loads(SINGLE), indent=2)
MULTI = SINGLE.replace("]}", ',{"id":7,"image_id":2,"category_id":1}]}')


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "labels.json"
    file.write_text(text, encoding="utf-8")
    return file


def exported(file: Path, changes: Any = None, excluded: tuple[int, ...] = ()) -> str:
    return COCO.compose(decided(COCO.read(file, NONE), changes, excluded)).decode()


def by_name(text: str) -> dict[str, list[str]]:
    """Category names of each image, after COCO's own rules."""
    content = json.loads(text)
    names = {c["id"]: c["name"] for c in content["categories"]}
    found: dict[int, list[str]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        found[annotation["image_id"]].append(names[annotation["category_id"]])
    return {image["file_name"]: found[image["id"]] for image in content["images"]}


@pytest.mark.parametrize("text", [SINGLE, INDENTED])
def test_images_with_their_category(tmp_path: Path, text: str) -> None:
    listing = COCO.read(write(tmp_path, text), NONE)
    assert rows_of(listing) == [("a.png", "cat"), ("deep/b.png", "emu"), ("c.png", None)]
    assert listing.class_names == ("cat", "emu")
    assert not listing.multilabel


def test_an_image_with_two_categories_makes_tags_of_all(tmp_path: Path) -> None:
    listing = COCO.read(write(tmp_path, MULTI), NONE)
    assert listing.multilabel
    assert listing.labels == ('["cat"]', '["cat", "emu"]', "[]")
    named = COCO.read(write(tmp_path, SINGLE), ReadOptions(separator=";"))
    assert named.labels == ('["cat"]', '["emu"]', "[]")


@pytest.mark.parametrize("text", [SINGLE, INDENTED, MULTI])
def test_no_decisions_give_the_same_bytes(tmp_path: Path, text: str) -> None:
    assert exported(write(tmp_path, text)) == text


def test_a_decision_changes_its_cell_only(tmp_path: Path) -> None:
    file = write(tmp_path, SINGLE)
    assert exported(file, {0: "emu"}) == SINGLE.replace('"category_id":1', '"category_id":3')
    added = ',{"id":3,"image_id":9,"category_id":1}]}'
    assert exported(file, {2: "cat"}) == SINGLE.replace("]}", added)
    file = write(tmp_path, INDENTED)
    old, new = ('"category_id": 1,\n', '"category_id": 3,\n')
    assert exported(file, {0: "emu"}) == INDENTED.replace(old, new)


def test_only_the_tags_decided_on_change(tmp_path: Path) -> None:
    file = write(tmp_path, MULTI)
    after = exported(file, {0: '["emu"]', 1: '["cat"]', 2: '["cat", "emu"]'})
    expected = MULTI.replace('"category_id":1,"score"', '"category_id":3,"score"')
    expected = expected.replace(',{"id":2,"image_id":2,"category_id":3}', "")
    more = ',{"id":8,"image_id":9,"category_id":1},{"id":9,"image_id":9,"category_id":3}]}'
    assert after == expected.replace("]}", more)
    assert exported(file, {0: "[]"}) == MULTI.replace(
        '{"id":1,"image_id":1,"category_id":1,"score":0.250},', ""
    )


def test_excluded_images_go_with_their_annotations(tmp_path: Path) -> None:
    after = exported(write(tmp_path, MULTI), excluded=(1,))
    assert by_name(after) == {"a.png": ["cat"], "c.png": []}
    everything = exported(write(tmp_path, MULTI), excluded=(0, 1, 2))
    content = json.loads(everything)
    assert content["images"] == content["annotations"] == []
    assert len(content["categories"]) == 2


def test_an_emptied_class_keeps_its_id_and_a_lost_one_gets_a_new_one(tmp_path: Path) -> None:
    listing = COCO.read(write(tmp_path, SINGLE), NONE)
    after = COCO.compose(decided(listing, {0: "emu", 2: "dog"})).decode()
    categories = [(c["id"], c["name"]) for c in json.loads(after)["categories"]]
    assert categories == [(3, "emu"), (1, "cat"), (4, "dog")]
    assert by_name(after) == {"a.png": ["emu"], "deep/b.png": ["emu"], "c.png": ["dog"]}


def test_a_new_category_takes_no_id_that_annotations_name(tmp_path: Path) -> None:
    text = (
        '{"categories":[],"images":[{"id":1,"file_name":"a.png"},{"id":2,"file_name":"b.png"}],'
        '"annotations":[{"id":1,"image_id":1,"category_id":1}]}'
    )
    listing = COCO.read(write(tmp_path, text), NONE)
    assert listing.paths == ("b.png",)
    after = COCO.compose(decided(listing, {0: "cat"})).decode()
    assert COCO.read(write(tmp_path, after), NONE).paths == ("b.png",)


def test_a_file_without_annotations_can_get_some(tmp_path: Path) -> None:
    text = (
        '{"images": [{"id": "x", "file_name": "a.png"}],'
        ' "categories": [{"id": "k", "name": "cat"}]}'
    )
    file = write(tmp_path, text)
    assert COCO.read(file, NONE).labels == (None,)
    assert by_name(exported(file, {0: "cat"})) == {"a.png": ["cat"]}
    assert by_name(exported(file, {0: "dog"})) == {"a.png": ["dog"]}


def test_the_same_image_listed_twice(tmp_path: Path) -> None:
    text = (
        '{"images":[{"id":1,"file_name":"a.png"},{"id":2,"file_name":"a.png"}],'
        '"categories":[{"id":1,"name":"cat"},{"id":2,"name":"dog"}],"annotations":'
        '[{"id":1,"image_id":1,"category_id":1},{"id":2,"image_id":2,"category_id":2}]}'
    )
    file = write(tmp_path, text)
    assert COCO.read(file, NONE).labels == ("cat", "dog")
    assert exported(file, {1: "cat"}) == text.replace(
        '"image_id":2,"category_id":2', '"image_id":2,"category_id":1'
    )


def test_bad_images_are_set_aside_and_kept(tmp_path: Path) -> None:
    text = (
        '{"categories":[{"id":1,"name":"cat"}],"annotations":[{"id":1,"image_id":1,"category_id":1},'
        '{"id":2,"image_id":5,"category_id":7}],"images":[7,{"id":1,"file_name":"a.png"},'
        '{"id":2},{"id":[],"file_name":"x.png"},{"id":1,"file_name":"y.png"},'
        '{"id":5,"file_name":"z.png"},{"id":6,"file_name":""},{"id":8,"file_name":"ok.png"}]}'
    )
    listing = COCO.read(write(tmp_path, text), NONE)
    assert rows_of(listing) == [("a.png", "cat"), ("ok.png", None)]
    assert [shown for shown, _ in listing.rejected] == [
        *["image 0", "image 2", "x.png", "y.png", "z.png", "image 6"]
    ]
    after = COCO.compose(decided(listing, {1: "cat"})).decode()
    assert after == text.replace('}],"images"', '},{"id":3,"image_id":8,"category_id":1}],"images"')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"images":[],"categories":[{"id":1,"name":""}]}', "the name of category 1"),
        ('{"images":[],"categories":[{"id":1.5,"name":"x"}]}', "got a number"),
        ('{"images":[],"categories":[],"annotations":{}}', "to be a list"),
        ('{"images":[],"categories":[],"annotations":[3]}', "annotation 0 of labels.json"),
        (
            '{"images":[],"categories":[],"annotations":[{"image_id":1,"bbox":[0,0,2,2]}]}',
            "got one with a bbox",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        COCO.read(write(tmp_path, text), NONE)


def test_images_are_found_where_coco_datasets_have_them(tmp_path: Path, paint: PaintImage) -> None:
    for place in ("images/train", "images", "train", "."):
        top = tmp_path / place.replace("/", "-")
        (top / "annotations").mkdir(parents=True)
        file = top / "annotations" / "labels_train.json"
        file.write_text(SINGLE)
        paint(top / place / "deep" / "b.png")
        assert COCO.read(file, NONE).root == (top / place).resolve()
        assert COCO.read(top, NONE).root == (top / place).resolve()
        assert find_format(top, None, NONE) is COCO
    elsewhere = tmp_path / "elsewhere"
    paint(elsewhere / "a.png")
    assert COCO.read(elsewhere, ReadOptions(labels=file)).root == elsewhere


def test_two_files_ask_which(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    for name in ("labels_train.json", "labels_val.json"):
        (tmp_path / "annotations" / name).write_text(SINGLE)
    with pytest.raises(SourceError, match=r"labels_train\.json and labels_val\.json"):
        COCO.claims(tmp_path, NONE)


def test_through_a_workspace(tmp_path: Path, paint: PaintImage) -> None:
    for name in ("a.png", "deep/b.png", "c.png"):
        paint(tmp_path / "in" / name)
    file = write(tmp_path / "in", MULTI)
    workspace = Workspace.create(tmp_path / "ws", file)
    assert workspace.info.format == "coco-cls"
    assert workspace.export_bytes().decode() == MULTI
    assert Workspace.create(tmp_path / "ws", file).export_bytes().decode() == MULTI
