"""What the browser sends is read with suspicion; its assets agree with Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages.components import grid
from pages.components.grid import Basis, GridItem, ItemDecision
from pages.components.grid.operations import parse
from pages.components.palette import DECISIONS

ASSETS = Path(grid.__file__).parent
BASIS = {"reviewer": "ana", "detector": "air-margin", "lambda_g": 0.5, "run_id": "r1"}
KEEP = ["a" * 16, "keep", None, "cat", 0.25, 7]
HERE = "fashion-of today"
GOOD = {
    "client": "c1", "n": 1, "kind": "decide", "basis": BASIS, "decisions": [KEEP],
    "workspace": "fashion",
}  # fmt: skip


def test_operations_are_read_in_order():
    undo = {**GOOD, "n": 2, "kind": "undo", "decisions": [], "of": "c1:1"}
    first, second = parse([GOOD, undo], HERE)
    assert first.operation_id == "c1:1"
    assert first.decisions == (ItemDecision("a" * 16, "keep", None, "cat", 0.25, 7),)
    assert first.basis == Basis("ana", "air-margin", 0.5, "r1")
    assert (second.kind, second.decisions, second.of) == ("undo", (), "c1:1")


def test_what_an_earlier_version_left_in_the_browser_is_read():
    (operation,) = parse([{**GOOD, "decisions": [KEEP[:5]]}], HERE)
    assert operation.decisions == (ItemDecision("a" * 16, "keep", None, "cat", 0.25),)


@pytest.mark.parametrize(
    "change",
    [
        {"client": ""},
        {"client": "a:b"},
        {"client": 5},
        {"n": 0},
        {"n": "1"},
        {"n": True},
        {"kind": "drop"},
        {"kind": "undo"},
        {"decisions": []},
        {"decisions": None},
        {"decisions": "keep"},
        {"decisions": [["a", "delete", None, None, None]]},
        {"decisions": [["a", "keep", None]]},
        {"decisions": [["a", "keep", 5, None, None]]},
        {"decisions": [["a", "keep", None, 5, None]]},
        {"decisions": [["a", "keep", None, None, "0.5"]]},
        {"decisions": [["a", "keep", None, None, True]]},
        {"decisions": [["a", "keep", None, None, None, -1]]},
        {"decisions": [["a", "keep", None, None, None, "1"]]},
        {"decisions": [["a", "keep", None, None, None, True]]},
        {"decisions": [["a", "keep", None, None, None, 1, 2]]},
        {"basis": None},
        {"basis": {**BASIS, "reviewer": " "}},
        {"basis": {**BASIS, "detector": 5}},
        {"basis": {**BASIS, "lambda_g": "0.5"}},
        {"basis": {"reviewer": "ana"}},
        {"decisions": [5]},
    ],
)
def test_what_cannot_be_read_is_never_taken_for_a_decision(change):
    read = parse([{**GOOD, **change}, GOOD], HERE)
    if {"client", "n"} & change.keys():  # without these nothing can be answered
        assert read == parse([GOOD], HERE)
    else:
        assert [one.kind for one in read] == ["unreadable", GOOD["kind"]]
        assert (read[0].operation_id, read[0].decisions) == (read[1].operation_id, ())


@pytest.mark.parametrize("raw", [None, "text", 5, {}, [None, 5, "x", []]])
def test_anything_but_a_list_of_operations_is_none(raw):
    assert parse(raw, HERE) == ()


def test_fields_of_a_tile_are_named_in_the_order_they_are_sent():
    script = (ASSETS / "tiles.js").read_text("utf-8")
    names = re.findall(r'"(\w+)"', script[: script.index("];")])
    row = grid._row(
        GridItem(
            "x", "given", "suggested", 0.5, 0.123456789, 7, "keep", "label", "path",
            row=3, seen=11, by="ana",
        )
    )  # fmt: skip
    assert dict(zip(names, row, strict=True)) == {
        "id": "x", "given": "given", "suggested": "suggested", "confidence": 0.5,
        "score": 0.123456789, "rank": 7, "decision": "keep", "label": "label", "path": "path",
        "border": None, "details": (), "row": 3, "seen": 11, "by": "ana",
    }  # fmt: skip


def test_decisions_have_the_same_colours_as_on_the_map():
    style = (ASSETS / "grid.css").read_text("utf-8")
    for decision in ("keep", "relabel", "exclude", "unsure"):
        colour = re.search(rf"--{decision}: (#\w+);", style)
        assert colour is not None
        assert colour[1] == DECISIONS[decision]


def test_every_script_is_part_of_the_module():
    assert {f"{part}.js" for part in grid._PARTS} == {file.name for file in ASSETS.glob("*.js")}


def test_names_are_never_written_as_html():
    for script in ASSETS.glob("*.js"):
        text = script.read_text("utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
