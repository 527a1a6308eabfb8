"""How many errors a review still finds, and how many are left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import UNLABELLED, Dataset
from air_core.labels.assignments import Assignment
from air_core.labels.models import LabelEvent
from air_core.labels.timeline import Timeline
from air_core.reviewers.reviews import Reviews
from air_core.reviewers.verdicts import outcome_of
from air_core.stopping.intervals import errors_interval, tail_rate

BLOCK = 100
"""Reviewed images over which the rate of errors is counted."""

SAMPLE_HINT = " A random sample says more: air-audit assign WORKSPACE --sample 200 --to NAME."

Estimator = Literal["random sample", "tail rate"]


@dataclass(frozen=True, slots=True)
class ErrorsLeft:
    """Wrong labels that no reviewer has confirmed yet.

    Parameters
    ----------
    estimator : {"random sample", "tail rate"}
        ``random sample``: errors in a sample drawn at random from what nobody had judged, times
        the inverse of its share (Horvitz-Thompson), with the exact interval of the
        hypergeometric distribution (Clopper-Pearson for finite populations). It assumes nothing
        but the draw.
        ``tail rate``: the rate among the images judged last, for all that are left, with the
        exact upper limit of the same distribution. It assumes that the images left are no worse
        than those judged last, as when one reviews from the most suspicious down, and then
        errs on the high side; only its upper limit means something.
    estimate : float
    low, high : int
        Limits of the interval.
    confidence : float
        Chance of the interval to hold the truth, at least.
    sampled, found : int
        Images that the estimate rests on, and the errors among them.
    left : int
        Images that nobody has judged, or that reviewers are unsure about.
    """

    estimator: Estimator
    estimate: float
    low: int
    high: int
    confidence: float
    sampled: int
    found: int
    left: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a review has come.

    Parameters
    ----------
    images : int
        Images with a label.
    reviewed : int
        Images with a verdict other than ``unsure``.
    errors : int
        Of these, how many the reviewers relabelled or left out.
    curve : tuple of (int, int)
        Errors confirmed after so many images reviewed in turn; drawn samples take no part, since
        the errors among them are not found by going down the list.
    blocks : tuple of (int, int)
        Images reviewed and errors confirmed in each block of :data:`BLOCK` of these.
    left : ErrorsLeft or None
        None before there is anything to go by.
    settled, disputed : int
        Images on which reviewers differ: those that an adjudicator has settled, which count as
        settled, and those still open, which count by the latest verdict.
    """

    images: int
    reviewed: int
    errors: int
    curve: tuple[tuple[int, int], ...]
    blocks: tuple[tuple[int, int], ...]
    left: ErrorsLeft | None
    settled: int = 0
    disputed: int = 0

    @property
    def per_hundred(self) -> float | None:
        """Errors confirmed in 100 reviewed images."""
        return 100 * self.errors / self.reviewed if self.reviewed else None

    @property
    def per_hundred_last(self) -> float | None:
        """The same among the last :data:`BLOCK` images reviewed in turn."""
        if not self.curve:
            return None
        reviewed, errors = self.curve[-1]
        before = self.curve[reviewed - BLOCK - 1][1] if reviewed > BLOCK else 0
        return 100 * (errors - before) / min(reviewed, BLOCK)

    def may_stop(self, target: float) -> bool:
        """Whether at most a share ``target`` of the images is still wrong, by the upper limit."""
        return self.left is not None and self.left.high <= target * self.images

    def advice(self, target: float) -> str:
        """What to do, in words, and what it rests on."""
        differ = (
            f" Reviewers differ about {self.disputed} images, which count by the latest verdict."
            if self.disputed
            else ""
        )
        return self._advice(target) + differ

    def _advice(self, target: float) -> str:
        if self.left is None:
            if self.reviewed:
                return "Every image is reviewed."
            return "Nothing is reviewed yet."
        left, allowed = self.left, f"{target * self.images:.0f} ({target:.2%})"
        share, confident = left.high / self.images, f"{left.confidence:.0%} confidence"
        basis = (
            f"{left.found} errors in a random sample of {left.sampled}"
            if left.estimator == "random sample"
            else f"{left.found} errors in the last {left.sampled}, if the rest is no worse"
        )
        said = (
            f"Errors left: about {left.estimate:.0f}, {left.low} to {left.high} with {confident}"
            if left.estimator == "random sample"
            else f"Errors left: at most {left.high} with {confident}"
        )
        said += f" (estimator: {left.estimator}; {basis}), {share:.2%} of {self.images} images."
        if self.may_stop(target):
            return f"{said} You may stop: no more than {allowed} are to be left."
        more = "" if left.estimator == "random sample" else SAMPLE_HINT
        return f"{said} Go on: no more than {allowed} are to be left.{more}"


