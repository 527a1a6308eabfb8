from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from air_core.errors import ExportError, SourceError
from air_core.formats import FILE_FORMATS, ReadOptions, find_format
from air_core.workspace import Workspace
from tests.conftest import PaintImage
from tests.formats.rewriting import decided, fresh, rows_of

CVAT = FILE_FORMATS["cvat-images"]
NONE = ReadOptions()

# As CVAT writes it, shortened.
SINGLE = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>7</id>
      <labels>
        <label>
          <name>emu</name>
          <color>#f00</color>
          <type>tag</type>
          <attributes>
          </attributes>
        </label>
        <label>
          <name>cat &amp; co</name>
          <type>any</type>
          <attributes>
          </attributes>
        </label>
        <label>
          <name>outline</name>
          <type>polygon</type>
        </label>
      </labels>
    </task>
    <dumped>2026-01-02</dumped>
  </meta>
  <image id="0" name="a.png" width="8" height="8">
    <box label="outline" source="manual" occluded="0" xtl="0.0" ytl="0.00" xbr="1.0" ybr="2.0">
    </box>
    <tag label="cat &amp; co" source="manual">
      <attribute name="sure">no</attribute>
    </tag>
  </image>
  <image id="1" name="deep/b.png" width="8" height="8">
    <tag label="emu" source="manual">
    </tag>
  </image>
  <image id="2" name="c.png" width="8" height="8">
  </image>
</annotations>
"""
MULTI = SINGLE.replace(
    '  </image>\n  <image id="2"', '    <tag label="cat &amp; co"/>\n  </image>\n  <image id="2"'
)


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "annotations.xml"
    file.write_text(text, encoding="utf-8")
    return file


def exported(file: Path, changes: Any = None, excluded: tuple[int, ...] = ()) -> str:
    return CVAT.compose(decided(CVAT.read(file, NONE), changes, excluded)).decode()


def by_name(text: str) -> dict[str, list[str]]:
    """Tags of each image, read by another parser."""
    images = ElementTree.fromstring(text).iter("image")
    return {i.attrib["name"]: [tag.attrib["label"] for tag in i.iter("tag")] for i in images}


def test_images_with_their_tag(tmp_path: Path) -> None:
    listing = CVAT.read(write(tmp_path, SINGLE), NONE)
    assert rows_of(listing) == [("a.png", "cat & co"), ("deep/b.png", "emu"), ("c.png", None)]
    assert listing.class_names == ("emu", "cat & co")
    assert not listing.multilabel


def test_an_image_with_two_tags_makes_tags_of_all(tmp_path: Path) -> None:
    listing = CVAT.read(write(tmp_path, MULTI), NONE)
    assert listing.labels == ('["cat & co"]', '["cat & co", "emu"]', "[]")
    named = CVAT.read(write(tmp_path, SINGLE), ReadOptions(separator=";"))
    assert named.labels == ('["cat & co"]', '["emu"]', "[]")


@pytest.mark.parametrize("text", [SINGLE, MULTI, SINGLE.replace("\n", "").replace("  ", "")])
def test_no_decisions_give_the_same_bytes(tmp_path: Path, text: str) -> None:
    assert exported(write(tmp_path, text)) == text


def test_a_decision_changes_its_cell_only(tmp_path: Path) -> None:
    file = write(tmp_path, SINGLE)
    old, new = '<tag label="cat &amp; co" source', '<tag label="emu" source'
    assert exported(file, {0: "emu"}) == SINGLE.replace(old, new)
    tail = 'name="c.png" width="8" height="8">\n'
    added = tail + '    <tag label="cat &amp; co" source="manual"></tag>\n'
    assert exported(file, {2: "cat & co"}) == SINGLE.replace(tail, added)


def test_only_the_tags_decided_on_change(tmp_path: Path) -> None:
    file = write(tmp_path, MULTI)
    after = exported(file, {0: "[]", 1: '["cat & co", "new <"]'})
    assert by_name(after) == {"a.png": [], "deep/b.png": ["cat & co", "new <"], "c.png": []}
    assert after.count("<label>") == 4
    assert '<box label="outline" source="manual"' in after


def test_excluded_images_go(tmp_path: Path) -> None:
    after = exported(write(tmp_path, SINGLE), excluded=(0, 2))
    start, end = SINGLE.index('\n  <image id="0"'), SINGLE.index('\n  <image id="1"')
    expected = SINGLE[:start] + SINGLE[end:]
    expected = expected.replace(
        '\n  <image id="2" name="c.png" width="8" height="8">\n  </image>', ""
    )
    assert after == expected


def test_bad_images_are_set_aside_and_kept(tmp_path: Path) -> None:
    text = (
        '<annotations><image id="0"><tag label="x"/></image><image name="b.png"><tag/></image>'
        '<image name="a.png"/></annotations>'
    )
    listing = CVAT.read(write(tmp_path, text), NONE)
    assert rows_of(listing) == [("a.png", None)]
    assert [shown for shown, _ in listing.rejected] == ["image 0", "b.png"]
    after = CVAT.compose(decided(listing, {0: "cat"})).decode()
    assert after == text.replace(
        '<image name="a.png"/>',
        '<image name="a.png"><tag label="cat" source="manual"></tag></image>',
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<annotations><track/></annotations>", "tracks of a video"),
        ("<x><annotations/></x>", "got <x>"),
        ("<annotations>", "no element found"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "no document type"),
        (
            "<annotations><meta><job><labels><label/></labels></job></meta></annotations>",
            "the name of a label",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        CVAT.read(write(tmp_path, text), NONE)


def test_images_are_found_where_cvat_puts_them(tmp_path: Path, paint: PaintImage) -> None:
    text = SINGLE.replace('name="a.png"', 'name="a.png" subset="Train"')
    for place, first in ((".", "a.png"), ("images", "a.png"), ("images", "Train/a.png")):
        top = tmp_path / (place + first.replace("/", "-"))
        paint(top / place / first)
        file = write(top, text)
        for source in (file, top):
            listing = CVAT.read(source, NONE)
            assert (listing.root, listing.paths[0]) == ((top / place).resolve(), first)
            assert find_format(source, None, NONE) is CVAT
    after = CVAT.compose(decided(listing, excluded=[0])).decode()
    assert list(by_name(after)) == ["deep/b.png", "c.png"]


def test_through_a_workspace(tmp_path: Path, paint: PaintImage) -> None:
    for name in ("a.png", "deep/b.png", "c.png"):
        paint(tmp_path / "in" / "images" / name)
    write(tmp_path / "in", MULTI)
    workspace = Workspace.create(tmp_path / "ws", tmp_path / "in")
    assert workspace.info.format == "cvat-images"
    assert workspace.export_bytes().decode() == MULTI


def test_a_class_that_xml_cannot_hold_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot hold the character"):
        CVAT.compose(fresh(tmp_path, [("a.png", "bell\a")]))
