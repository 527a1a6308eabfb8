"""Export in a browser: take the labels away."""

from __future__ import annotations

import csv
import zipfile

import pytest

from air_core import pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace


@pytest.fixture
def decided(audit):
    """The five worst images, relabelled as suggested but for the last, which is left out."""
    workspace = Workspace.open(audit)
    ranking = pipeline.rank(workspace, "air-margin")
    for number, row in enumerate(ranking.order[:5]):
        name = workspace.dataset.class_names[ranking.suggested_labels[row]]
        item = str(ranking.item_ids[row])
        led = {"detector": ranking.detector, "score": float(ranking.scores[row]), "lambda_g": 0.01}
        decision = (
            Decision(item, "exclude", reason="two things at once", **led)
            if number == 4
            else Decision(item, "relabel", name, **led)
        )
        workspace.decide([decision], reviewer="ana")
    workspace.close()
    return audit


def test_the_archive_holds_every_image_but_the_one_left_out(page, decided, server, tmp_path):
    page.goto(f"{server.url}/export")
    page.get_by_role("combobox", name="Format").click()
    # Typed, as a person would: the list draws only what is in sight.
    page.keyboard.type("Image folder (")
    page.get_by_role("option", name="Image folder (").click()
    page.get_by_role("button", name="Build the archive").click()
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Download imagefolder-").click()
    download.value.save_as(tmp_path / "labels.zip")
    with zipfile.ZipFile(tmp_path / "labels.zip") as archive:
        names = archive.namelist()
    assert len([name for name in names if name.endswith(".png")]) == 299
    assert {"audit.jsonl", "changes.csv"} <= set(names)


def test_the_csv_differs_in_exactly_what_was_decided(page, decided, server, tmp_path, sample_audit):
    page.goto(f"{server.url}/export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the labels").click()
    download.value.save_as(tmp_path / "labels.csv")

    def rows(path):
        with path.open(newline="", encoding="utf-8") as file:
            return dict(csv.reader(file))

    before, after = rows(sample_audit / "labels.csv"), rows(tmp_path / "labels.csv")
    assert len(before) - len(after) == 1
    assert sum(before[path] != label for path, label in after.items()) == 4
