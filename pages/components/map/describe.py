"""The points of the map from what is known about the images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import Dataset
from air_core.labels import LabelEvent
from air_core.ranking import Ranking
from pages.components.basis import Basis
from pages.components.map.channels import (
    MapPoints,
    Shape,
    comparison_channels,
    label_channels,
    ranking_channels,
)


def map_points(
    dataset: Dataset,
    xy: NDArray[np.float32],
    actions: NDArray[np.integer[Any]],
    events: Mapping[str, LabelEvent],
    ranking: Ranking | None = None,
    title: str = "",
    *,
    air: Ranking | None = None,
    svm: Ranking | None = None,
    truth: Basis | None = None,
) -> MapPoints:
    """Describe every image for the map.

    Parameters
    ----------
    dataset : Dataset
    xy : ndarray of shape (n, 2)
        The projection.
    actions : ndarray of shape (n,)
        Code of the decision in force, 0 for none.
    events : mapping of str to LabelEvent
        The decisions in force.
    ranking : Ranking, optional
        Gives suggestion, score and flag.
    title : str
        Of the detector behind it.
    air, svm : Ranking, optional
        Where both are there, the map can show where they differ.
    truth : Basis, optional
        Triangles are then the labels it calls wrong.
    """
    channels, shape, tags = label_channels(dataset, actions, events), None, {}
    if ranking is not None:
        channels[1:1] = ranking_channels(dataset, ranking, title)
        shape = Shape("flagged", ranking.flagged, "Flagged", "Not flagged")
    if air is not None and svm is not None:
        channels += comparison_channels(air, svm)
    if truth is not None:
        right = "Label is right" if truth.known.all() else "Right or not known"
        shape = Shape("wrong", truth.wrong, "Label is wrong", right)
    if dataset.tags is not None:
        tags["given"] = dataset.tags
        if ranking is not None and ranking.suggested_tags is not None:
            tags["suggested"] = ranking.suggested_tags
    return MapPoints(xy, dataset.item_ids, channels, actions > 0, shape, dataset.class_names, tags)
