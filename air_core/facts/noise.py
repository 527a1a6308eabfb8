"""The noise of a workspace: the model's estimate, corrected by what reviewers have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.dataset import UNLABELLED, Dataset
from air_core.errors import WorkspaceError
from air_core.fitting import current_features, fit_left_out
from air_core.labels.assignments import Assignment
from air_core.labels.models import LabelEvent
from air_core.labels.timeline import Timeline
from air_core.noise import METHOD, NoiseEstimate, estimate_noise
from air_core.progress import ProgressCallback, silent
from air_core.reviewers import Reviews
from air_core.reviewers.verdicts import outcome_of
from air_core.runs import fit_key
from air_core.stopping import review_progress
from air_core.workspace import Workspace

Floats = NDArray[np.float64]
Source = Literal["model", "model and reviews", "random sample", "reviews"]

ENOUGH = 20
"""Images of a class in a random sample from which its own exact interval is used."""


@dataclass(frozen=True, slots=True)
class ClassNoise:
    """Wrong labels among the images with one given label.

    Parameters
    ----------
    size : int
        Labelled images.
    rate, low, high : float
        Share of wrong labels, and its 95 % limits.
    judged : int
        Images with a verdict.
    source : {"model", "model and reviews", "random sample", "reviews"}
        What it rests on: out-of-sample probabilities, these and verdicts on some of the images,
        a random sample of verdicts alone, or verdicts on all images.
    """

    size: int
    rate: float
    low: float
    high: float
    judged: int
    source: Source

    @property
    def count(self) -> tuple[int, int, int]:
        """Images: estimate, low, high."""
        return (
            round(self.rate * self.size),
            # A whole number divided by the size and multiplied again may miss itself by a rounding.
            int(np.floor(self.low * self.size + 1e-9)),
            int(np.ceil(self.high * self.size - 1e-9)),
        )


@dataclass(frozen=True, slots=True)
class NoiseFacts:
    """Wrong labels of the whole audit and of each class, in class order."""

    overall: ClassNoise
    classes: tuple[ClassNoise, ...]


def noise_applies(dataset: Dataset) -> bool:
    """Whether there are labels of which a share could be wrong: one an image, of two classes."""
    given = dataset.given_labels
    return not dataset.multilabel and len(np.unique(given[given != UNLABELLED])) > 1


def noise(workspace: Workspace, *, progress: ProgressCallback = silent) -> NoiseEstimate:
    """Estimate the noise from the current features and given labels, or read it.

    Raises
    ------
    WorkspaceError
        If there are no features, or images may have several labels.
    """
    found = stored_noise(workspace)
    if found is not None:
        return found
    if workspace.dataset.multilabel:
        raise WorkspaceError(
            "Expected one label an image for an estimate of the noise, got tags.",
            hint="The ranking doubts single tags; start there.",
        )
    probabilities = fit_left_out(workspace, progress=progress).probabilities
    made = estimate_noise(
        np.asarray(probabilities), workspace.dataset.given_labels, progress=progress
    )
    with atomic_write(_file(workspace)) as file:
        np.savez(
            file,
            sizes=made.sizes,
            matrices=np.stack([made.transition, made.low, made.high]),
            overall=np.array(made.overall),
            wrong=made.wrong,
            estimators=np.stack([made.latent, made.confident]),
        )
    return made


def stored_noise(workspace: Workspace) -> NoiseEstimate | None:
    """The estimate of the current features and labels, if it was made."""
    try:
        with np.load(_file(workspace), allow_pickle=False) as stored:
            transition, low, high = stored["matrices"]
            latent, confident = stored["estimators"]
            overall = tuple(stored["overall"].tolist())
            return NoiseEstimate(
                sizes=stored["sizes"], transition=transition, low=low, high=high,
                overall=overall, wrong=stored["wrong"], latent=latent, confident=confident,
            )  # fmt: skip
    except (OSError, ValueError, KeyError, EOFError, WorkspaceError):
        return None


def noise_facts(
    dataset: Dataset,
    estimate: NoiseEstimate,
    history: Sequence[LabelEvent] = (),
    assignments: Sequence[Assignment] = (),
) -> NoiseFacts:
    """Put verdicts in the place of what the model supposes.

    A judged image counts as what it was found to be; the model's share of the others stays, and
    its interval shrinks with them. Where a random sample of at least :data:`ENOUGH` images was
    judged, its exact interval (hypergeometric, see :mod:`air_core.stopping`) takes the model's
    place: it assumes nothing but the draw.

    Parameters
    ----------
    dataset : Dataset
    estimate : NoiseEstimate
        Of its given labels.
    history, assignments
        Of its log.
    """
    verdict = _verdicts(dataset, history, assignments)
    low, high = estimate.rate_limits
    labelled = dataset.given_labels >= 0
    classes = tuple(
        _corrected(
            dataset, dataset.given_labels == index, verdict, estimate.wrong,
            (float(low[index]), float(high[index])), history, assignments,
        )
        for index in range(len(dataset.class_names))
    )  # fmt: skip
    overall = _corrected(
        dataset, labelled, verdict, estimate.wrong, estimate.overall[1:], history, assignments
    )
    return NoiseFacts(overall, classes)


def _file(workspace: Workspace) -> Path:
    digest = current_features(workspace).digest
    key = fit_key("noise", digest, workspace.dataset.labels_digest(), {"method": METHOD})
    return workspace.runs_dir / f"noise-{key}.npz"


def _verdicts(
    dataset: Dataset, history: Sequence[LabelEvent], assignments: Sequence[Assignment]
) -> NDArray[np.int8]:
    """1 wrong, 0 right, −1 not judged or unsure."""
    reviews = Reviews(dataset, [*history, *assignments])
    verdict = np.full(len(dataset), -1, dtype=np.int8)
    for item, latest in reviews.timeline.in_force().items():
        if item not in dataset:
            continue
        row = dataset.row_of(item)
        given = dataset.given_text(row)
        outcome = outcome_of(reviews.verdicts.settling(item) or latest, given)
        if outcome is not None:
            verdict[row] = outcome.excluded or outcome.label != given
    return verdict


def _corrected(
    dataset: Dataset,
    member: NDArray[np.bool_],
    verdict: NDArray[np.int8],
    wrong: Floats,
    limits: tuple[float, float],
    history: Sequence[LabelEvent],
    assignments: Sequence[Assignment],
) -> ClassNoise:
    size, judged = int(member.sum()), int((member & (verdict >= 0)).sum())
    if not size:
        return ClassNoise(0, 0.0, 0.0, 0.0, 0, "model")
    errors = int((verdict[member] > 0).sum())
    if judged == size:
        return ClassNoise(size, errors / size, errors / size, errors / size, judged, "reviews")
    drawn = _from_sample(dataset, member, history, assignments)
    if drawn is not None:
        return replace(drawn, judged=judged)
    open_ = member & (verdict < 0)
    supposed, rest = float(wrong[member].sum()), float(wrong[open_].sum())
    share = rest / supposed if supposed > 0 else len(np.flatnonzero(open_)) / size
    low = errors + rest - share * (supposed - limits[0] * size)
    high = errors + rest + share * (limits[1] * size - supposed)
    bounds = (errors, errors + size - judged)
    rate, low, high = (
        float(np.clip(value, *bounds)) / size for value in (errors + rest, low, high)
    )
    return ClassNoise(size, rate, low, high, judged, "model and reviews" if judged else "model")


def _from_sample(
    dataset: Dataset,
    member: NDArray[np.bool_],
    history: Sequence[LabelEvent],
    assignments: Sequence[Assignment],
) -> ClassNoise | None:
    """The exact interval by a random sample, if enough of these images were drawn and judged.

    Given how many of them were drawn, those drawn of a class are a random sample of the class.
    """
    if not any(task.task == "sample" for task in assignments):
        return None
    items = set(dataset.item_ids[member].tolist())
    part = _part(dataset, np.flatnonzero(member).tolist())
    events = [event for event in history if event.item_id in items]
    # A sample says nothing of images that came after it was drawn: those drawn from must be all.
    labelled = set(dataset.item_ids[dataset.given_labels != UNLABELLED].tolist())
    moments = {task.after_event for task in assignments if task.task == "sample"}
    whole = {after: _open_then(labelled, history, after) for after in moments}
    own = [task for task in assignments if task.item_id in items]
    drawn = [t for t in own if t.task == "sample" and t.population == whole[t.after_event]]
    sizes = {after: _open_then(items, events, after) for after in moments}
    tasks = [replace(task, population=sizes[task.after_event]) for task in drawn]
    settled = [task for task in own if task.task == "adjudication"]
    found = review_progress(part, events, [*tasks, *settled])
    left = found.left
    if left is None or left.estimator != "random sample" or left.sampled < ENOUGH:
        return None
    rate, low, high = (
        (found.errors + value) / found.images for value in (left.estimate, left.low, left.high)
    )
    return ClassNoise(found.images, rate, low, min(high, 1.0), found.reviewed, "random sample")


def _part(dataset: Dataset, rows: list[int]) -> Dataset:
    return Dataset(
        item_ids=dataset.item_ids[rows],
        paths=tuple(dataset.paths[row] for row in rows),
        files=[dataset.files[row] for row in rows],
        given_labels=dataset.given_labels[rows],
        class_names=dataset.class_names,
        digests=tuple(dataset.digests[row] for row in rows),
    )


def _open_then(items: set[str], history: Sequence[LabelEvent], event_id: int) -> int:
    """How many of the items nobody had judged after an event."""
    judged = _in_force([event for event in history if event.event_id <= event_id])
    return len(items - judged.keys())


def _in_force(history: Sequence[LabelEvent]) -> dict[str, LabelEvent]:
    timeline = Timeline()
    for event in history:
        timeline.append(event)
    return timeline.in_force()
