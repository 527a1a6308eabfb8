"""Background jobs: found again, stopped, and their errors kept as one line."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

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
