"""What labels are compared with: a known truth, reviews, or nothing.

Used for borders and histograms only; no detector sees any of it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from air_core.dataset import Dataset
from air_core.errors import SourceError
from air_core.labels import LabelEvent
from air_core.metrics import auroc

Kind = Literal["truth", "reviews", "flags"]


@dataclass(frozen=True, slots=True)
class Basis:
    """For each image, whether its given label is right.

    Parameters
    ----------
    kind : {"truth", "reviews", "flags"}
        Where the verdict comes from; "flags" is the detector's own opinion, hence no basis for
        scoring it.
    verdict : ndarray of shape (n,), dtype int8
        1 right, -1 wrong, 0 unknown.
    truth : ndarray of shape (n,), dtype intp, or None
        The class that is right, −1 where it is unknown; past the last where it is none of the
        audit's, so that no suggestion can be right. None for tags.
    """

    kind: Kind
    verdict: NDArray[np.int8]
    truth: NDArray[np.intp] | None = None

    @property
    def known(self) -> NDArray[np.bool_]:
        """Images with a verdict."""
        return self.verdict != 0

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Images whose label is wrong."""
        return self.verdict < 0

    @property
    def scores_detectors(self) -> bool:
        """Whether detectors can be scored on it: both groups known, and not by a detector."""
        return self.kind != "flags" and bool(self.wrong.any() and (self.verdict > 0).any())

    def group_names(self) -> tuple[str, str]:
        """Names of the right and the wrong group, as people read them."""
        return {
            "truth": ("Label agrees with the truth", "Label differs from the truth"),
            "reviews": ("Reviewed: label kept", "Reviewed: label changed"),
            "flags": ("Not flagged", "Flagged"),
        }[self.kind]

    def auroc(
        self, values: NDArray[np.floating[Any]], rows: NDArray[np.bool_] | None = None
    ) -> float:
        """How well low values find wrong labels among the images with a verdict.

        Parameters
        ----------
        values : ndarray of shape (n,)
            NaN is left out.
        rows : ndarray of shape (n,), dtype bool, optional
            Look at these images only.

        Returns
        -------
        float
            NaN where both groups are not there, or the verdict is a detector's own.
        """
        judged = self.known & ~np.isnan(values)
        if rows is not None:
            judged &= rows
        if not self.scores_detectors:
            return float("nan")
        return auroc(values[judged], self.wrong[judged])

    def in_words(
        self, values: NDArray[np.floating[Any]], rows: NDArray[np.bool_] | None = None
    ) -> str:
        """The AUROC as the end of a heading; empty where there is none."""
        value = self.auroc(values, rows)
        return "" if np.isnan(value) else f" · AUROC {value:.3f}"

    def explain(self) -> str:
        """What colours and figures rest on, in one sentence of Markdown."""
        judged, wrong = int(self.known.sum()), int(self.wrong.sum())
        borders = "Borders: **blue, solid** agrees, **red, dashed** differs"
        if self.kind == "truth":
            return (
                f"Scored against the truth: {wrong:,} of {judged:,} labels differ. {borders}; "
                "images without a known truth stay neutral."
            )
        if self.kind == "reviews":
            return (
                f"Scored against your {judged:,} reviews, {wrong:,} of which changed the label. "
                f"{borders}; images not reviewed stay neutral."
            )
        return (
            "No truth and no reviews: borders are neutral, and the histograms split images by "
            "whether the detector on the left flags them, which says nothing about who is right."
        )


def from_truth(dataset: Dataset, truth: Mapping[str, str]) -> Basis:
    """Compare given labels with true ones, matched by path as the source writes it.

    Raises
    ------
    SourceError
        If no path of the truth is in the dataset.
    """
    verdict = np.zeros(len(dataset), dtype=np.int8)
    right, known = _unknown(dataset), _classes(dataset)
    for row, path in enumerate(dataset.paths):
        if (label := truth.get(path)) is not None:
            same = label in (dataset.given_text(row), dataset.shown(dataset.given_text(row)))
            verdict[row] = 1 if same else -1
            right[row] = (
                dataset.given_labels[row] if same else known.get(label, len(dataset.class_names))
            )
    if not verdict.any():
        raise SourceError(
            f"Expected paths as in the source, such as {dataset.paths[0]!r}, got none of them "
            f"among the {len(truth)} of the file."
        )
    return Basis("truth", verdict, None if dataset.multilabel else right)


def from_reviews(dataset: Dataset, reviewed: Mapping[str, LabelEvent]) -> Basis:
    """A kept label is right, a changed one wrong; excluded and unsure images stay unknown."""
    verdict = np.zeros(len(dataset), dtype=np.int8)
    right, known = _unknown(dataset), _classes(dataset)
    for item_id, event in reviewed.items():
        row = dataset.row_of(item_id)
        if event.action == "keep":
            verdict[row], right[row] = 1, dataset.given_labels[row]
        elif event.action == "relabel":
            verdict[row] = 1 if event.new_label == dataset.given_text(row) else -1
            right[row] = known.get(event.new_label or "", len(dataset.class_names))
    return Basis("reviews", verdict, None if dataset.multilabel else right)


def _unknown(dataset: Dataset) -> NDArray[np.intp]:
    return np.full(len(dataset), -1, dtype=np.intp)


def _classes(dataset: Dataset) -> dict[str, int]:
    """Class indices by name, as the source writes it and as it is shown."""
    if dataset.multilabel:
        return {}
    names = dataset.class_names
    return {dataset.shown(name): index for index, name in enumerate(names)} | {
        name: index for index, name in enumerate(names)
    }


def from_flags(flagged: NDArray[np.bool_]) -> Basis:
    """Split by what the detector itself flags, where nothing better is known."""
    return Basis("flags", np.where(flagged, -1, 1).astype(np.int8))


def read_truth(source: bytes | Path) -> dict[str, str]:
    """Read a CSV with the columns ``path`` and ``label``.

    Returns
    -------
    dict of str to str
        Path → true label.

    Raises
    ------
    SourceError
        If it is no CSV or lacks a column.

    Examples
    --------
    >>> read_truth(b"path,label\\na.png,007\\n")
    {'a.png': '007'}
    """
    content = source.read_bytes() if isinstance(source, Path) else source
    try:
        table = pd.read_csv(
            io.BytesIO(content), dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise SourceError(f"Expected a CSV with columns path and label, got: {error}") from None
    missing = {"path", "label"} - set(table.columns)
    if missing:
        raise SourceError(
            f"Expected the columns path and label, got {', '.join(map(str, table.columns))}."
        )
    return dict(zip(table["path"].tolist(), table["label"].tolist(), strict=True))
