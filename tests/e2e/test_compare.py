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
    expect(page.get_by_role("heading", name="AIR activation (the paper) · AUROC")).to_be_visible()
    expect(page.get_by_role("heading", name="SVM activation · AUROC")).to_be_visible()
    page.get_by_text("Lowest").click()
    page.locator(".tile", has_text="differs").first.wait_for()
    page.get_by_text("Activations", exact=True).click()
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_text("AIR activation (the paper), epoch 2").first).to_be_visible()
    page.get_by_role("tab", name="As in the paper").click()
    expect(page.get_by_text("AIR activation (the paper), epoch 4").first).to_be_visible()
    page.get_by_text("Curves", exact=True).click()
    expect(page.get_by_text("Precision and recall", exact=True)).to_be_visible()


def test_a_cell_of_the_confusion_matrix_opens_its_images(page, untouched):
    page.goto(f"{untouched.url}/compare")
    page.locator(".tile").first.wait_for()
    page.get_by_text("Confusion", exact=True).click()
    cell = page.locator(".cells td:not(.agree) button").first
    cell.wait_for()
    count = int(cell.inner_text())
    cell.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/review")
    expect(page.get_by_text(f"Showing the {count} selected from the cell")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(count)


def test_what_only_one_detector_finds_opens_in_the_review(page, untouched):
    page.goto(f"{untouched.url}/compare")
    page.locator(".tile").first.wait_for()
    page.get_by_text("Agreement", exact=True).click()
    button = page.get_by_role("button", name="Open these").nth(1)
    button.wait_for()
    count = button.inner_text().split()[-1]
    button.click()
    page.wait_for_url("**/review")
    expect(page.get_by_text(f"Showing the {count} selected from the comparison")).to_be_visible()


def test_a_file_that_is_no_truth_is_refused_in_one_line(page, untouched, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("file,class\na.png,cat\n")
    page.goto(f"{untouched.url}/compare")
    page.get_by_role("button", name="Score against a truth").click()
    page.locator("input[type=file]").set_input_files(wrong)
    expect(page.get_by_text("Expected the columns path and label")).to_be_visible()
    expect(page.get_by_text("borders are neutral")).to_be_visible()
