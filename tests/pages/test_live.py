"""λ_g live on the review page: what is shown, recorded, fetched, pinned and fitted again."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from air_core import pipeline
from air_core.fitting import Refiner, fit_path, rank_opinion, read_path, stored_path
from air_core.fitting.live import top_flagged
from air_core.workspace import Workspace
from benchmarks.ui_workspace import make
from pages import live_routes
from pages.components.strength import KEY, track
from pages.components.strength.dial import Dial, Pin
from pages.jobs import Job, registry
from pages.live import PATH
from pages.routes import ROUTES
from tests.pages.asgi import ask
from tests.pages.conftest import shown

PAGE = "../../pages/review.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("live"), 300, classes=4, p=32, path=True)


@pytest.fixture
def audit(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small audit with a path, of this test's own."""
    shutil.copytree(made, tmp_path / "audit")
    return shown(tmp_path / "audit", monkeypatch)


@pytest.fixture
def pathless(audit: Path) -> Path:
    for folder in (audit / "runs").glob("*-path-*"):
        shutil.rmtree(folder)
    return audit


def open_page(dial: Dial | None = None) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30)
    if dial is not None:
        page.session_state["air.dial"] = dial
    return page.run()


def slider(page: AppTest) -> dict:
    """What the slider was given."""
    assert not page.exception
    for element in page.get("bidi_component"):
        data = json.loads(element.proto.json or "{}") if element.proto.HasField("json") else {}
        if "marks" in data:
            return data
    raise AssertionError("the page has no slider")


def finished(folder: Path, kind: str) -> Job:
    job = registry.find(folder.resolve(), kind)
    deadline = time.monotonic() + 60
    while job is not None and job.live and time.monotonic() < deadline:
        time.sleep(0.01)
    assert job is not None
    return job


def test_untouched_it_shows_the_fit_and_marks_what_matters(audit):
    workspace = Workspace.open(audit)
    data, run = slider(open_page()), stored_path(workspace)
    assert (data["at_fit"], data["mode"], data["source"]) == (True, "live", "SADMM fit")
    assert data["flagged"] == pipeline.rank(workspace, "air-margin").flagged.sum()
    texts = [mark["text"] for mark in data["marks"]]
    assert texts[0] == "paper and fit 10×"
    assert texts[-1].startswith("all silent ")
    assert data["path"]["flagged"] == [point.flagged for point in run.points[::-1]]
    assert 10 ** data["low"] <= run.scales[-1]
    assert 10 ** data["high"] >= run.lambda_max


def test_where_the_slider_stands_the_page_ranks_by_the_path(audit):
    workspace = Workspace.open(audit)
    run = stored_path(workspace)
    scale = float(run.scales[3])
    page = open_page(Dial(scale=scale))
    wanted = rank_opinion(read_path(run, workspace.dataset, scale), "air-margin", workspace.dataset)
    data = slider(page)
    assert (data["source"], data["refining"], data["at_fit"]) == ("exact solver", False, False)
    assert data["flagged"] == wanted.flagged.sum()
    (progress,) = (x for x in page.get("progress") if "flagged images" in x.proto.text)
    assert f"of **{data['flagged']:,}** flagged" in progress.proto.text


def test_the_address_gives_the_tiles_at_any_value_and_what_is_recorded_with_decisions(audit):
    workspace = Workspace.open(audit)
    dataset, run = workspace.dataset, stored_path(workspace)
    data = slider(open_page(Dial(pin=Pin(float(run.scales[0]), run.run_id), top=50)))
    app = Starlette(routes=ROUTES)
    scale = float(np.sqrt(run.scales[4] * run.scales[5]))
    status, headers, body = ask(app, data["rows"], f"scale={scale}")
    assert (status, headers["cache-control"]) == (200, "private, no-store")
    found = json.loads(body)
    read = rank_opinion(read_path(run, dataset, scale), "air-margin", dataset)
    ids = dataset.item_ids[top_flagged(read, 120)].tolist()
    assert [row[0] for row in found["items"]] == ids
    assert (found["exact"], found["flagged"]) == (False, read.flagged.sum())
    assert found["basis"]["lambda_g"] == pytest.approx(scale / run.coef.shape[1])
    assert (found["basis"]["run_id"], found["basis"]["detector"]) == (run.run_id, "air-margin")
    assert found["entered"] + found["left"] > 0

    solved = json.loads(ask(app, data["rows"], f"scale={scale}&refine=1")[2])
    exact = rank_opinion(Refiner(workspace, run).solve(scale), "air-margin", dataset)
    assert solved["exact"]
    assert [row[0] for row in solved["items"]] == dataset.item_ids[top_flagged(exact, 120)].tolist()


def test_the_address_refuses_what_makes_no_sense(audit):
    app, rows = Starlette(routes=ROUTES), slider(open_page())["rows"]
    for scale in ("", "nan", "-1", "inf", "1;2"):
        assert ask(app, rows, f"scale={scale}")[0] == 400
    assert ask(app, f"{live_routes.PATH}/guess", "scale=1")[0] == 404
    assert ask(app, rows, "scale=1", "POST")[0] == 405


