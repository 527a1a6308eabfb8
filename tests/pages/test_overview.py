"""The overview: nothing open, imported, audited, checked, decided."""

from __future__ import annotations

import os
import shutil
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from air_core import facts, orders, pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace
from pages import access, recipes, resources, state
from pages.components.checklist import Status, steps
from pages.components.markdown import literal
from pages.components.status import worst_rows
from pages.jobs import Job, registry

PAGE = "../../pages/overview.py"


def run() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not page.exception
    return page


def ended(job: Job) -> Job:
    deadline = time.monotonic() + 30
    while job.live and time.monotonic() < deadline:
        time.sleep(0.01)
    return job


def numbers(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def primary(page: AppTest) -> list[str]:
    return [button.label for button in page.button if button.proto.type == "primary"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where workspaces go in this test; nothing is open."""
    monkeypatch.setenv("AIR_AUDIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(resources.VARIABLE, "")
    yield tmp_path / "home"
    for job in registry.every(recipes.OPEN):
        registry.dismiss(ended(job))


@pytest.fixture(scope="module")
def checked_once(audited_once, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checked") / "shapes"
    shutil.copytree(audited_once, folder)
    workspace = Workspace.open(folder)
    facts.noise(workspace)
    facts.copies(workspace)
    return folder


@pytest.fixture
def checked(checked_once, tmp_path, monkeypatch):
    """An audited workspace with its noise estimated and its copies found."""
    folder = tmp_path / "shapes"
    shutil.copytree(checked_once, folder)
    monkeypatch.setenv(resources.VARIABLE, str(folder))
    return folder


def test_without_a_workspace_it_offers_every_way_to_open_images(home):
    page = run()
    assert [tab.label.split(": ")[-1] for tab in page.tabs] == [
        "Path or address", "Upload",
    ]  # fmt: skip
    assert {"Open", "Open the upload", "Audit the sample data"} <= set(labels(page))


def test_where_people_log_in_nobody_chooses_other_images(home, imported, monkeypatch):
    monkeypatch.setattr(access, "login", lambda: object())
    assert "Open other images" not in labels(run())
    monkeypatch.setenv(resources.VARIABLE, "")
    page = run()
    assert not page.text_input
    assert "Audit the sample data" not in labels(page)
    assert "whoever runs it" in page.info[0].value


def test_the_sample_opens_and_its_audit_starts(home, monkeypatch):
    monkeypatch.setattr(pipeline, "audit", lambda workspace, progress: None)
    monkeypatch.setattr(pipeline, "rank", lambda workspace, progress: None)
    page = press(run(), "Audit the sample data")
    (opening,) = registry.every(recipes.OPEN)
    assert ended(opening).state == "done"
    page = page.run()
    assert os.environ[resources.VARIABLE] == str(opening.workspace)
    assert numbers(page)["Images"] == "1,200"
    assert ended(registry.find(opening.workspace, recipes.AUDIT)).state == "done"
    registry.dismiss(ended(registry.find(opening.workspace, recipes.FACTS)))


def test_a_path_is_imported_and_shown_and_offered_again(home, source):
    page = run()
    page.text_input[0].set_value(str(source))
    page = press(page, "Open")
    (opening,) = registry.every(recipes.OPEN)
    assert ended(opening).state == "done"
    assert opening.workspace.parent == home
    assert numbers(page.run())["Images"] == "40"
    os.environ[resources.VARIABLE] = ""
    assert any(opening.workspace.name in text.value for text in run().markdown)


@pytest.mark.parametrize(
    ("typed", "said"), [("", "got none"), ("/not/there", "found none"), ("~/no.csv", "found none")]
)
def test_a_path_that_cannot_be_opened_says_why(home, typed, said):
    page = run()
    page.text_input[0].set_value(typed)
    assert said in press(page, "Open").error[0].value
    assert not registry.every(recipes.OPEN)


def test_an_import_that_fails_says_why_and_can_be_tried_again(home, tmp_path):
    (tmp_path / "empty").mkdir()
    page = run()
    page.text_input[0].set_value(str(tmp_path / "empty"))
    page = press(page, "Open")
    (opening,) = registry.every(recipes.OPEN)
    assert ended(opening).state == "failed"
    page = page.run()
    assert any("failed" in text.value for text in page.markdown)
    assert "Try again" in labels(page)
    press(page, "Dismiss")
    assert not registry.every(recipes.OPEN)


def test_imported_images_wait_for_the_audit(imported):
    page = run()
    assert numbers(page) == {
        "Images": "40", "Classes": "4", "Labels questioned": "–", "Decided": "0",
        "Quarantined": "0",
    }  # fmt: skip
    assert primary(page) == ["Start the audit"]
    assert any("can be estimated once" in text.value for text in page.info)


def test_after_the_audit_the_noise_is_estimated_and_copies_are_found(audited):
    page = run()
    assert numbers(page)["Labels questioned"] == str(
        int(pipeline.rank(Workspace.open(audited)).flagged.sum())
    )
    assert primary(page) == ["Estimate and search"]
    press(page, "Estimate and search")
    assert ended(registry.find(audited.resolve(), recipes.FACTS)).state == "done"
    page = run()
    assert any("labels look wrong" in text.value for text in page.markdown)
    assert primary(page) == ["Open the map"]


def test_where_labels_are_all_alike_no_noise_is_estimated_and_nothing_fails(
    tmp_path, paint, monkeypatch
):
    for number in range(4):
        paint(tmp_path / "source" / "cat" / f"{number}.png")
    workspace = Workspace.create(tmp_path / "ws", tmp_path / "source")
    monkeypatch.setenv(resources.VARIABLE, str(workspace.root))
    page = run()
    assert any("takes labels of two classes" in text.value for text in page.info)
    monkeypatch.setattr(facts, "copies", lambda *_, **__: None)  # no features here
    job = ended(recipes.start_facts(workspace.root))
    assert (job.state, job.error) == ("done", "")


def test_what_was_cut_off_by_a_restart_is_offered_and_ends(audited):
    orders.remember(audited, orders.Order(recipes.FACTS, "Estimating the noise, finding copies"))
    (job,) = recipes.jobs_of(audited.resolve())
    assert (job.state, job.resumable) == ("interrupted", True)
    assert ended(registry.resume(job)).state == "done"
    assert facts.stored_copies(Workspace.open(audited)) is not None
    assert not orders.unfinished(audited)


def test_copies_with_conflicting_labels_open_in_the_review(checked, tmp_path, monkeypatch):
    workspace = Workspace.open(checked)
    found = facts.stored_copies(workspace)
    file = next((checked / "runs").glob("copies-*.npz"))
    # Rows 3 and 7 have the same picture kind but different labels.
    np.savez(file, pairs=np.array([[3, 7]]), oddness=found.oddness)
    page = run()
    assert any("1 with labels that differ" in text.value for text in page.markdown)
    chosen: list[tuple[list[str], str]] = []
    monkeypatch.setattr(state, "set_selection", lambda ids, origin: chosen.append((ids, origin)))
    page = next(b for b in page.button if b.key == "air-group-3").click().run()
    ids = workspace.dataset.item_ids
    assert chosen == [([ids[3], ids[7]], "a group of copies")]


def test_decisions_change_the_numbers_and_the_list(checked):
    workspace = Workspace.open(checked)
    rows = worst_rows(pipeline.rank(workspace, "air-margin")).tolist()
    workspace.decide(
        [Decision(str(workspace.dataset.item_ids[row]), "keep") for row in rows], reviewer="ana"
    )
    page = run()
    assert numbers(page)["Decided"] == str(len(rows))
    assert any("are all decided" in text.value for text in page.markdown)
    assert any("left · " in text.value for text in page.markdown), "when to stop, in a few words"


def test_quarantined_files_are_listed_with_their_reasons(source, tmp_path, monkeypatch):
    folder = tmp_path / "source"
    shutil.copytree(source.parent, folder)
    (folder / "00.png").write_text("no image")
    pipeline.open_source(folder / "labels.csv", tmp_path / "audit").close()
    monkeypatch.setenv(resources.VARIABLE, str(tmp_path / "audit"))
    page = run()
    assert page.expander[0].label == "1 image could not be used"
    assert page.expander[0].dataframe[0].value["File"].tolist() == ["00.png"]


def test_a_damaged_workspace_is_one_line_and_a_way_out(imported):
    (imported / "workspace.json").write_text("{")
    page = run()
    assert len(page.error) == 1
    assert "Open" in labels(page)


def test_the_steps_are_taken_in_order_one_at_a_time():
    status = Status(images=100)
    done = [
        {"features": True}, {"ranked": True, "worst": 50, "worst_left": 50}, {"checked": True},
        {"mapped": True}, {"worst_left": 0, "decided": 50}, {"stop": True},
    ]  # fmt: skip
    seen = []
    facts_: dict[str, object] = {}
    for more in [{}, *done]:
        facts_ |= more
        now = [step for step in steps(Status(100, **facts_)) if step.state == "now"]
        assert len(now) == 1
        seen.append(now[0].action)
    assert seen == [
        "audit", "audit", "facts", "explore.py", "worst", "review.py", "export.py",
    ]  # fmt: skip
    running = steps(Status(100, auditing=True))
    assert [step.state for step in running][:2] == ["done", "running"]
    assert status.images == 100


def test_names_are_text_in_markdown():
    assert "<" not in literal("<img src=x> *b* [l](u) :material/x:").replace("&#60;", "")
    assert literal("Ankle boot") == "Ankle boot"
