"""Background jobs: found again, stopped, and their errors kept as one line."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from air_core import orders
from air_core.errors import SolverError
from pages.jobs import Job, JobRegistry

HERE = Path("workspace")


def ended(job: Job) -> Job:
    deadline = time.monotonic() + 5
    while job.live and time.monotonic() < deadline:
        time.sleep(0.005)
    return job


def test_a_job_reports_progress_and_is_found_by_workspace_and_kind():
    registry, go = JobRegistry(), threading.Event()

    def work(progress):
        progress(3, 4, "epoch 3")
        go.wait(5)

    job = registry.submit(HERE, "fit", "Refitting", work)
    while not job.note:
        time.sleep(0.001)
    assert (job.fraction, job.note, job.state) == (0.75, "epoch 3", "running")
    assert registry.find(HERE, "fit") is job
    assert registry.find(Path("other"), "fit") is None
    assert registry.submit(HERE, "fit", "Again", lambda _: None) is job, "one of a kind at a time"
    go.set()
    assert ended(job).state == "done"
    assert registry.submit(HERE, "fit", "Again", lambda _: None) is not job


def test_jobs_run_one_after_the_other():
    registry, order = JobRegistry(), []
    jobs = [
        registry.submit(HERE, kind, kind, lambda _, kind=kind: order.append(kind))
        for kind in ("a", "b", "c")
    ]
    assert [ended(job).state for job in jobs] == ["done"] * 3
    assert order == ["a", "b", "c"]


def test_cancel_stops_a_job_at_its_next_report():
    registry = JobRegistry()

    def endless(progress):
        while True:
            progress(0, 0, "")
            time.sleep(0.001)

    job = registry.submit(HERE, "audit", "Auditing", endless)
    waiting = registry.submit(HERE, "fit", "Refitting", lambda _: pytest.fail("was cancelled"))
    waiting.cancel()
    job.cancel()
    assert job.stopping or not job.live
    assert [ended(job).state, ended(waiting).state] == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (SolverError("Expected labels, got none."), "Expected labels, got none."),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    ],
)
def test_an_error_is_kept_as_one_line_and_the_worker_goes_on(error, shown, caplog):
    registry = JobRegistry()

    def fail(_):
        raise error

    job = ended(registry.submit(HERE, "fit", "Refitting", fail))
    assert (job.state, job.error) == ("failed", shown)
    assert ended(registry.submit(HERE, "audit", "Auditing", lambda _: None)).state == "done"
    registry.dismiss(job)
    assert registry.find(HERE, "fit") is None


def until(check, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not check() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert check()


def test_what_was_cancelled_goes_on_when_asked(tmp_path):
    registry, done = JobRegistry(), []

    @registry.recipe("count")
    def count(folder, arguments, progress):
        while len(done) < arguments["to"]:
            progress(len(done), arguments["to"], "")
            done.append(folder)
            time.sleep(0.002)

    job = registry.start(tmp_path, "count", "Counting", to=60)
    until(lambda: len(done) > 3)
    job.cancel()
    assert ended(job).state == "cancelled"
    assert job.resumable
    reached = len(done)
    again = registry.resume(job)
    assert ended(again).state == "done"
    assert reached < len(done) == 60
    assert not again.resumable
    assert orders.unfinished(tmp_path) == []


def test_a_new_process_finds_what_the_old_one_left(tmp_path):
    old, new, arguments = JobRegistry(), JobRegistry(), []
    stuck = threading.Event()
    old.recipe("audit")(lambda folder, arguments, progress: stuck.wait(5))
    new.recipe("audit")(lambda folder, given, progress: arguments.append((folder, given)))
    running = old.start(tmp_path, "audit", "Auditing", device="cpu")
    until(lambda: running.state == "running")
    assert new.of(tmp_path) == [], "another process works on it"
    refused = new.start(tmp_path, "audit", "Auditing")
    assert (refused.state, "Another process" in refused.error) == ("failed", True)
    new.dismiss(refused)
    assert (tmp_path / "jobs" / "audit.json").is_file()
    # Killed: the lock is lifted, and nobody struck the order off.
    orders.remember(tmp_path, orders.Order("facts", "Estimating", {"seed": 3}))
    orders.remember(tmp_path, orders.Order("unknown", "Of a newer version"))
    new.recipe("facts")(lambda folder, given, progress: arguments.append((folder, given)))
    (job,) = new.of(tmp_path)
    assert (job.title, job.state, job.resumable) == ("Estimating", "interrupted", True)
    assert ended(new.resume(job)).state == "done"
    assert arguments == [(tmp_path, {"seed": 3})]
    stuck.set()
    assert ended(running).state == "done"


def test_what_is_dismissed_is_not_offered_again(tmp_path):
    registry = JobRegistry()

    @registry.recipe("audit")
    def fail(folder, arguments, progress):
        raise SolverError("Expected labels, got none.")

    job = ended(registry.start(tmp_path, "audit", "Auditing"))
    (kept,) = orders.unfinished(tmp_path)
    assert (kept.state, kept.error) == ("failed", "Expected labels, got none.")
    other = JobRegistry()
    other.recipe("audit")(fail)
    (recalled,) = other.of(tmp_path)
    assert (recalled.state, recalled.error) == ("failed", "Expected labels, got none.")
    other.dismiss(recalled)
    assert orders.unfinished(tmp_path) == []
    registry.dismiss(job)
    assert registry.of(tmp_path) == []


def test_work_without_a_recipe_can_be_repeated_in_the_same_process():
    registry, tries = JobRegistry(), []

    def work(progress):
        tries.append(1)
        if len(tries) == 1:
            raise SolverError("Expected luck, got none.")

    job = ended(registry.submit(HERE, "fit", "Refitting", work))
    assert job.resumable
    assert ended(registry.resume(job)).state == "done"
    assert not (HERE / "jobs").exists()


def test_a_folder_that_cannot_be_written_costs_the_resume_only(tmp_path):
    registry = JobRegistry()
    (tmp_path / "jobs").write_text("in the way")
    registry.recipe("audit")(lambda folder, arguments, progress: None)
    assert ended(registry.start(tmp_path, "audit", "Auditing")).state == "done"