def review_progress(
    dataset: Dataset,
    history: Sequence[LabelEvent],
    assignments: Sequence[Assignment] = (),
    *,
    confidence: float = 0.95,
) -> Progress:
    """Count what was found and estimate what is left.

    The latest verdict on an image counts, and where an adjudicator has settled it what that
    says. Images without a given label have none that could be wrong and are not counted.

    Parameters
    ----------
    dataset : Dataset
    history : sequence of LabelEvent
        All decisions and undos, oldest first.
    assignments : sequence of Assignment
        Without them there are neither samples nor adjudications.
    confidence : float
    """
    reviews = Reviews(dataset, [*history, *assignments])
    timeline = reviews.timeline
    labelled = _labelled(dataset)
    images = int(labelled.sum())
    wrong: dict[str, bool] = {}
    for item, latest in timeline.in_force().items():
        given = dataset.given_text(dataset.row_of(item)) if item in dataset else None
        event = reviews.verdicts.settling(item) or latest
        outcome = outcome_of(event, given)
        if given is not None and outcome is not None:
            wrong[item] = outcome.excluded or outcome.label != given
    samples = [
        list(batch)
        for _, batch in groupby(
            (task for task in assignments if task.task == "sample"),
            key=lambda task: task.batch_id,
        )
    ]
    drawn = {task.item_id for sample in samples for task in sample}
    curve = _curve(history, timeline, wrong, drawn)
    left = None
    if samples:  # a million ids are a second's work, and most reviews draw no sample
        items = dataset.item_ids[labelled].tolist()
        left = _from_sample(samples, items, history, wrong, confidence)
    if left is None and curve and len(wrong) < images:
        judged, errors = curve[-1]
        before = curve[-BLOCK - 1][1] if judged > BLOCK else 0
        judged, errors = min(judged, BLOCK), errors - before
        rest = images - len(wrong)
        estimate, high = tail_rate(rest, judged, errors, confidence=confidence)
        left = ErrorsLeft("tail rate", estimate, 0, high, confidence, judged, errors, rest)
    settled = sum(conflict.settled is not None for conflict in reviews.conflicts)
    return Progress(
        images=images,
        reviewed=len(wrong),
        errors=sum(wrong.values()),
        curve=curve,
        blocks=_blocks(curve),
        left=left,
        settled=settled,
        disputed=len(reviews.conflicts) - settled,
    )


def _labelled(dataset: Dataset) -> NDArray[np.bool_]:
    """Which images (n,) came with a label."""
    if dataset.tags is not None:
        # No tags at all is an opinion, too; no classes leave nothing to say of it.
        return np.asarray((dataset.tags >= 0).all(axis=1))
    return np.asarray(dataset.given_labels != UNLABELLED)


def _curve(
    history: Sequence[LabelEvent],
    timeline: Timeline,
    wrong: dict[str, bool],
    drawn: set[str],
) -> tuple[tuple[int, int], ...]:
    """Errors over images in the order in which each was first judged as it stands."""
    order = dict.fromkeys(
        event.item_id
        for event in history
        if event.undoes is None
        and timeline.is_active(event.event_id)
        and event.item_id in wrong
        and event.item_id not in drawn
    )
    errors = np.cumsum([wrong[item] for item in order], dtype=np.intp).tolist()
    return tuple(enumerate(errors, start=1))


def _blocks(curve: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    ends = [*curve[BLOCK - 1 :: BLOCK], *([curve[-1]] if len(curve) % BLOCK else [])]
    starts = [(0, 0), *ends]
    return tuple((n - m, b - a) for (m, a), (n, b) in zip(starts, ends, strict=False))


def _from_sample(
    samples: Sequence[Sequence[Assignment]],
    labelled: Iterable[str],
    history: Sequence[LabelEvent],
    wrong: dict[str, bool],
    confidence: float,
) -> ErrorsLeft | None:
    """The estimate by the newest sample that can be used, one judged completely if there is one."""
    usable = []
    for sample in samples:
        judged = _judged_first(sample, history)
        frame = _unjudged(labelled, history, sample[0].after_event)
        # The items must be those that it was drawn from, or it says nothing about them.
        if judged and len(frame) == sample[0].population:
            usable.append((judged == len(sample), sample[0].after_event, sample[:judged], frame))
    if not usable:
        return None
    _, _, chosen, frame = max(usable, key=lambda found: found[:2])
    items = [task.item_id for task in chosen]
    found = sum(wrong.get(item, False) for item in items)
    unsure = sum(item not in wrong for item in items)
    low, high = errors_interval(len(frame), len(items), found, unsure=unsure, confidence=confidence)
    confirmed = sum(wrong.get(item, False) for item in frame)
    unknown = sum(item not in wrong for item in frame)
    # Items judged when it was drawn, and not any more, are in nobody's sample.
    outside = sum(item not in wrong and item not in frame for item in labelled)
    estimate = len(frame) * found / len(items) - confirmed
    return ErrorsLeft(
        estimator="random sample",
        estimate=float(np.clip(estimate, 0, unknown)),
        low=int(np.clip(low - confirmed, 0, unknown)),
        high=int(np.clip(high - confirmed, 0, unknown)) + outside,
        confidence=confidence,
        sampled=len(items),
        found=found,
        left=unknown + outside,
    )


def _judged_first(sample: Sequence[Assignment], history: Sequence[LabelEvent]) -> int:
    """How many of a sample were judged without a gap, in the order in which they were drawn.

    What is judged out of turn may have been chosen for what it looks like.
    """
    judged = _in_force(history).keys()
    return next((n for n, task in enumerate(sample) if task.item_id not in judged), len(sample))


def _unjudged(labelled: Iterable[str], history: Sequence[LabelEvent], up_to: int) -> frozenset[str]:
    """What nobody had judged after an event."""
    judged = _in_force([event for event in history if event.event_id <= up_to]).keys()
    return frozenset(labelled) - judged


def _in_force(history: Iterable[LabelEvent]) -> dict[str, LabelEvent]:
    timeline = Timeline()
    for event in history:
        timeline.append(event)
    return timeline.in_force()