def test_without_a_path_it_offers_one_and_solving_makes_it_live(pathless):
    data = slider(open_page())
    assert (data["mode"], data["path"], data["rows"]) == ("refit", None, "")
    assert data["offer"]["button"].startswith("Make λ_g live · ")
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state[KEY] = {"asked": [{"n": 1, "kind": "solve"}]}
    page.run()
    assert not page.exception
    assert finished(pathless, PATH).state == "done"
    data = slider(page.run())
    assert (data["mode"], data["offer"], data["ack"]) == ("live", None, 1)


def test_a_path_of_other_labels_is_said_to_be_of_others(audit):
    run = next((audit / "runs").glob("*-path-*"))
    record = json.loads((run / "run.json").read_text("utf-8"))
    (run / "run.json").write_text(json.dumps(record | {"key": "of others"}), "utf-8")
    data = slider(open_page(Dial(scale=20.0, pin=Pin(20.0, "gone"))))
    assert "of other features, labels or groups" in data["offer"]["why"]
    assert (data["at_fit"], data["pin"]) == (True, None)


def test_letting_go_fits_again_where_that_was_chosen(audit, monkeypatch):
    asked = []
    monkeypatch.setattr(
        pipeline, "refit", lambda workspace, scale, *, progress: asked.append(scale)
    )
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state[KEY] = {
        "asked": [
            {"n": 1, "kind": "mode", "mode": "refit"},
            {"n": 2, "kind": "move", "scale": 20, "released": True},
        ]
    }
    page.run()
    assert finished(audit, "fit").title == "Fitting AIR at 20×"
    assert asked == [20.0]
    data = slider(page.run())
    assert (data["mode"], data["at_fit"], data["ack"]) == ("refit", True, 2)
    assert asked == [20.0], "the same message again is no new fit"


def test_pin_and_show(audit):
    workspace = Workspace.open(audit)
    run, dataset = stored_path(workspace), workspace.dataset
    pinned, now = float(run.scales[-1]), float(run.scales[1])
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state[KEY] = {
        "asked": [
            {"n": 1, "kind": "move", "scale": pinned, "released": True},
            {"n": 2, "kind": "pin"},
            {"n": 3, "kind": "top", "top": 50},
        ]
    }
    page.run()
    assert slider(page)["pin"] | {"tops": 0} == {
        "scale": pinned, "text": track.times(pinned), "entered": 0, "left": 0, "top": 50, "tops": 0,
    }  # fmt: skip
    page.session_state[KEY] = {
        "asked": [
            {"n": 4, "kind": "move", "scale": now, "released": True},
            {"n": 5, "kind": "show", "which": "entered"},
        ]
    }
    page.run()
    before, after = (
        rank_opinion(read_path(run, dataset, scale), "air-margin", dataset)
        for scale in (pinned, now)
    )
    worst = [set(top_flagged(ranking, 50).tolist()) for ranking in (before, after)]
    data = slider(page)
    assert data["pin"]["entered"] == len(worst[1] - worst[0]) > 0
    assert data["pin"]["left"] == len(worst[0] - worst[1])
    chosen = page.session_state["air.selection"]
    assert {dataset.row_of(item) for item in chosen} == worst[1] - worst[0]
    assert any("entered the top 50 since" in text.value for text in page.markdown)


def test_other_models_have_no_slider(audit):
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    page.selectbox(key="review-detector").set_value("svm-margin").run()
    with pytest.raises(AssertionError, match="no slider"):
        slider(page)


def test_the_settings_fit_again_with_what_they_show(audit, monkeypatch):
    asked = {}

    def fit(workspace, *, solver, strength, lambda_scale, settings, progress):
        asked.update(settings, solver=solver, strength=strength, lambda_scale=lambda_scale)

    monkeypatch.setattr(pipeline, "fit", fit)
    page = AppTest.from_string(
        "from pages import resources\n"
        "from pages.components import refit\n"
        "refit._settings(resources.require_workspace(), resources.fit('air'), 12.0)\n",
        default_timeout=30,
    ).run()
    assert not page.exception
    page.number_input(key="refit-epochs").set_value(7)
    page.selectbox(key="refit-group").set_value("image")
    page.button(key="refit-go").click().run()
    assert finished(audit, "fit").state == "done"
    assert {k: asked[k] for k in ("solver", "strength", "lambda_scale", "group", "epochs")} == {
        "solver": "sadmm", "strength": "paper", "lambda_scale": 12.0, "group": "image", "epochs": 7,
    }  # fmt: skip


def test_a_path_that_was_cancelled_can_be_gone_on_with(pathless):
    from air_core.errors import Cancelled

    def stop(done, total, note):
        if done == 2:
            raise Cancelled("Stopped on request.")

    workspace = Workspace.open(pathless)
    with pytest.raises(Cancelled):
        fit_path(workspace, progress=stop)
    data = slider(open_page())
    assert data["offer"]["button"].startswith("Go on solving · ")
    assert data["offer"]["why"].startswith("Stopped after 2 of ")
    assert data["path"] is None
