"""The map page: empty, without a map, being computed, ready, with a selection."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from air_core import maps, pipeline
from air_core.projection import MapSettings
from air_core.workspace import Workspace
from pages.jobs import registry

PAGE = "../../pages/explore.py"


def run(page: AppTest | None = None) -> AppTest:
    page = (AppTest.from_file(PAGE, default_timeout=60) if page is None else page).run()
    assert not page.exception
    return page


def buttons(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def press(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label == label).click()
    return run(page)


def grown(folder) -> Workspace:
    """The workspace, with two maps."""
    workspace = Workspace.open(folder)
    rng = np.random.default_rng(0)
    for settings in (MapSettings("umap"), MapSettings("tsne", seed=3, perplexity=12)):
        xy = rng.normal(size=(len(workspace.dataset), 2)).astype(np.float32)
        pipeline.store_projection(workspace, settings, xy)
    return workspace


def finished(folder, timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while registry.live(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not registry.live(folder)


def test_without_a_workspace_or_an_audit_it_says_what_to_do(nothing_open):
    assert run().subheader[0].value == "No workspace is open"


def test_before_the_audit_it_offers_to_start_one(imported):
    assert run().button[0].label == "Start the audit"


@pytest.fixture
def quick(monkeypatch):
    """Maps without their minutes: the place of an image is its first two features."""
    asked, go = [], threading.Event()

    def project_apart(features, settings, *, progress):
        asked.append(settings)
        while not go.wait(0.02):
            progress(10, 100, "Finding neighbours")
        return np.ascontiguousarray(features[:, :2])

    monkeypatch.setattr(maps.projection, "project_apart", project_apart)
    yield asked, go
    go.set()


def test_a_map_is_computed_in_the_background_and_then_shown(audited, quick):
    asked, go = quick
    page = run()
    assert "Compute the t-SNE map" in buttons(page)
    page = press(page, "Compute the t-SNE map")
    assert any("t-SNE · seed 0: being computed" in text.value for text in page.markdown)
    assert "Compute the t-SNE map" not in buttons(page)
    go.set()
    finished(audited.resolve())
    page = run()
    assert asked == [MapSettings()]
    assert len(page.get("bidi_component")) == 1


def test_a_cancelled_map_leaves_nothing_and_is_offered_again(audited, quick):
    page = press(run(), "Compute the t-SNE map")
    job = next(job for job in registry.of(audited.resolve()) if job.live)
    job.cancel()
    finished(audited.resolve())
    assert job.state == "cancelled"
    assert pipeline.kept_projections(Workspace.open(audited)) == []
    assert "Compute the t-SNE map" in buttons(run(page))


def test_a_map_of_ones_own_settings_is_computed_beside_the_others(audited, quick):
    asked, go = quick
    go.set()
    grown(audited)
    page = run()
    page.segmented_control(key="map-method").set_value("umap").run()
    page.slider(key="map-neighbours").set_value(7).run()
    page.number_input(key="map-seed").set_value(5).run()
    page = press(page, "Compute this map")
    finished(audited.resolve())
    page = run(page)
    assert asked == [MapSettings("umap", seed=5, n_neighbors=7)]
    choice = page.selectbox(key="explore-map")
    assert choice.options == [
        "UMAP · 7 neighbours · seed 5", "t-SNE · perplexity 12 · seed 3", "UMAP · seed 0",
    ]  # fmt: skip
    assert choice.value.startswith("umap-")
    press(page, "Compute this map")
    assert len(asked) == 1, "what is kept is shown, not computed again"


def test_a_map_can_be_chosen_and_deleted(audited):
    grown(audited)
    page = run()
    choice = page.selectbox(key="explore-map")
    assert len(choice.options) == 2
    choice.set_value(choice.options[1]).run()
    press(page, "Delete the map shown")
    assert run().selectbox(key="explore-map").options == ["t-SNE · perplexity 12 · seed 3"]


def test_a_selection_is_counted_and_handed_to_the_review(audited):
    workspace = grown(audited)
    chosen = [str(item) for item in workspace.dataset.item_ids[:5]]
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["air.selection"] = (*chosen, "0" * 16)
    run(page)
    flagged = int(pipeline.rank(workspace, "air-margin").flagged[:5].sum())
    assert any(f"5 selected · {flagged} flagged" in text.value for text in page.markdown)
    assert "Review these 5 images" in buttons(page)
    assert len(page.get("bidi_component")) >= 2


def test_boundaries_of_a_class_are_drawn_for_both_detectors(audited):
    grown(audited)
    page = run()
    page.selectbox(key="explore-boundary").set_value("disc")
    data = run(page).get("bidi_component")[0].proto
    assert "AIR: half are" in str(data)
    assert "SVM: half are" in str(data)
