"""An audit of images that may have several labels, from the fit to the pages."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from air_core import pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace
from pages.components.changes import preview
from pages.components.tiles import tiles
from tests.pages.conftest import picture, shown

KINDS = ("disc", "stripe", "noise")
WRONG = {5: ["disc"], 11: ["stripe", "disc"]}
"""Rows whose tags are not those of the picture."""


@pytest.fixture(scope="module")
def tagged_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tagged")
    rng = np.random.default_rng(3)
    rows = []
    for i in range(48):
        kinds = [k for k in range(3) if (i % 7 + 1) >> k & 1]
        # Two pictures side by side make an image with both tags.
        parts = [picture(k, rng) for k in (kinds + kinds)[:2]]
        Image.fromarray(np.concatenate(parts, axis=1)).save(folder / f"{i:02}.png")
        rows.append((f"{i:02}.png", ";".join(WRONG.get(i, [KINDS[k] for k in kinds]))))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "tags"), *rows])
    workspace = pipeline.open_source(
        folder / "labels.csv", folder / "audit", separator=";", label_column="tags"
    )
    pipeline.audit(workspace, device="cpu")
    workspace.close()
    return folder / "audit"


@pytest.fixture
def tagged(tagged_once: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return Workspace.open(shown(tagged_once, monkeypatch))


@pytest.mark.parametrize("detector", [d for d in pipeline.DETECTORS if "refined" not in d])
def test_every_detector_ranks_tags(tagged: Workspace, detector: str) -> None:
    ranking = pipeline.rank(tagged, detector)
    assert ranking.suggested_tags is not None
    assert sorted(ranking.ranks) == list(range(1, 49))


def test_the_default_ranking_finds_the_wrong_tags(tagged: Workspace) -> None:
    ranking = pipeline.rank(tagged)
    assert set(ranking.order[:4].tolist()) >= set(WRONG)
    assert set(WRONG) <= set(np.flatnonzero(ranking.flagged).tolist())


def test_a_suggestion_of_several_tags_can_be_accepted_and_comes_back(tagged: Workspace) -> None:
    ranking = pipeline.rank(tagged)
    (tile,) = tiles(tagged, [11], reviewed={}, ranking=ranking)
    assert tile.given == "disc; stripe"
    assert tile.suggested is not None
    item = str(tagged.dataset.item_ids[11])
    (event,) = tagged.decide([Decision(item, "relabel", label="noise; disc")], reviewer="ana")
    assert json.loads(event.new_label or "") == ["disc", "noise"]
    (after,) = tiles(tagged, [11], reviewed=tagged.reviewed(), ranking=ranking)
    assert after.label == "disc; noise"
    assert preview(tagged.reviews(), tagged.reviewed(), "ana")["final"].tolist() == ["disc; noise"]
    line = tagged.export_bytes().decode().splitlines()[12]
    assert line in ("11.png,disc;noise", "11.png,noise;disc")
    tagged.labels.undo_last("ana")


@pytest.mark.parametrize("page", ["overview", "review", "explore", "compare", "history", "export"])
def test_every_page_shows_tags(tagged: Workspace, page: str) -> None:
    ran = AppTest.from_file(f"../../pages/{page}.py", default_timeout=30).run()
    assert not ran.exception
    assert not ran.error
