"""AIR beside the SVM: what the borders and histograms rest on is always said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from streamlit.testing.v1 import AppTest

from air_core import installation, pipeline
from air_core.labels import Decision
from air_core.workspace import Workspace

PAGE = "../../pages/compare.py"


def run(page: AppTest | None = None) -> AppTest:
    page = (AppTest.from_file(PAGE, default_timeout=60) if page is None else page).run()
    assert not page.exception
    return page


def text(page: AppTest) -> str:
    return "\n".join(part.value for part in [*page.markdown, *page.caption])


def borders(page: AppTest) -> set[str | None]:
    """The borders that the grids were given."""
    grids = [json.loads(grid.proto.json) for grid in page.get("bidi_component")]
    return {row[9] for grid in grids for row in grid["items"]}


def test_without_a_workspace_or_an_audit_it_says_what_to_do(nothing_open):
    assert run().subheader[0].value == "No workspace is open"


def test_without_the_svm_it_offers_to_go_on(audited):
    for folder in (audited / "runs").glob("*-svm-*"):
        shutil.rmtree(folder)
    assert [button.label for button in run().button] == ["Go on with the audit"]


def test_with_neither_truth_nor_reviews_borders_are_neutral_and_nothing_is_scored(audited):
    page = run()
    assert "says nothing about who is right" in text(page)
    assert "· AUROC" not in text(page)
    assert borders(page) == {None}
    assert len(page.get("plotly_chart")) >= 4


def test_reviews_colour_the_borders_of_what_was_reviewed(audited):
    workspace = Workspace.open(audited)
    items, names = workspace.dataset.item_ids, workspace.dataset.class_names
    given = workspace.dataset.given_labels
    assert given[0] == given[4]
    other = names[(given[4] + 1) % 4]
    workspace.decide(
        [Decision(str(items[0]), "keep"), Decision(str(items[4]), "relabel", label=other)],
        reviewer="ana",
    )
    page = run()
    page.selectbox[0].set_value(names[workspace.dataset.given_labels[0]]).run()
    assert "against your 2 reviews, 1 of which changed" in text(page)
    assert borders(page) == {"agree", "disagree", None}


def test_the_epoch_can_be_chosen_and_the_order_turned(audited):
    workspace = Workspace.open(audited)
    page = run()
    slider = page.select_slider[0]
    assert [int(e) for e in slider.options] == pipeline.latest_fit(workspace, "air").epochs.tolist()
    slider.set_value(slider.options[0]).run()
    assert not page.exception


def test_the_known_truth_of_the_sample_is_offered_for_the_sample_only(audited, monkeypatch):
    assert not run().checkbox
    workspace = Workspace.open(audited)
    truth = audited / "truth.csv"
    names, given = workspace.dataset.class_names, workspace.dataset.given_labels
    rows = [
        f"{path},{names[(given[i] + (i in (1, 6, 11))) % 4]}\n"
        for i, path in enumerate(workspace.dataset.paths)
    ]
    truth.write_text("path,label\n" + "".join(rows))
    monkeypatch.setattr(installation, "sample_source", lambda: Path(workspace.info.source))
    monkeypatch.setattr(installation, "sample_truth", lambda: truth)
    page = run()
    page.checkbox[0].check().run()
    assert not page.exception
    assert "Scored against the truth" in text(page)
    assert "· AUROC" in text(page)
    assert {"agree", "disagree"} >= borders(page) - {None}
