from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from air_core.errors import SourceError
from air_core.formats import FOLDER_FORMATS, ReadOptions, find_format
from air_core.workspace import Workspace
from tests.formats.rewriting import decided, rows_of

DATUMARO = FOLDER_FORMATS["datumaro"]
NONE = ReadOptions()

# As datumaro writes it, with another annotation and unknown keys put in.
TRAIN = (
    '{"dm_format_version":"1.0","media_type":2,"infos":{"x":1.50},"categories":{"label":{"labels":'
    '[{"name":"cat","parent":"","attributes":[]},{"name":"dog","parent":"","attributes":[]}],'
    '"label_groups":[],"attributes":[]}},"items":['
    '{"id":"a","annotations":[{"id":0,"type":"bbox","label_id":1,"bbox":[0,0,1.0,2]},'
    '{"id":0,"type":"label","attributes":{"score":0.10},"group":0,"label_id":0}],'
    '"image":{"path":"a.png","size":[8,8]}},'
    '{"id":"deep/b","annotations":[],"attr":{"own":null},"image":{"path":"deep_b.png"}}]}'
)
VAL = (
    '{"categories": {"label": {"labels": [{"name": "emu"}, {"name": "cat"}]}},\n'
    ' "items": [{"id": "a", "annotations": [{"type": "label", "label_id": 0}],\n'
    '            "image": {"path": ""}}]}'
)
MULTI = TRAIN.replace(
    '"label_id":0}],', '"label_id":0},{"id":3,"type":"label","group":0,"label_id":1}],'
)


def write(folder: Path, **subsets: str) -> Path:
    for subset, text in subsets.items():
        file = folder / "annotations" / f"{subset}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        for path in ("a.png", "deep_b.png"):
            image = folder / "images" / subset / path
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (len(subset) * 9, len(path), 0)).save(image)
    return folder


def exported(folder: Path, out: Path, changes: Any = None, excluded: tuple[int, ...] = ()) -> Path:
    out.mkdir()
    DATUMARO.fill(out, decided(DATUMARO.read(folder, NONE), changes, excluded))
    return out


def text_of(folder: Path, subset: str = "train") -> str:
    return (folder / "annotations" / f"{subset}.json").read_text(encoding="utf-8")


def test_the_subsets_are_listed_one_after_another(tmp_path: Path) -> None:
    listing = DATUMARO.read(write(tmp_path, val=VAL, train=TRAIN), NONE)
    assert rows_of(listing) == [
        ("images/train/a.png", "cat"),
        ("images/train/deep_b.png", None),
        ("images/val/a.png", "emu"),
    ]
    assert listing.class_names == ("cat", "dog", "emu")
    assert listing.labels_file is None


def test_several_labels_make_tags(tmp_path: Path) -> None:
    listing = DATUMARO.read(write(tmp_path, train=MULTI), NONE)
    assert listing.multilabel
    assert listing.labels == ('["cat", "dog"]', "[]")
    named = DATUMARO.read(write(tmp_path, train=TRAIN), ReadOptions(separator=";"))
    assert named.labels == ('["cat"]', "[]")


def test_no_decisions_give_the_same_bytes_and_images(tmp_path: Path) -> None:
    source = write(tmp_path / "in", train=MULTI, val=VAL)
    out = exported(source, tmp_path / "out")
    assert (text_of(out), text_of(out, "val")) == (MULTI, VAL)
    copies = sorted(f.relative_to(out).as_posix() for f in (out / "images").rglob("*.png"))
    assert copies == ["images/train/a.png", "images/train/deep_b.png", "images/val/a.png"]
    assert all((out / c).read_bytes() == (source / c).read_bytes() for c in copies)


def test_a_decision_changes_its_cell_only(tmp_path: Path) -> None:
    source = write(tmp_path / "in", train=TRAIN, val=VAL)
    out = exported(source, tmp_path / "1", {0: "dog", 2: "cat"})
    old, new = '"group":0,"label_id":0', '"group":0,"label_id":1'
    assert text_of(out) == TRAIN.replace(old, new)
    assert text_of(out, "val") == VAL.replace('"label_id": 0', '"label_id": 1')
    out = exported(source, tmp_path / "2", {1: "dog"})
    added = '[{"id":0,"type":"label","attributes":{},"group":0,"label_id":1}],"attr"'
    assert text_of(out) == TRAIN.replace('[],"attr"', added)


