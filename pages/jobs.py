"""Long work in the background: one worker thread, progress, cancel, resume; no Streamlit in it.

A job belongs to a workspace and a kind, not to a browser session, so a reload, a second tab and a
page switch all find it again. Work of a kind that has a recipe is also written down in the
workspace, so that a server that was stopped offers to go on with it.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from air_core import orders
from air_core.errors import AirError, Cancelled
from air_core.progress import ProgressCallback

State = Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]
LIVE: tuple[State, ...] = ("waiting", "running")
"""The states of a job that waits or runs."""
Work = Callable[[ProgressCallback], object]
Recipe = Callable[[Path, Mapping[str, Any], ProgressCallback], object]

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
    arguments : mapping or None
        What its recipe was told; None for work that no other process can repeat.
    work : callable or None
    held : ExitStack
        What tells other processes that it is being worked on.
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
    arguments: Mapping[str, Any] | None = None
    work: Work | None = field(default=None, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    held: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def live(self) -> bool:
        """Whether it waits or runs."""
        return self.state in LIVE

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop and has not yet."""
        return self.live and self._stop.is_set()

    @property
    def resumable(self) -> bool:
        """Whether it ended before its time and can be asked for again."""
        return self.work is not None and self.state in ("failed", "cancelled", "interrupted")

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
        self._recipes: dict[str, Recipe] = {}
        self._waiting: queue.SimpleQueue[tuple[Job, Work]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None

    def recipe(self, kind: str) -> Callable[[Recipe], Recipe]:
        """Say how work of a kind is done, from its workspace and arguments alone."""

        def register(recipe: Recipe) -> Recipe:
            self._recipes[kind] = recipe
            return recipe

        return register

    def start(self, workspace: Path, kind: str, title: str, **arguments: Any) -> Job:
        """Queue work that has a recipe; it can be resumed even after a restart.

        Parameters
        ----------
        workspace : Path
        kind, title : str
        **arguments
            Values that JSON has.

        Returns
        -------
        Job
            The one that is live already, if there is one of this kind.
        """
        return self._queue(Job(workspace, kind, title, arguments=arguments))

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
        return self._queue(Job(workspace, kind, title, work=work))

    def resume(self, job: Job) -> Job:
        """Ask again for what was cancelled, failed or cut off; finished parts are not repeated."""
        return self._queue(
            Job(job.workspace, job.kind, job.title, arguments=job.arguments, work=job.work)
        )

    def find(self, workspace: Path, kind: str) -> Job | None:
        """The live or latest job of this kind."""
        return self._jobs.get((workspace, kind))

    def of(self, workspace: Path) -> list[Job]:
        """All jobs of a workspace, live ones first, with those that a restart cut off."""
        self._recall(workspace)
        with self._lock:
            mine = [job for job in self._jobs.values() if job.workspace == workspace]
        return sorted(mine, key=lambda job: (not job.live, job.started))

    def every(self, kind: str) -> list[Job]:
        """The jobs of a kind that this process knows, of all workspaces, oldest first."""
        with self._lock:
            found = [job for job in self._jobs.values() if job.kind == kind]
        return sorted(found, key=lambda job: job.started)

    def live(self, workspace: Path) -> bool:
        """Whether anything waits or runs for this workspace."""
        return any(job.live for job in self.of(workspace))

    def dismiss(self, job: Job) -> None:
        """Forget a job that has ended."""
        with self._lock:
            if not job.live and self._jobs.get((job.workspace, job.kind)) is job:
                del self._jobs[(job.workspace, job.kind)]
                # An order that another process works on is not ours to strike off.
                if job.arguments is not None and not orders.busy(job.workspace, job.kind):
                    with suppress(OSError):
                        orders.forget(job.workspace, job.kind)

    def _queue(self, job: Job) -> Job:
        with self._lock:
            current = self._jobs.get((job.workspace, job.kind))
            if current is not None and current.live:
                return current
            job.work = job.work or self._by_recipe(job)
            self._jobs[(job.workspace, job.kind)] = job
            if not self._claimed(job):
                return job
            self._note(job, job.state)
            self._waiting.put((job, job.work))
            if self._worker is None:
                # A daemon, so that Ctrl-C ends the server; all results are written atomically.
                self._worker = threading.Thread(target=self._run, name="air-jobs", daemon=True)
                self._worker.start()
        return job

    def _claimed(self, job: Job) -> bool:
        """Whether no other process works on the same; if one does, the job has failed."""
        if job.arguments is not None:
            try:
                with suppress(OSError):
                    job.held.enter_context(orders.at_work(job.workspace, job.kind))
            except AirError as error:
                job.error, job.state = str(error), "failed"
                return False
        return True

    def _by_recipe(self, job: Job) -> Work:
        recipe, arguments = self._recipes[job.kind], job.arguments or {}
        return lambda progress: recipe(job.workspace, arguments, progress)

    def _recall(self, workspace: Path) -> None:
        """Take up what is written down in a workspace and nobody works on."""
        with self._lock:
            for order in orders.unfinished(workspace):
                key = (workspace, order.kind)
                if key in self._jobs or order.kind not in self._recipes:
                    continue
                job = Job(
                    workspace,
                    order.kind,
                    order.title,
                    state="interrupted" if order.state == "asked" else order.state,
                    error=order.error,
                    arguments=order.arguments,
                )
                job.work = self._by_recipe(job)
                self._jobs[key] = job

    def _note(self, job: Job, state: State) -> None:
        """Write down how a job stands; without a place to write it just cannot be resumed."""
        if job.arguments is None:
            return
        ended: orders.State = "asked"
        if state == "cancelled" or state == "failed":
            ended = state
        order = orders.Order(job.kind, job.title, job.arguments, ended, job.error)
        with suppress(OSError):
            if state == "done":
                orders.forget(job.workspace, job.kind)
            else:
                orders.remember(job.workspace, order)

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
        self._note(job, state)
        job.held.close()
        job.state = state


registry = JobRegistry()
"""The registry of this process."""
