"""Which images of a ranking the review shows, and in which order.

Everything works on whole arrays: a million images are filtered while a key is pressed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from air_core.dataset import UNLABELLED, Dataset
from air_core.ranking import Ranking
from air_core.text_column import casefolded
from pages.standing import ACTIONS, Standing

SCOPES = {"flagged": "Flagged", "all": "All images"}
ORDERS = {
    "worst": "Worst first",
    "best": "Best first",
    "sure": "Surest suggestion",
    "dispute": "Most disputed",
    "path": "Path",
}
DECISIONS = {
    "any": "Any decision",
    "none": "Not reviewed",
    "keep": "Kept",
    "relabel": "Relabelled",
    "exclude": "Excluded",
    "unsure": "Unsure",
}
OPINIONS = {
    "any": "Whatever the others say",
    "all": "Every model flags it",
    "split": "Models disagree",
    "only": "Only this model flags it",
}
PAIRS = 200  # most frequent pairs to choose from; more would only lengthen the list
Pair = tuple[str, str]


class Texts:
    """What the search reads, with upper and lower case made equal.

    Parameters
    ----------
    dataset : Dataset
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.classes = tuple(name.casefold() for name in dataset.class_names)

    @cached_property
    def paths(self) -> pa.StringArray:
        """All paths, casefolded."""
        return casefolded(self._dataset.paths)

    @cached_property
    def path_order(self) -> NDArray[np.intp]:
        """Place of each row in the order of its path, shape (n,)."""
        places = np.empty(len(self._dataset), dtype=np.intp)
        places[pc.sort_indices(self.paths).to_numpy()] = np.arange(len(places))
        return places

    def mention(self, text: str, ranking: Ranking) -> NDArray[np.bool_]:
        """Where (n,) a path, a given or a suggested label contains a text."""
        needle = text.strip().casefold()
        found = pc.match_substring(self.paths, needle).to_numpy(zero_copy_only=False)
        classes = [code for code, name in enumerate(self.classes) if needle in name]
        for labels, tags in (
            (ranking.given_labels, ranking.given_tags),
            (ranking.suggested_labels, ranking.suggested_tags),
        ):
            if tags is None:
                found |= np.isin(labels, classes)
            else:
                found |= (tags[:, classes] > 0).any(axis=1)
        return np.asarray(found)


