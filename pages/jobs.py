"""Long work in the background: one worker thread, progress, cancel; no Streamlit calls in it.

A job belongs to a workspace and a kind, not to a browser session, so a reload, a second tab and a
page switch all find it again.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from air_core.errors import AirError, Cancelled
from air_core.progress import ProgressCallback

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Work = Callable[[ProgressCallback], object]

_LOG = logging.getLogger(__name__)


@dataclass(eq=False)
class Job:
    """One piece of background work; pages read it, only the worker writes it.

    Parameters
    ----------
    workspace : Path
        Root of the workspace it works on.
    kind : str
        What it is, e.g. ``"audit"``; one live job of a kind and workspace at a time.
    title : str
        For people, e.g. ``"Refitting at 10×"``.
    """

    workspace: Path
    kind: str
    title: str
    state: State = "waiting"
    done: int = 0
    total: int = 0
    note: str = ""
    error: str = ""
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def live(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop and has not yet."""
        return self.live and self._stop.is_set()

    @property
    def fraction(self) -> float:
        """Share done, 0 … 1; 0 while the total is unknown."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    def cancel(self) -> None:
        """Ask it to stop at its next report of progress; finished parts are kept."""
        self._stop.set()

    def report(self, done: int, total: int, note: str) -> None:
        """The progress callback that the work is given.

        Raises
        ------
        Cancelled
            After :meth:`cancel`.
        """
        self.done, self.total, self.note = done, total, note
        if self._stop.is_set():
            raise Cancelled(f"{self.title}: cancelled.")


class JobRegistry:
    """The jobs of this process and the one thread that works them off in order."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[Path, str], Job] = {}
        self._waiting: queue.SimpleQueue[tuple[Job, Work]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    def submit(self, workspace: Path, kind: str, title: str, work: Work) -> Job:
        """Queue ``work``; if one of this kind is live already, return that one instead.

        Parameters
        ----------
        workspace : Path
        kind, title : str
        work : callable
            Takes a :data:`~air_core.progress.ProgressCallback`; what it returns is dropped, since
            results are on disk.

        Returns
        -------
        Job
        """
        with self._lock:
            current = self._jobs.get((workspace, kind))
            if current is not None and current.live:
                return current
            job = self._jobs[(workspace, kind)] = Job(workspace, kind, title)
            self._waiting.put((job, work))
            if self._worker is None:
                # A daemon, so that Ctrl-C ends the server; all results are written atomically.
                self._worker = threading.Thread(target=self._run, name="air-jobs", daemon=True)
                self._worker.start()
        return job

    def find(self, workspace: Path, kind: str) -> Job | None:
        """The live or latest job of this kind."""
        return self._jobs.get((workspace, kind))

    def of(self, workspace: Path) -> list[Job]:
        """All jobs of a workspace, live ones first, then those that failed or were cancelled."""
        with self._lock:
            mine = [job for job in self._jobs.values() if job.workspace == workspace]
        return sorted(mine, key=lambda job: (not job.live, job.started))

    def live(self, workspace: Path) -> bool:
        """Whether anything waits or runs for this workspace."""
        return any(job.live for job in self.of(workspace))

    def dismiss(self, job: Job) -> None:
        """Forget a job that has ended."""
        with self._lock:
            if not job.live and self._jobs.get((job.workspace, job.kind)) is job:
                del self._jobs[(job.workspace, job.kind)]

    def _run(self) -> None:
        while True:
            self._work_off(*self._waiting.get())

    def _work_off(self, job: Job, work: Work) -> None:
        job.started, job.state = time.monotonic(), "running"
        try:
            job.report(0, 0, "")
            work(job.report)
        except Cancelled:
            state: State = "cancelled"
        except AirError as error:
            job.error, state = str(error), "failed"
        except Exception as error:
            # The reviewer gets one line; the server's log keeps the traceback.
            _LOG.exception("Job %r failed", job.kind)
            job.error, state = f"{type(error).__name__}: {error}", "failed"
        else:
            state = "done"
        job.seconds = time.monotonic() - job.started
        job.state = state


registry = JobRegistry()
"""The registry of this process."""
