"""Handing out images: a ranked queue, blind second reviews, random samples, conflicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from air_core.dataset import Dataset
from air_core.errors import DecisionError
from air_core.labels.assignments import Assignment, Event, Handout
from air_core.reviewers.reviews import Reviews

if TYPE_CHECKING:
    from air_core.labels.store import LabelStore


def assign_queue(
    dataset: Dataset,
    store: LabelStore,
    order: Sequence[str],
    reviewers: Sequence[str],
    *,
    top: int,
    each: int = 1,
    by: str,
) -> tuple[Assignment, ...]:
    """Hand out the next images of a ranking that nobody has judged or was asked to judge.

    Parameters
    ----------
    dataset : Dataset
    store : LabelStore
        What has been said and handed out so far, and where assignments go. Images are chosen
        while it is locked: two who hand out at once do not hand out the same.
    order : sequence of str
        Item ids, the most suspicious first.
    reviewers : sequence of str
    top : int
        How many images.
    each : int
        How many reviewers look at each image, without seeing each other's verdicts; see
        :func:`teams`.
    by : str
        Who hands out.

    Returns
    -------
    tuple of Assignment
        Fewer if the images run out.

    Raises
    ------
    DecisionError
        If there are not enough reviewers, or one is named twice.
    """
    _check(reviewers, each)

    def choose(events: Sequence[Event]) -> Handout:
        reviews = Reviews(dataset, events)
        taken = {task.item_id for task in reviews.assignments} | _judged(reviews)
        return _in_teams([item for item in order if item not in taken][:top], reviewers, each)

    return store.assign(choose, task="review", by=by)


def assign_second(
    dataset: Dataset,
    store: LabelStore,
    reviewers: Sequence[str],
    count: int,
    *,
    by: str,
    seed: int | None = None,
) -> tuple[Assignment, ...]:
    """Have images that others have judged judged again, drawn at random.

    Each goes to one of the reviewers, in turn, who has neither judged it nor has it in the queue.

    Parameters
    ----------
    dataset, store, by
        As for :func:`assign_queue`.
    reviewers : sequence of str
    count : int
        How many images; fewer if they run out.
    seed : int, optional
        For the same draw again.

    Raises
    ------
    DecisionError
        If no image is left that one of them has not judged.
    """
    _check(reviewers)

    def choose(events: Sequence[Event]) -> Handout:
        reviews = Reviews(dataset, events)
        known = {item: set(by_reviewer) for item, by_reviewer in reviews.verdicts.reviews.items()}
        judged = sorted(item for item in known if item in dataset)
        for task in reviews.assignments:
            known.setdefault(task.item_id, set()).add(task.reviewer)
        turns: list[tuple[str, str]] = []
        for item in np.random.default_rng(seed).permutation(judged).tolist():
            turn = len(turns) % len(reviewers)
            order = (*reviewers[turn:], *reviewers[:turn])
            fresh = [who for who in order if who not in known[item]]
            if fresh and len(turns) < count:
                turns.append((item, fresh[0]))
        if not turns:
            raise DecisionError(
                f"Expected images that {' or '.join(reviewers)} has not judged and others have, "
                "got none.",
                hint="Name another reviewer, or review more images first.",
            )
        return Handout(turns)

    return store.assign(choose, task="second", by=by)


def assign_sample(
    dataset: Dataset,
    store: LabelStore,
    reviewers: Sequence[str],
    count: int,
    *,
    by: str,
    seed: int | None = None,
) -> tuple[Assignment, ...]:
    """Draw labelled images at random from those that nobody has judged.

    Their error rate is that of all that is left; see :class:`air_core.stopping.ErrorsLeft`.

    Parameters
    ----------
    dataset, store, reviewers, count, by, seed
        As for :func:`assign_second`.

    Raises
    ------
    DecisionError
        If no image is left to draw from.
    """
    _check(reviewers)

    def choose(events: Sequence[Event]) -> Handout:
        judged = _judged(Reviews(dataset, events))
        frame = [
            item
            for row, item in enumerate(dataset.item_ids.tolist())
            if item not in judged and dataset.given_text(row) is not None
        ]
        if not frame:
            raise DecisionError("Expected labelled images that nobody has judged, got none.")
        drawn = np.random.default_rng(seed).permutation(frame)[:count].tolist()
        return replace(_in_teams(drawn, reviewers), population=len(frame))

    return store.assign(choose, task="sample", by=by)


def assign_conflicts(
    dataset: Dataset, store: LabelStore, adjudicator: str, *, by: str
) -> tuple[Assignment, ...]:
    """Ask somebody to settle every open conflict that waits for nobody; may be none.

    One whose adjudicator was unsure waits for nobody any more.
    """
    _check([adjudicator])

    def choose(events: Sequence[Event]) -> Handout:
        reviews = Reviews(dataset, events)
        asked = (task for task in reviews.assignments if task.task == "adjudication")
        waiting = {task.item_id for task in asked if not reviews.is_done(task)}
        still = (c.item_id for c in reviews.conflicts if c.settled is None)
        return _in_teams([item for item in still if item not in waiting], [adjudicator])

    return store.assign(choose, task="adjudication", by=by)


def teams(count: int, reviewers: Sequence[str], each: int) -> list[list[str]]:
    """Who looks at each of some items: equally much for everybody, and everybody with everybody.

    Examples
    --------
    >>> teams(3, ["ana", "bob", "cem"], 2)
    [['ana', 'bob'], ['cem', 'ana'], ['bob', 'cem']]
    """
    load: Counter[str] = Counter()
    met: Counter[frozenset[str]] = Counter()
    made = []
    for _ in range(count):
        team: list[str] = []
        for _ in range(each):
            rest = [who for who in reviewers if who not in team]
            team.append(
                min(rest, key=lambda w: (load[w], sum(met[frozenset((w, m))] for m in team)))
            )
        load.update(team)
        met.update(map(frozenset, combinations(team, 2)))
        made.append(team)
    return made


def _judged(reviews: Reviews) -> set[str]:
    return set(reviews.timeline.in_force())


def _check(reviewers: Sequence[str], each: int = 1) -> None:
    if not reviewers or not all(who.strip() for who in reviewers):
        raise DecisionError("Expected the names of reviewers, got none.")
    if len(set(reviewers)) != len(reviewers):
        raise DecisionError(f"Expected every reviewer once, got {', '.join(reviewers)}.")
    if not 1 <= each <= len(reviewers):
        raise DecisionError(
            f"Expected at most as many reviewers an image as are named ({len(reviewers)}), "
            f"got {each}.",
            hint="Name more reviewers.",
        )


def _in_teams(items: Sequence[str], reviewers: Sequence[str], each: int = 1) -> Handout:
    who = teams(len(items), reviewers, each)
    return Handout([(item, name) for item, team in zip(items, who, strict=True) for name in team])
