"""What the decisions leave of the labels that a dataset came with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import UNLABELLED, Dataset
from air_core.formats import CleanItem, CleanLabels, ReadOptions, Review, Suggestion
from air_core.labels.models import LabelEvent
from air_core.ranking import Ranking


def labels_in_force(dataset: Dataset, standing: Mapping[str, LabelEvent]) -> NDArray[np.intp]:
    """Given labels (n,) with the relabels among the standing decisions applied; a new array."""
    labels = dataset.given_labels.copy()
    if dataset.multilabel:
        return labels
    index = {name: i for i, name in enumerate(dataset.class_names)}
    for item, event in standing.items():
        if event.action == "relabel" and event.new_label is not None:
            labels[dataset.row_of(item)] = index.get(event.new_label, UNLABELLED)
    return labels


def clean_labels(
    dataset: Dataset,
    standing: Mapping[str, LabelEvent],
    originals: Mapping[str, bytes],
    options: ReadOptions,
    *,
    source: Path | None = None,
    ranking: Ranking | None = None,
) -> CleanLabels:
    """What the decisions leave to export, with the suggestions of a ranking if there is one."""
    excluded = {item for item, event in standing.items() if event.action == "exclude"}
    items = []
    known = zip(dataset.item_ids.tolist(), dataset.paths, dataset.files, strict=True)
    for row, (item, path, file) in enumerate(known):
        if item in excluded:
            continue
        given, event = dataset.given_text(row), standing.get(item)
        relabelled = event is not None and event.action == "relabel"
        items.append(
            CleanItem(
                item_id=item,
                path=path,
                file=file,
                given_label=given,
                label=event.new_label if event is not None and relabelled else given,
                review=None
                if event is None
                else Review(event.action, event.reviewer, event.created_at, event.reason),
                suggestion=None if ranking is None else _suggestion(dataset, ranking, row),
            )
        )
    return CleanLabels(
        items=tuple(items),
        class_names=dataset.class_names,
        excluded=excluded,
        originals=originals,
        options=options,
        multilabel=dataset.multilabel,
        source=source,
    )


def _suggestion(dataset: Dataset, ranking: Ranking, row: int) -> Suggestion | None:
    score = float(ranking.scores[row])
    if np.isnan(score):
        return None  # an image without a label has none to doubt
    return Suggestion(
        label=ranking.suggested_text(row, dataset.class_names),
        confidence=float(ranking.confidences[row]),
        score=score,
        detector=ranking.detector,
    )
