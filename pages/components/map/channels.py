"""What the points of the map can be coloured and filtered by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import UNLABELLED, Dataset
from air_core.labels import LabelEvent
from air_core.ranking import Ranking
from pages.components.palette import DECISIONS, NEUTRAL, OKABE_ITO, class_colours

Entry = tuple[str, str]
"""Name and colour of an entry of the legend."""

DECISION_TITLES = ("Not reviewed", "Kept", "Relabelled", "Excluded", "Unsure")
_DETECTORS: tuple[Entry, ...] = (
    ("Both agree with it", NEUTRAL),
    ("Only AIR doubts it", OKABE_ITO["blue"]),
    ("Only the SVM doubts it", OKABE_ITO["orange"]),
    ("Both doubt it alike", OKABE_ITO["vermillion"]),
    ("Both doubt it, differently", OKABE_ITO["purple"]),
)
_NO_LABEL: Entry = ("No label", NEUTRAL)
_BINS = 5


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to colour the points; its entries filter them.

    Parameters
    ----------
    name, title : str
        For programs and for people.
    codes : ndarray of shape (n,), dtype uint8 or uint16
        Index into ``entries``.
    entries : sequence of (str, str)
        Name and colour; the colour of a continuous channel's entries is not used.
    values : ndarray of shape (n,), dtype float32, optional
        NaN where unknown: coloured along a ramp.
    span : (float, float)
        Values at the ramp's ends; what lies beyond is drawn like the end.
    ends : (str, str)
        What the ends mean.
    low_stands_out : bool
        Whether the low end is the strong one.
    """

    name: str
    title: str
    codes: NDArray[np.unsignedinteger[Any]]
    entries: Sequence[Entry]
    values: NDArray[np.float32] | None = None
    span: tuple[float, float] = (0.0, 1.0)
    ends: tuple[str, str] = ("", "")
    low_stands_out: bool = True

    def __post_init__(self) -> None:
        # What cannot change is published only once.
        for array in (self.codes, self.values):
            if array is not None:
                array.setflags(write=False)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which points are triangles, as in Figure 1.

    Parameters
    ----------
    name : str
    mask : ndarray of shape (n,), dtype bool
        Triangles; the others are circles.
    triangle, circle : str
        What they mean.
    """

    name: str
    mask: NDArray[np.bool_]
    triangle: str
    circle: str

    def __post_init__(self) -> None:
        self.mask.setflags(write=False)


@dataclass(frozen=True, slots=True)
class MapPoints:
    """Everything the map draws, one row for each image.

    Parameters
    ----------
    xy : ndarray of shape (n, 2), dtype float32
        The projection.
    item_ids : ndarray of shape (n,), dtype ``<U16``
        Hexadecimal item ids.
    channels : sequence of Channel
        The first is shown to begin with.
    reviewed : ndarray of shape (n,), dtype bool
        Drawn with a hole.
    shape : Shape, optional
    class_names : sequence of str
    tags : mapping of str to ndarray of shape (n, C)
        With several labels an image: ``"given"`` and ``"suggested"``, above 0 where it has one.
    """

    xy: NDArray[np.float32]
    item_ids: NDArray[np.str_]
    channels: Sequence[Channel]
    reviewed: NDArray[np.bool_]
    shape: Shape | None = None
    class_names: Sequence[str] = ()
    tags: Mapping[str, NDArray[np.int8]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in (self.xy, self.reviewed, *self.tags.values()):
            array.setflags(write=False)

    def codes(self) -> dict[str, NDArray[Any]]:
        """Every group of the legend: name → code of each point (n,)."""
        found: dict[str, NDArray[Any]] = {channel.name: channel.codes for channel in self.channels}
        found["reviewed"] = self.reviewed
        if self.shape is not None:
            found[self.shape.name] = self.shape.mask
        return found


def label_channels(
    dataset: Dataset, actions: NDArray[np.integer[Any]], events: Mapping[str, LabelEvent]
) -> list[Channel]:
    """Given label, label in force, decision.

    Parameters
    ----------
    dataset : Dataset
    actions : ndarray of shape (n,)
        Index into :data:`DECISION_TITLES`.
    events : mapping of str to LabelEvent
        Decision in force of each item that has one.
    """
    given = _one_label(dataset.given_labels, dataset.tags, len(dataset.class_names))
    decisions = list(zip(DECISION_TITLES, DECISIONS.values(), strict=True))
    channels = [_classes("given", "Given label", given, dataset)]
    if dataset.tags is None and events:
        current = given.copy()
        names = {name: index for index, name in enumerate(dataset.class_names)}
        for item, event in events.items():
            if event.action == "relabel" and item in dataset:
                current[dataset.row_of(item)] = names.get(event.new_label or "", len(names))
        current[actions == DECISION_TITLES.index("Excluded")] = len(names) + 1
        channels.append(_classes("current", "Label now", current, dataset, beyond="Excluded"))
    channels.append(Channel("decision", "Decision", actions.astype(np.uint8), decisions))
    return channels


def ranking_channels(dataset: Dataset, ranking: Ranking, title: str) -> list[Channel]:
    """Suggested label and score of a detector with this title."""
    suggested = _one_label(
        ranking.suggested_labels, ranking.suggested_tags, len(dataset.class_names)
    )
    return [
        _classes("suggested", "Suggested label", suggested, dataset),
        _continuous("score", f"Score, {title}", ranking.scores, ("worst", "clean")),
    ]


def comparison_channels(air: Ranking, svm: Ranking) -> list[Channel]:
    """Which of the two doubts a label, and how far apart they rank it."""
    a, s = air.flagged, svm.flagged
    alike = air.suggested_labels == svm.suggested_labels
    if air.suggested_tags is not None and svm.suggested_tags is not None:
        alike = (air.suggested_tags == svm.suggested_tags).all(axis=1)
    unlabelled = np.isnan(air.scores)
    codes = np.select([unlabelled, a & s & alike, a & s, a, s], [5, 3, 4, 1, 2], 0)
    n = max(len(air) - 1, 1)
    apart = np.abs(air.ranks - svm.ranks) / n
    apart[unlabelled] = np.nan
    return [
        Channel("detectors", "AIR and SVM", codes.astype(np.uint8), [*_DETECTORS, _NO_LABEL]),
        _continuous(
            "apart", "AIR and SVM ranks apart", apart, ("same rank", "opposite"), low=False
        ),
    ]


def _one_label(
    labels: NDArray[np.integer[Any]], tags: NDArray[np.int8] | None, classes: int
) -> NDArray[np.int64]:
    """Class index; ``classes`` for no label, ``classes + 1`` for several."""
    if tags is None:
        return np.where(labels == UNLABELLED, classes, labels).astype(np.int64)
    has = tags > 0
    count = has.sum(axis=1)
    return np.where(count == 1, has.argmax(axis=1), np.where(count > 1, classes + 1, classes))


def _classes(
    name: str, title: str, codes: NDArray[np.int64], dataset: Dataset, beyond: str = "Several"
) -> Channel:
    entries = list(zip(dataset.class_names, class_colours(len(dataset.class_names)), strict=True))
    entries += [_NO_LABEL, (beyond, NEUTRAL)]
    narrow = np.uint8 if len(entries) < 256 else np.uint16
    return Channel(name, title, codes.astype(narrow), entries)


def _continuous(
    name: str, title: str, values: NDArray[np.floating[Any]], ends: tuple[str, str],
    *, low: bool = True,
) -> Channel:  # fmt: skip
    unknown = np.isnan(values)
    span = _span(values[~unknown])
    parts = np.clip((np.nan_to_num(values) - span[0]) / (span[1] - span[0]), 0, 1)
    codes = np.where(unknown, _BINS, np.minimum((parts * _BINS).astype(np.int64), _BINS - 1))
    edges = np.linspace(*span, _BINS + 1)
    digits = 1 if span == (0.0, 1.0) else 2 if span[1] - span[0] >= 0.1 else 3
    entries = [
        (f"{start:.{digits}f} to {end:.{digits}f}", NEUTRAL) for start, end in pairwise(edges)
    ]
    return Channel(
        name, title, codes.astype(np.uint8), [*entries, ("Not scored", NEUTRAL)],
        values=values.astype(np.float32), span=span, ends=ends, low_stands_out=low,
    )  # fmt: skip


def _span(known: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """All of 0 … 1, or where nearly all values lie if that is a small part of it."""
    if len(known) == 0:
        return 0.0, 1.0
    low, high = np.quantile(known, (0.01, 0.99))
    if high - low > 0.5:
        return 0.0, 1.0
    low, high = np.floor(100 * low) / 100, np.ceil(100 * high) / 100
    return float(low), float(max(high, low + 0.01))
