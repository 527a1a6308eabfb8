"""AIR beside the SVM in a browser, scored against an uploaded truth."""

from __future__ import annotations

import pytest

from air_core.installation import sample_truth

expect = pytest.importorskip("playwright.sync_api").expect


def test_a_truth_file_gives_borders_scores_and_histograms(page, untouched, tmp_path):
    page.goto(f"{untouched.url}/compare")
    expect(page.get_by_text("borders are neutral")).to_be_visible()
    page.locator(".tile").first.wait_for()
    assert page.get_by_text("differs").count() == 0
    page.get_by_role("combobox", name="Images labelled").click()
    page.get_by_role("option", name="Pullover").click()
    page.get_by_role("button", name="Score against a truth").click()
    page.locator("input[type=file]").set_input_files(sample_truth())
    expect(page.get_by_text("Scored against the truth")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="AIR · AUROC")).to_be_visible()
    expect(page.get_by_role("heading", name="SVM · AUROC")).to_be_visible()
    page.get_by_text("Lowest").click()
    page.locator(".tile", has_text="differs").first.wait_for()
    page.get_by_role("tab", name="As in the paper").click()
    expect(page.get_by_text("AIR, epoch 4 · AUROC").first).to_be_visible()


def test_a_file_that_is_no_truth_is_refused_in_one_line(page, untouched, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("file,class\na.png,cat\n")
    page.goto(f"{untouched.url}/compare")
    page.get_by_role("button", name="Score against a truth").click()
    page.locator("input[type=file]").set_input_files(wrong)
    expect(page.get_by_text("Expected the columns path and label")).to_be_visible()
    expect(page.get_by_text("borders are neutral")).to_be_visible()
