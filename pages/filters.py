"""Which images of a ranking the review shows, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import Dataset
from air_core.labels import LabelEvent
from air_core.ranking import Ranking

SCOPES = {"flagged": "Flagged", "all": "All images"}
DECISIONS = {
    "any": "Any decision",
    "none": "Not reviewed",
    "keep": "Kept",
    "relabel": "Relabelled",
    "exclude": "Excluded",
    "unsure": "Unsure",
}
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show; the defaults show every image.

    Parameters
    ----------
    scope : str
        A key of :data:`SCOPES`: only where the detector would label otherwise, or all.
    class_name : str or None
        Given label.
    pair : (str, str) or None
        Given and suggested label.
    decision : str
        A key of :data:`DECISIONS`.
    text : str
        Part of a path, of the given or of the suggested label; case is ignored.
    selection : collection of str
        Item ids; empty means no restriction.
    """

    scope: str = "all"
    class_name: str | None = None
    pair: Pair | None = None
    decision: str = "any"
    text: str = ""
    selection: Collection[str] = ()

    def rows(
        self, dataset: Dataset, ranking: Ranking, reviewed: Mapping[str, LabelEvent]
    ) -> NDArray[np.intp]:
        """Rows of the dataset that match, worst first."""
        keep = np.ones(len(dataset), dtype=bool)
        names = dataset.class_names
        # A selection is shown whole: what was lassoed on the map must not vanish unsaid.
        if self.selection:
            keep &= np.isin(dataset.item_ids, list(self.selection))
        elif self.scope == "flagged":
            keep &= ranking.flagged
        if self.class_name is not None:
            keep &= dataset.having(self.class_name)
        if self.pair is not None:
            given, suggested = (names.index(name) for name in self.pair)
            keep &= (dataset.given_labels == given) & (ranking.suggested_labels == suggested)
        order = ranking.order
        rows = order[keep[order]]
        if self.decision != "any":
            wanted = None if self.decision == "none" else self.decision
            rows = rows[[_action(reviewed, dataset, row) == wanted for row in rows]]
        if needle := self.text.strip().casefold():
            rows = rows[[_mentions(needle, dataset, ranking, row) for row in rows]]
        return rows


def pairs(dataset: Dataset, ranking: Ranking) -> dict[Pair, int]:
    """Given → suggested pairs of the flagged images with their counts, most frequent first.

    None for tags, where hardly two images change alike.
    """
    if dataset.multilabel:
        return {}
    flagged = ranking.flagged
    counts = Counter(
        zip(
            dataset.given_labels[flagged].tolist(),
            ranking.suggested_labels[flagged].tolist(),
            strict=True,
        )
    )
    names = dataset.class_names
    return {(names[given], names[new]): count for (given, new), count in counts.most_common()}


def _action(reviewed: Mapping[str, LabelEvent], dataset: Dataset, row: int) -> str | None:
    event = reviewed.get(str(dataset.item_ids[row]))
    return None if event is None else event.action


def _mentions(needle: str, dataset: Dataset, ranking: Ranking, row: int) -> bool:
    given = dataset.given_text(row) or ""
    suggested = ranking.suggested_text(row, dataset.class_names)
    return any(needle in text.casefold() for text in (dataset.paths[row], given, suggested))