@dataclass(frozen=True, slots=True)
class View:
    """What a filter looks at.

    Parameters
    ----------
    dataset : Dataset
    ranking : Ranking
        Of the detector chosen.
    standing : Standing
        The decisions in force.
    texts : Texts
    others : sequence of Ranking
        One of each other model, to compare opinions with.
    """

    dataset: Dataset
    ranking: Ranking
    standing: Standing
    texts: Texts
    others: Sequence[Ranking] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show; the defaults show every image, worst first.

    Parameters
    ----------
    scope : str
        A key of :data:`SCOPES`: only where the detector would label otherwise, or all.
    class_name : str or None
        Given label; empty for images that came without one.
    pair : (str, str) or None
        Given and suggested label.
    decision : str
        A key of :data:`DECISIONS`.
    reviewer : str or None
        Who decided last.
    opinion : str
        A key of :data:`OPINIONS`.
    text : str
        Part of a path, of the given or of the suggested label; case is ignored.
    order : str
        A key of :data:`ORDERS`.
    selection : collection of str
        Item ids; empty means no restriction.
    """

    scope: str = "all"
    class_name: str | None = None
    pair: Pair | None = None
    decision: str = "any"
    reviewer: str | None = None
    opinion: str = "any"
    text: str = ""
    order: str = "worst"
    selection: Collection[str] = ()

    @property
    def compares(self) -> bool:
        """Whether it asks what the other models say."""
        return self.opinion != "any" or self.order == "dispute"

    def rows(self, view: View) -> NDArray[np.intp]:
        """Rows of the dataset that match, in order."""
        order = worst_first(view.ranking)
        return self._sorted(order[self._matching(view)[order]], view)

    def _matching(self, view: View) -> NDArray[np.bool_]:
        dataset, ranking, standing = view.dataset, view.ranking, view.standing
        keep = np.ones(len(dataset), dtype=bool)
        # A selection is shown whole: what was lassoed on the map must not vanish unsaid.
        if self.selection:
            keep[:] = False
            keep[[dataset.row_of(item) for item in self.selection if item in dataset]] = True
        elif self.scope == "flagged":
            keep &= ranking.flagged
        if self.class_name:
            keep &= dataset.having(self.class_name)
        elif self.class_name is not None:
            keep &= np.isnan(ranking.scores)
        if self.pair is not None:
            given, suggested = (dataset.class_names.index(name) for name in self.pair)
            # Flagged ones only, as they are counted beside each pair.
            alike = (dataset.given_labels == given) & (ranking.suggested_labels == suggested)
            keep &= alike & ranking.flagged
        if self.decision != "any":
            keep &= standing.actions == ACTIONS.index(self.decision)
        if self.reviewer is not None:
            keep &= standing.by(self.reviewer)
        if self.opinion != "any":
            keep &= _opinion(self.opinion, ranking, view.others)
        if self.text.strip():
            keep &= view.texts.mention(self.text, ranking)
        return keep

    def _sorted(self, rows: NDArray[np.intp], view: View) -> NDArray[np.intp]:
        """Rows that are in the order of their rank, in the order asked for."""
        ranking = view.ranking
        match self.order:
            case "best":
                scored = ~np.isnan(ranking.scores[rows])
                return np.concatenate([rows[scored][::-1], rows[~scored]])
            case "sure":
                return rows[np.argsort(-ranking.confidences[rows], kind="stable")]
            case "dispute":
                return rows[np.argsort(-_dispute(rows, ranking, view.others), kind="stable")]
            case "path":
                return rows[np.argsort(view.texts.path_order[rows], kind="stable")]
        return rows


def worst_first(ranking: Ranking) -> NDArray[np.intp]:
    """All rows in the order of their rank; ranks are a permutation, so nothing is sorted."""
    order = np.empty(len(ranking), dtype=np.intp)
    order[ranking.ranks - 1] = np.arange(len(ranking))
    return order


def pairs(dataset: Dataset, ranking: Ranking) -> dict[Pair, int]:
    """Given → suggested pairs of the flagged images with their counts, most frequent first.

    At most :data:`PAIRS`; none for tags, where hardly two images change alike.
    """
    if dataset.multilabel:
        return {}
    flagged, names = ranking.flagged, dataset.class_names
    codes = dataset.given_labels[flagged] * len(names) + ranking.suggested_labels[flagged]
    found, counts = np.unique(codes, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:PAIRS]
    return {
        (names[code // len(names)], names[code % len(names)]): count
        for code, count in zip(found[most].tolist(), counts[most].tolist(), strict=True)
    }


def unlabelled(dataset: Dataset) -> bool:
    """Whether some images came without a label."""
    if dataset.tags is not None:
        return bool((dataset.tags < 0).any())
    return bool((dataset.given_labels == UNLABELLED).any())


def _opinion(opinion: str, ranking: Ranking, others: Sequence[Ranking]) -> NDArray[np.bool_]:
    flags = np.array([one.flagged for one in (ranking, *others)])
    if opinion == "all":
        return np.asarray(flags.all(axis=0))
    if opinion == "only":
        return np.asarray(flags[0] & ~flags[1:].any(axis=0))
    return np.asarray(flags.any(axis=0) & ~flags.all(axis=0))


def _dispute(
    rows: NDArray[np.intp], ranking: Ranking, others: Sequence[Ranking]
) -> NDArray[np.intp]:
    """How many places lie between the most and the least suspicious opinion of an image."""
    ranks = np.array([one.ranks[rows] for one in (ranking, *others)])
    return np.asarray(np.ptp(ranks, axis=0))
