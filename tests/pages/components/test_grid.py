"""What the browser sends is read with suspicion; its assets agree with Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages.components import grid
from pages.components.grid import GridItem, ItemDecision
from pages.components.palette import DECISIONS

ASSETS = Path(grid.__file__).parent
GOOD = {"client": "c1", "n": 1, "kind": "decide", "decisions": [["a" * 16, "keep", None]]}


def test_operations_are_read_in_order():
    undo = {"client": "c1", "n": 2, "kind": "undo", "decisions": []}
    first, second = grid._parse([GOOD, undo])
    assert first.operation_id == "c1:1"
    assert first.decisions == (ItemDecision("a" * 16, "keep", None),)
    assert (second.kind, second.decisions) == ("undo", ())


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
        {"decisions": [["a", "delete", None]]},
        {"decisions": [["a", "keep"]]},
        {"decisions": [5]},
    ],
)
def test_malformed_operations_are_left_out(change):
    assert grid._parse([{**GOOD, **change}, GOOD]) == grid._parse([GOOD])


@pytest.mark.parametrize("raw", [None, "text", 5, {}, [None, 5, "x", []]])
def test_anything_but_a_list_of_operations_is_none(raw):
    assert grid._parse(raw) == ()


def test_fields_of_a_tile_are_named_in_the_order_they_are_sent():
    script = (ASSETS / "tiles.js").read_text("utf-8")
    names = re.findall(r'"(\w+)"', script[: script.index("];")])
    row = grid._row(GridItem("x", "given", "suggested", 0.5, 0.25, 7, "keep", "label", "path"))
    assert dict(zip(names, row, strict=True)) == {
        "id": "x", "given": "given", "suggested": "suggested", "confidence": 0.5, "score": 0.25,
        "rank": 7, "decision": "keep", "label": "label", "path": "path", "border": None,
        "details": (),
    }  # fmt: skip


def test_decisions_have_the_same_colours_as_on_the_map():
    style = (ASSETS / "grid.css").read_text("utf-8")
    for decision in ("keep", "relabel", "exclude", "unsure"):
        colour = re.search(rf"--{decision}: (#\w+);", style)
        assert colour is not None
        assert colour[1] == DECISIONS[decision]


def test_names_are_never_written_as_html():
    for script in ASSETS.glob("*.js"):
        text = script.read_text("utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
