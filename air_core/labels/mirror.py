"""The state of a log in memory, never ahead of the disk and brought up to date before each use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from air_core.errors import DecisionError
from air_core.labels.assignments import Event
from air_core.labels.drafts import Draft
from air_core.labels.log import EventLog, WriteTransaction
from air_core.labels.timeline import Timeline

_QUICKLY_READ = 1000  # events, a few milliseconds

Build = Callable[[Timeline], Sequence[Draft]]
"""What is to be written, given all that has happened before."""


class Mirror:
    """What an :class:`EventLog` leads to, for several threads.

    Parameters
    ----------
    log : EventLog
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._timeline = Timeline()
        self._lock = threading.RLock()

    @contextmanager
    def reading(self) -> Iterator[Timeline]:
        """The state as it is now; to be read, and not kept."""
        with self._lock:
            self._catch_up(self._log)
            yield self._timeline

    @contextmanager
    def writing(self) -> Iterator[tuple[WriteTransaction, Timeline]]:
        """Hold the write lock, with the state up to date.

        What is written is not in the state yet when this ends: it was not on disk before.
        """
        with self._lock:
            while True:
                with self._log.writing() as write:
                    if write.head.event_id - self._timeline.last_id <= _QUICKLY_READ:
                        self._catch_up(write)
                        yield write, self._timeline
                        return
                self._catch_up(self._log)  # others may write while a long history is read

    def append(self, build: Build, by: str, operation_id: str | None = None) -> tuple[Event, ...]:
        """Write one batch, unless this operation has been stored before.

        Parameters
        ----------
        build : callable
            Called while the write lock is held; whatever it raises leaves no trace.
        by : str
            Who acts.
        operation_id : str, optional

        Returns
        -------
        tuple of LabelEvent or Assignment
            What was written, now or the first time.

        Raises
        ------
        DecisionError
            If nobody acts, or the database refuses.
        """
        if not by.strip():
            raise DecisionError("Expected the name of a reviewer, got none.")
        with self._lock:
            with self.writing() as (write, timeline):
                if operation_id is not None:
                    stored = write.batch_of(operation_id)
                    if stored is not None:
                        return tuple(timeline.batch(stored))
                events = write.append(build(timeline), by, operation_id)
            for event in events:
                self._timeline.append(event)
            return events

    def _catch_up(self, log: EventLog | WriteTransaction) -> None:
        for event in log.since(self._timeline.last_id):
            self._timeline.append(event)
