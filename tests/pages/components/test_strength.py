"""The parts around the λ_g slider: what it is sent, what it remembers, and who solves for it."""

from __future__ import annotations

import pytest
import streamlit as st

from air_core.fitting import Refiner, fit_path
from air_core.workspace import Workspace
from benchmarks.ui_workspace import make
from pages import live_routes
from pages.components.grid import GridItem, as_rows
from pages.components.strength import KEY, Asked, read_asked, track
from pages.components.strength.dial import Dial, turn
from pages.components.strength.refinery import Refinery


def test_pages_that_nobody_asks_are_forgotten_and_a_page_replaces_its_own():
    shelf = live_routes.Shelf(kept=2)
    tokens = [shelf.put(lambda scale, refine, n=n: {"n": n}) for n in range(2)]
    assert shelf.get(tokens[0]) is not None
    third = shelf.put(lambda scale, refine: {}, instead_of=tokens[1])
    assert [shelf.get(token) is not None for token in (*tokens, third)] == [True, False, True]
    shelf.put(lambda scale, refine: {})
    assert shelf.get(tokens[0]) is None
    assert len(set(tokens)) == 2


def test_what_a_browser_sends_is_not_trusted(monkeypatch):
    sent = [
        7, {"n": 1}, {"n": "1", "kind": "pin"}, {"n": 1, "kind": "move", "scale": float("nan")},
        {"n": 2, "kind": "move", "scale": -1}, {"n": 3, "kind": "top", "top": 7},
        {"n": 4, "kind": "mode", "mode": "x"}, {"n": 5, "kind": "show", "which": "all"},
        {"n": 6, "kind": "pin"}, {"n": 7, "kind": "move", "scale": 3},
    ]  # fmt: skip
    monkeypatch.setattr(st, "session_state", {KEY: {"asked": sent}})
    assert [(one.number, one.kind) for one in read_asked(KEY)] == [(6, "pin"), (7, "move")]
    assert [one.number for one in read_asked(KEY, after=6)] == [7]
    monkeypatch.setattr(st, "session_state", {KEY: {"asked": "x"}})
    assert read_asked(KEY) == ()


def test_the_dial_turns():
    dial = Dial()
    errands = turn(dial, [Asked(1, "move", scale=30.0), Asked(2, "pin")], live=True)
    assert (dial.scale, dial.handled, errands.pin, errands.refit) == (30.0, 2, True, None)
    turn(dial, [Asked(3, "fit"), Asked(4, "unpin")], live=True)
    assert (dial.scale, dial.pin) == (None, None)
    assert turn(dial, [Asked(5, "move", scale=9.0, released=True)], live=False).refit == 9.0
    assert dial.scale is None


def test_a_refinery_answers_once_and_survives_a_failure(tmp_path, monkeypatch):
    workspace = Workspace.open(make(tmp_path, 200, classes=3, p=16))
    run = fit_path(workspace, device="cpu")
    refinery = Refinery(workspace, run)
    assert refinery.known(2.2) is None
    solved = refinery.ask(2.2, wait=30).result()
    assert solved.exact
    assert refinery.known(2.2) is solved
    assert refinery.ask(2.2).result() is solved

    def broken(self, scale):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Refiner, "solve", broken)
    assert refinery.ask(2.3, wait=30).result() is None
    assert refinery.known(2.3) is None


def test_words_on_the_track():
    assert track.ends(None, 400.0) == (-1.0, pytest.approx(2.61, abs=0.01))
    assert [mark.text for mark in track.marks(None, 12.5)] == ["paper 10×", "fit 12.5×"]
    assert track.offer(None, total=0, other=False, running=True, seconds=1).running


def test_tiles_travel_as_the_grid_takes_them():
    (row,) = as_rows([GridItem("a" * 16, "cat", suggested="dog", score=0.25)])
    assert row[:3] == ["a" * 16, "cat", "dog"]
    assert row[4] == 0.25
