"""The frame: on every page it says what is open, who reviews and what runs."""

from __future__ import annotations

import threading
import time

import pytest
from streamlit.testing.v1 import AppTest

from pages.jobs import Job, registry

PAGE = "../../pages/main.py"


def run(page: AppTest | None = None) -> AppTest:
    page = (page or AppTest.from_file(PAGE, default_timeout=30)).run()
    assert not page.exception
    return page


def until(condition, job: Job) -> None:
    deadline = time.monotonic() + 5
    while not condition(job) and time.monotonic() < deadline:
        time.sleep(0.005)


def test_without_a_workspace_the_frame_says_so(nothing_open):
    assert "No workspace is open" in run().markdown[0].value


def test_the_frame_names_the_workspace_and_the_reviewer(imported, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ana")
    page = run()
    assert "**shapes**" in page.markdown[0].value
    assert "40 images" in page.markdown[0].value
    name = next(box for box in page.text_input if box.label == "Decisions are signed with")
    assert name.value == "ana"
    name.set_value("Béla").run()
    assert page.session_state["air.reviewer"] == "Béla"


@pytest.mark.parametrize("name", ["explore", "review", "compare", "history", "export"])
def test_every_page_comes_with_the_frame(name, nothing_open):
    page = run().switch_page(f"{name}.py")
    assert "No workspace is open" in run(page).markdown[0].value


def test_a_folder_name_is_text_not_markdown(imported, monkeypatch, tmp_path):
    from pages import resources

    odd = imported.rename(tmp_path / "a **b** $x$ <b>")
    monkeypatch.setenv(resources.VARIABLE, str(odd))
    assert "a &#42;&#42;b&#42;&#42; &#36;x&#36; &#60;b&#62;" in run().markdown[0].value


@pytest.fixture
def stop():
    """Set at the end, so that a failing test leaves no job running."""
    event = threading.Event()
    yield event
    event.set()


def test_a_job_is_shown_with_progress_and_can_be_stopped(imported, stop):
    def work(progress):
        while not stop.wait(0.005):
            progress(1, 4, "epoch 1")

    job = registry.submit(imported.resolve(), "fit", "Refitting", work)
    until(lambda job: job.note, job)
    page = run()
    (progress,) = page.get("progress")
    assert (progress.proto.value, "**Refitting**" in progress.proto.text) == (25, True)
    next(button for button in page.button if button.label == "Cancel").click().run()
    until(lambda job: not job.live, job)
    assert job.state == "cancelled"
    page = run()
    assert any("was cancelled" in text.value for text in page.markdown)
    next(button for button in page.button if button.label == "Dismiss").click().run()
    assert registry.find(imported.resolve(), "fit") is None


def test_an_error_of_a_job_is_one_line_without_a_traceback(imported):
    def fail(_):
        raise MemoryError("no room for 12 GiB")

    job = registry.submit(imported.resolve(), "audit", "Auditing the images", fail)
    until(lambda job: not job.live, job)
    (line,) = (text.value for text in run().markdown if "failed" in text.value)
    assert "no room for 12 GiB" in line
    assert "Traceback" not in line
