"""The overview: nothing open, imported, audited, decided."""

from __future__ import annotations

import os
import shutil
import time

from streamlit.testing.v1 import AppTest

from air_core import pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace
from pages import resources
from pages.components.markdown import literal
from pages.components.strip import worst_undecided
from pages.jobs import registry

PAGE = "../../pages/overview.py"


def run() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not page.exception
    return page


def numbers(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_without_a_workspace_it_offers_the_sample_and_names_the_commands(nothing_open):
    page = run()
    assert [button.label for button in page.button] == ["Audit the sample data"]
    assert "air-audit ui" in page.code[0].value


def test_the_sample_opens_and_its_audit_starts(nothing_open, tmp_path, monkeypatch):
    monkeypatch.setenv("AIR_AUDIT_HOME", str(tmp_path))
    monkeypatch.setenv(resources.VARIABLE, "")
    monkeypatch.setattr(pipeline, "audit", lambda workspace, progress: None)
    page = run()
    page.button[0].click().run()
    assert not page.exception
    folder = resources.root()
    assert folder is not None
    assert folder.parent == tmp_path
    assert numbers(page)["Images"] == "1,200"
    job = registry.find(folder, "audit")
    deadline = time.monotonic() + 5
    while job.live and time.monotonic() < deadline:
        time.sleep(0.01)
    assert job.state == "done"
    assert os.environ[resources.VARIABLE] == str(folder)


def test_imported_images_wait_for_the_audit(imported):
    page = run()
    assert numbers(page) == {
        "Images": "40", "Classes": "4", "Labels questioned": "–", "Decided": "0",
        "Quarantined": "0",
    }  # fmt: skip
    assert [button.label for button in page.button] == ["Start the audit"]


def test_after_the_audit_the_next_step_is_the_review_of_the_worst(audited):
    workspace = Workspace.open(audited)
    flagged = int(pipeline.rank(workspace).flagged.sum())
    page = run()
    assert numbers(page)["Labels questioned"] == str(flagged)
    assert [button.label for button in page.button] == ["Start reviewing"]
    assert any(f"Review the {flagged} labels" in text.value for text in page.markdown)
    assert len(page.image) == min(10, flagged)


def test_after_decisions_it_offers_the_export_too(audited):
    workspace = Workspace.open(audited)
    ranking = pipeline.rank(workspace)
    worst = worst_undecided(ranking, (), 1)[0]
    item = str(workspace.dataset.item_ids[worst])
    workspace.decide([Decision(item, "keep")], reviewer="ana")
    page = run()
    assert numbers(page)["Decided"] == "1"
    assert [b.label for b in page.button] == ["Export the cleaned labels", "Go on reviewing"]
    assert worst not in worst_undecided(ranking, {item}, 40)


def test_quarantined_files_are_listed_with_their_reasons(source, tmp_path, monkeypatch):
    folder = tmp_path / "source"
    shutil.copytree(source.parent, folder)
    (folder / "00.png").write_text("no image")
    pipeline.open_source(folder / "labels.csv", tmp_path / "audit").close()
    monkeypatch.setenv(resources.VARIABLE, str(tmp_path / "audit"))
    page = run()
    assert page.expander[0].label == "1 images could not be used"
    assert page.expander[0].dataframe[0].value["File"].tolist() == ["00.png"]


def test_a_damaged_workspace_is_one_line(imported):
    (imported / "workspace.json").write_text("{")
    assert len(run().error) == 1


def test_names_are_text_in_markdown():
    assert "<" not in literal("<img src=x> *b* [l](u) :material/x:").replace("&#60;", "")
    assert literal("Ankle boot") == "Ankle boot"
