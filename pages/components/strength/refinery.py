"""Solving at the λ_g where the slider was let go, beside the page."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress

from air_core.fitting import Opinion, PathRun, Refiner
from air_core.workspace import Workspace

_KEPT = 4
_LOG = logging.getLogger(__name__)


class Refinery:
    """Refined opinions of one path, computed one after the other in a thread of its own.

    Parameters
    ----------
    workspace : Workspace
    run : PathRun
    """

    def __init__(self, workspace: Workspace, run: PathRun) -> None:
        self._make = lambda: Refiner(workspace, run)
        self._refiner: Refiner | None = None
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="air-refine")
        self._lock = threading.Lock()
        self._asked: OrderedDict[float, Future[Opinion | None]] = OrderedDict()

    def ask(self, lambda_scale: float, *, wait: float = 0.0) -> Future[Opinion | None]:
        """The opinion at a λ_g, now or later; None in it if it cannot be had.

        Parameters
        ----------
        lambda_scale : float
        wait : float
            Seconds to give it.
        """
        with self._lock:
            future = self._asked.get(lambda_scale)
            if future is None:
                # What waits was asked for by somebody who has moved on.
                for scale in [s for s, other in self._asked.items() if other.cancel()]:
                    del self._asked[scale]
                future = self._asked[lambda_scale] = self._pool.submit(self._solve, lambda_scale)
            self._asked.move_to_end(lambda_scale)
            while len(self._asked) > _KEPT:
                self._asked.popitem(last=False)
        # Somebody who asks for another λ_g may cancel it while this one waits.
        with suppress(TimeoutError, CancelledError):
            future.exception(timeout=wait)
        return future

    def known(self, lambda_scale: float) -> Opinion | None:
        """The opinion if it is there already."""
        with self._lock:
            future = self._asked.get(lambda_scale)
            if future is None or not future.done() or future.cancelled():
                return None
            self._asked.move_to_end(lambda_scale)
            return future.result()

    def _solve(self, lambda_scale: float) -> Opinion | None:
        try:
            if self._refiner is None:
                self._refiner = self._make()
            return self._refiner.solve(lambda_scale)
        except Exception:
            # The ranking read from the path stays; the server's log keeps the reason.
            _LOG.exception("Refining at %g× failed", lambda_scale)
            return None