def test_only_the_tags_decided_on_change(tmp_path: Path) -> None:
    source = write(tmp_path / "in", train=MULTI)
    out = exported(source, tmp_path / "1", {0: '["dog"]'})
    gone = ',{"id":0,"type":"label","attributes":{"score":0.10},"group":0,"label_id":0}'
    assert text_of(out) == MULTI.replace(gone, "")
    out = exported(source, tmp_path / "2", {0: "[]"})
    assert DATUMARO.read(out, ReadOptions(separator=";")).labels == ("[]", "[]")
    assert '"bbox":[0,0,1.0,2]' in text_of(out)


def test_a_class_of_another_subset_is_added_at_the_end(tmp_path: Path) -> None:
    source = write(tmp_path / "in", train=TRAIN, val=VAL)
    out = exported(source, tmp_path / "out", {0: "emu"})
    names = json.loads(text_of(out))["categories"]["label"]["labels"]
    assert [x["name"] for x in names] == ["cat", "dog", "emu"]
    assert DATUMARO.read(out, NONE).labels == ("emu", None, "emu")
    bare = write(tmp_path / "bare", train='{"categories":{},"items":[{"id":"a"}]}')
    out = exported(bare, tmp_path / "bare-out", {0: "emu"})
    assert DATUMARO.read(out, NONE).labels == ("emu",)


def test_excluded_images_go_with_their_entry(tmp_path: Path) -> None:
    source = write(tmp_path / "in", train=TRAIN, val=VAL)
    out = exported(source, tmp_path / "out", excluded=(0, 2))
    assert [item["id"] for item in json.loads(text_of(out))["items"]] == ["deep/b"]
    assert json.loads(text_of(out, "val"))["items"] == []
    assert [f.name for f in (out / "images").rglob("*.png")] == ["deep_b.png"]


def test_an_image_that_could_not_be_audited_stays(tmp_path: Path) -> None:
    listing = DATUMARO.read(write(tmp_path / "in", train=TRAIN), NONE)
    (tmp_path / "out").mkdir()
    assert DATUMARO.fill(tmp_path / "out", decided(listing, unaudited=[1])) == 1
    assert text_of(tmp_path / "out") == TRAIN
    assert (tmp_path / "out" / "images" / "train" / "deep_b.png").is_file()


def test_bad_items_are_set_aside_and_kept(tmp_path: Path) -> None:
    head = '{"categories":{"label":{"labels":[{"name":"cat"}]}},"items":['
    bad = (
        '7,{"id":""},{"id":"v","video_frame":{"video_path":"x"}},{"id":"n","annotations":'
        '[{"type":"label","label_id":3}]},{"id":"t","annotations":[{"type":"label","label_id":"0"}]},'
    )
    text = head + bad + '{"id":"a","annotations":[{"type":"label","label_id":null},{"type":"x"}]}]}'
    source = write(tmp_path / "in", train=text)
    listing = DATUMARO.read(source, NONE)
    assert rows_of(listing) == [("images/train/a.png", None)]
    assert [name for name, _ in listing.rejected] == [
        "train: item 0",
        "train: item 1",
        "v",
        "n",
        "t",
    ]
    out = exported(source, tmp_path / "out", {0: "cat"})
    assert bad in text_of(out)
    assert DATUMARO.read(out, NONE).labels == ("cat",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '{"categories":{"label":{"labels":[{}]}},"items":[]}',
            "label 0 of annotations/train.json",
        ),
        ('{"categories":{"label":[]},"items":[]}', "to be an object"),
        ('{"categories":{},"items":[' + "[" * 100_000, "nested"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    folder = write(tmp_path, train=text)
    with pytest.raises(SourceError, match=re.escape(words)):
        DATUMARO.read(folder / "annotations" / "train.json", NONE)


def test_the_format_is_found_by_itself(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", train=TRAIN, val=VAL)
    assert find_format(folder, None, NONE) is DATUMARO
    file = folder / "annotations" / "val.json"
    assert find_format(file, None, NONE) is DATUMARO
    one = DATUMARO.read(file, NONE)
    assert (one.paths, one.labels_file) == (("images/val/a.png",), file)
    workspace = Workspace.create(tmp_path / "ws", folder)
    workspace.export("datumaro", tmp_path / "out")
    assert (text_of(tmp_path / "out"), text_of(tmp_path / "out", "val")) == (TRAIN, VAL)
