"""The map page: empty, without a map, ready, with a selection."""

from __future__ import annotations

import time

import numpy as np
from streamlit.testing.v1 import AppTest

from air_core import pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace
from pages.components.tiles import map_points
from pages.jobs import registry

PAGE = "../../pages/explore.py"


def run(page: AppTest | None = None) -> AppTest:
    page = (AppTest.from_file(PAGE, default_timeout=60) if page is None else page).run()
    assert not page.exception
    return page


def test_without_a_workspace_or_an_audit_it_says_what_to_do(nothing_open):
    assert run().subheader[0].value == "No workspace is open"


def test_before_the_audit_it_offers_to_start_one(imported):
    assert run().button[0].label == "Start the audit"


def test_the_map_is_computed_in_the_background_and_then_shown(audited):
    page = run()
    assert [button.label for button in page.button] == ["Compute the UMAP map"]
    page.button[0].click().run()
    job = registry.find(audited.resolve(), "project-umap")
    deadline = time.monotonic() + 60
    while job.live and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (job.state, job.error) == ("done", "")
    page = run()
    assert len(page.get("bidi_component")) == 1
    assert not page.button


def with_map(folder) -> Workspace:
    workspace = Workspace.open(folder)
    xy = np.random.default_rng(0).normal(size=(len(workspace.dataset), 2)).astype(np.float32)
    digest = pipeline.current_features(workspace).digest
    target = pipeline._projection_file(workspace, "umap", 0, digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    np.save(target, xy)
    return workspace


def test_a_selection_is_counted_and_handed_to_the_review(audited):
    workspace = with_map(audited)
    chosen = [str(item) for item in workspace.dataset.item_ids[:5]]
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["air.selection"] = (*chosen, "0" * 16)
    run(page)
    flagged = int(pipeline.rank(workspace).flagged[:5].sum())
    assert any(f"5 selected · {flagged} flagged" in text.value for text in page.markdown)
    assert [button.label for button in page.button] == ["Review these 5 images"]
    assert len(page.get("bidi_component")) == 2


def test_points_carry_decisions_flags_and_scores(audited):
    workspace = with_map(audited)
    ranking = pipeline.rank(workspace)
    workspace.decide([Decision(str(workspace.dataset.item_ids[2]), "unsure")], reviewer="ana")
    xy = pipeline.load_projection(workspace, "umap")
    points = map_points(workspace, xy, workspace.reviewed(), ranking)
    assert np.flatnonzero(points.decisions).tolist() == [2]
    np.testing.assert_array_equal(points.flagged, ranking.flagged)
    assert map_points(workspace, xy, {}, None).scores is None
