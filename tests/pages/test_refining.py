"""The refined ranking in the interface: a button, a job, and the way back."""

import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from air_core import pipeline
from air_core.errors import AirError
from pages import recipes
from pages.jobs import registry

PAGES = Path(__file__).resolve().parents[2] / "pages"


def run():
    return AppTest.from_file(PAGES / "overview.py", default_timeout=30).run()


def button(page, label):
    return next(b for b in page.button if b.label == label)


def test_the_button_starts_a_job_that_can_be_resumed(audited, monkeypatch):
    asked = []

    def refine(workspace, progress):
        asked.append(workspace.root)
        progress(1, 2, "Training the last blocks")
        raise AirError("Expected more memory.")

    monkeypatch.setattr(pipeline, "refine", refine)
    page = run()
    button(page, "Refine the ranking").click().run()
    assert not page.exception
    job = registry.find(audited, recipes.REFINE)
    for _ in range(100):
        if not job.live:
            break
        time.sleep(0.05)
    assert asked == [audited]
    assert (job.state, job.total, job.resumable) == ("failed", 2, True)


def test_without_a_refined_ranking_the_detector_says_so(audited):
    page = AppTest.from_file(PAGES / "review.py", default_timeout=30).run()
    box = page.selectbox(key="review-detector")
    assert "Refined margin (not fitted)" in box.options
    box.set_value("refined-margin").run()
    assert not page.exception
    assert any("Refined margin has not been fitted yet" in text.value for text in page.warning)
