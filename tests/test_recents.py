"""Workspaces that can be opened again, wherever they lie."""

from __future__ import annotations

import os

import pytest

from air_core import orders, pipeline
from air_core.recents import free_folder, recent_workspaces, remember_workspace


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AIR_AUDIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_workspaces_at_home_and_elsewhere_the_latest_first(home, csv_source, tmp_path):
    for number, folder in enumerate((home / "one", tmp_path / "far" / "two")):
        pipeline.open_source(csv_source / "labels.csv", folder).close()
        remember_workspace(folder)
        for path in folder.iterdir():
            os.utime(path, (number * 100, number * 100))
    (home / "notes").mkdir()
    found = recent_workspaces()
    assert [recent.folder.name for recent in found] == ["two", "one"]
    assert found[0].classes == 3
    assert found[0].source.endswith("labels.csv")
    assert [recent.folder.name for recent in recent_workspaces(limit=1)] == ["two"]


def test_an_import_that_was_cut_off_is_offered(home):
    orders.remember(home / "half", orders.Order("open", "Opening", {"source": "x"}))
    (recent,) = recent_workspaces()
    assert (recent.folder.name, recent.imported) == ("half", False)


def test_damage_and_absence_are_passed_over(home, tmp_path):
    assert recent_workspaces() == []
    (home / "bad").mkdir(parents=True)
    (home / "bad" / "workspace.json").write_text("{")
    (home / "recent.json").write_text('["/gone", 3]')
    assert recent_workspaces() == []
    (home / "recent.json").write_text("{")
    assert recent_workspaces() == []


def test_a_new_workspace_never_meets_another(home):
    first = free_folder("photos.zip")
    first.mkdir(parents=True)
    assert free_folder("/data/photos").name == "photos-2"
    assert free_folder("../..").parent == home
    assert free_folder("https://host/a b?key=1").parent == home
