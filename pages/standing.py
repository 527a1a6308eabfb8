"""How the review stands: decisions in force as arrays, and progress by the stopping rule."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import Dataset
from air_core.labels import LabelEvent
from air_core.stopping import Progress, review_progress
from air_core.workspace import Workspace

ACTIONS = ("none", "keep", "relabel", "exclude", "unsure")
"""What a code in :attr:`Standing.actions` stands for."""

QUICK, REST, OLD = 0.05, 20, 60
"""Seconds of counting that nobody notices; pause after a longer count, as a multiple of it; seconds
after which something else than a decision may have changed, such as a sample drawn."""

_CODES = {action: code for code, action in enumerate(ACTIONS)}


@dataclass(frozen=True, slots=True)
class Standing:
    """Who decided what about each image, as it stands at one moment.

    Parameters
    ----------
    events : mapping of str to LabelEvent
        The decision in force of each item that has one.
    actions : ndarray of shape (n,), dtype int8
        Index into :data:`ACTIONS`; 0 where there is no decision.
    reviewers : ndarray of shape (n,), dtype int32
        Index into ``names``; -1 where there is no decision.
    names : tuple of str
        Everybody who has a decision in force or had one, in the order they appeared.
    """

    events: Mapping[str, LabelEvent]
    actions: NDArray[np.int8]
    reviewers: NDArray[np.int32]
    names: tuple[str, ...] = ()

    @property
    def decided(self) -> NDArray[np.bool_]:
        """Which images (n,) have a decision."""
        return self.actions > 0

    def by(self, name: str) -> NDArray[np.bool_]:
        """Which images (n,) this reviewer decided on last."""
        code = self.names.index(name) if name in self.names else len(self.names)
        return np.asarray(self.reviewers == code)

    def without(self, dataset: Dataset, item_ids: Collection[str]) -> Standing:
        """The same with some decisions hidden, from whoever shall judge without knowing them."""
        hidden = self.events.keys() & set(item_ids)
        if not hidden:
            return self
        rows = [dataset.row_of(item) for item in hidden if item in dataset]
        actions, reviewers = self.actions.copy(), self.reviewers.copy()
        actions[rows], reviewers[rows] = 0, -1
        events = {item: event for item, event in self.events.items() if item not in hidden}
        return replace(self, events=events, actions=actions, reviewers=reviewers)


class Ledger:
    """Turns the decisions in force into arrays, at the cost of what has changed since.

    Usable from several threads.
    """

    def __init__(self, dataset: Dataset) -> None:
        n = len(dataset)
        self._dataset = dataset
        self._lock = threading.Lock()
        self._last = Standing({}, np.zeros(n, np.int8), np.full(n, -1, np.int32))

    def at(self, events: Mapping[str, LabelEvent]) -> Standing:
        """The decisions in force, given as ``LabelStore.current`` gives them."""
        with self._lock:
            old = self._last.events
            # Events are never changed: most of these are the very same objects as before.
            if events == old:
                return self._last
            changed: dict[str, LabelEvent | None] = {
                item: event for item, event in events.items() if old.get(item) is not event
            }
            changed |= dict.fromkeys(old.keys() - events.keys())
            self._last = self._with(events, changed)
            return self._last

    def _with(
        self, events: Mapping[str, LabelEvent], changed: Mapping[str, LabelEvent | None]
    ) -> Standing:
        actions, reviewers = self._last.actions.copy(), self._last.reviewers.copy()
        names = {name: code for code, name in enumerate(self._last.names)}
        for item, event in changed.items():
            # A team's database may know images that this workspace does not hold.
            if item not in self._dataset:
                continue
            row = self._dataset.row_of(item)
            actions[row] = 0 if event is None else _CODES[event.action]
            reviewers[row] = -1 if event is None else names.setdefault(event.reviewer, len(names))
        return replace(
            self._last, events=events, actions=actions, reviewers=reviewers, names=tuple(names)
        )


class Gauge:
    """How far the review is by the stopping rule, counted anew as often as it can be afforded.

    The rule reads the whole log. Where that takes long, a reviewer in full flow waits for it now
    and then rather than after every key; the answer says how many images it is about.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: Standing | None = None
        self._progress: Progress | None = None
        self._seconds = self._at = 0.0

    def read(self, workspace: Workspace, standing: Standing) -> Progress:
        """The progress after the decisions in force, or a little before."""
        with self._lock:
            age = time.monotonic() - self._at
            rested = self._seconds < QUICK or age > REST * self._seconds
            if self._progress is None or (standing is not self._seen and rested) or age > OLD:
                started = time.monotonic()
                reviews = workspace.reviews()
                self._progress = review_progress(
                    workspace.dataset, reviews.history, reviews.assignments
                )
                self._seen, self._at = standing, time.monotonic()
                self._seconds = self._at - started
            return self._progress
