"""AIR beside the SVM: what the borders and histograms rest on is always said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from air_core import comparison, installation, metrics, pipeline
from air_core.labels import Decision
from air_core.ranking import rank_items
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


def show(page: AppTest, view: str) -> AppTest:
    """Turn to one of the views."""
    page.button_group(key="compare-view").set_value(view).run()
    assert not page.exception
    return page


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
    assert len(show(page, "activations").get("plotly_chart")) >= 4
    assert "· AUROC" not in text(page)
    assert "nothing to score" in text(show(page, "curves"))


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
    page.selectbox(key="compare-class").set_value(names[workspace.dataset.given_labels[0]]).run()
    assert "against your 2 reviews, 1 of which changed" in text(page)
    assert borders(page) == {"agree", "disagree", None}


def test_the_epoch_can_be_chosen_and_played(audited):
    epochs = pipeline.latest_fit(Workspace.open(audited), "air").epochs.tolist()
    page = show(run(), "activations")
    slider = page.select_slider[0]
    assert [int(e) for e in slider.options] == epochs
    slider.set_value(slider.options[1]).run()
    assert f"epoch {epochs[1]}" in titles(page)
    page.button(key="compare-play").click().run()
    assert page.button(key="compare-play").label == "Pause"
    assert f"epoch {epochs[2]}" in titles(page), "an epoch further at each turn"
    for _ in epochs:
        page.run()
    assert page.button(key="compare-play").label == "Play", "it stops at the end"
    assert f"epoch {epochs[-1]}" in titles(page)
    assert not page.exception


def titles(page: AppTest) -> str:
    return "".join(chart.proto.spec for chart in page.get("plotly_chart")[:2])


def test_two_other_detectors_can_be_compared(audited):
    page = run()
    page.selectbox(key="compare-detector-a").set_value("air-margin").run()
    page.selectbox(key="compare-detector-b").set_value("svm-margin").run()
    assert "### AIR margin" in text(page)
    assert "### SVM margin" in text(page)
    assert "Score, low is doubted" in titles(show(page, "activations"))
    page.selectbox(key="compare-detector-b").set_value("air-margin").run()
    assert page.info[0].value == "Both sides show the same detector."
    assert not page.exception


def test_the_agreement_table_opens_the_review_on_its_images(audited):
    workspace = Workspace.open(audited)
    page = show(run(), "agreement")
    page.number_input(key="compare-top").set_value(10).run()
    one, two = (pipeline.rank(workspace, f"{m}-activation") for m in ("air", "svm"))
    only = [i for i in one.order[:10] if i not in set(two.order[:10])]
    assert [m.value for m in page.metric] == [str(10 - len(only)), str(len(only)), str(len(only))]
    page.button(key="compare-open-a").click().run()
    ids = workspace.dataset.item_ids
    assert list(page.session_state["air.selection"]) == [str(ids[i]) for i in only]


def test_curves_and_their_figures_follow_the_verdicts(audited, monkeypatch):
    page = with_truth(audited, monkeypatch)
    show(page, "curves")
    assert len(page.get("plotly_chart")) == 3
    table = page.dataframe[0].value
    wrong, ranking = WRONG, pipeline.rank(Workspace.open(audited), "air-activation")
    errors = np.isin(np.arange(len(ranking)), wrong)
    assert table["AUROC"][0] == pytest.approx(metrics.auroc(ranking.scores, errors))
    assert table["Average precision"][0] == pytest.approx(
        metrics.average_precision(ranking.scores, errors)
    )
    given = ranking.given_labels
    truth = np.where(errors, (given + 1) % 4, given)
    right = ranking.others.labels == truth
    told = page.dataframe[1].value
    assert told["Right on wrong labels"][0] == pytest.approx(right[errors].mean())
    assert told["Calibration error (ECE)"][0] == pytest.approx(
        metrics.expected_calibration_error(ranking.confidences, ranking.suggested_labels == truth)
    )


def test_the_confusion_matrix_counts_every_image(audited):
    page = show(run(), "confusion")
    cells = json.loads(page.get("bidi_component")[0].proto.json)
    workspace = Workspace.open(audited)
    assert sum(map(sum, cells["counts"])) == len(workspace.dataset)
    assert cells["rows"] == list(workspace.dataset.class_names)


WRONG = (1, 6, 11)


def with_truth(audited: Path, monkeypatch) -> AppTest:
    """The page scored against a truth by which some labels are wrong."""
    workspace = Workspace.open(audited)
    truth = audited / "truth.csv"
    names, given = workspace.dataset.class_names, workspace.dataset.given_labels
    rows = [
        f"{path},{names[(given[i] + (i in WRONG)) % 4]}\n"
        for i, path in enumerate(workspace.dataset.paths)
    ]
    truth.write_text("path,label\n" + "".join(rows))
    monkeypatch.setattr(installation, "sample_source", lambda: Path(workspace.info.source))
    monkeypatch.setattr(installation, "sample_truth", lambda: truth)
    page = run()
    page.checkbox[0].check().run()
    assert not page.exception
    return page


def test_the_known_truth_of_the_sample_is_offered_for_the_sample_only(audited, monkeypatch):
    assert not run().checkbox
    page = with_truth(audited, monkeypatch)
    assert "Scored against the truth" in text(page)
    assert "· AUROC" in text(page)
    assert {"agree", "disagree"} >= borders(page) - {None}


def test_suggestions_are_judged_where_a_label_was_given_and_a_truth_is_known():
    ranking = rank_items(
        "knn", np.array(["a", "b", "c", "d"]), np.array([0, 1, 1, -1]),
        scores=np.array([0.9, 0.2, 0.1, np.nan]),
        probabilities=np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.2, 0.8]], np.float32),
        activations=np.full(4, np.nan),
    )  # fmt: skip
    found = comparison.reliability(ranking, np.array([0, 0, 2, 1]))  # the third is of no class here
    assert found is not None
    assert found.right_on_wrong == 0.5
    assert found.calibration_error == pytest.approx((0.1 + 0.2 + 0.7) / 3, abs=1e-6)
