"""Which images the review shows, and in which order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from air_core.dataset import Dataset, stable_item_ids
from air_core.labels import LabelEvent
from air_core.ranking import Ranking
from pages.filters import Filter, pairs

PATHS = ("cats/a.png", "cats/b.png", "dogs/c.png", "dogs/Ä.png", "x.png")
DATASET = Dataset(
    item_ids=stable_item_ids(PATHS),
    paths=PATHS,
    files=tuple(Path(path) for path in PATHS),
    given_labels=np.array([0, 0, 1, 1, -1]),
    class_names=("cat", "dog"),
    digests=("",) * 5,
)
RANKING = Ranking(
    detector="air-margin",
    item_ids=DATASET.item_ids,
    scores=np.array([0.9, 0.1, 0.2, 0.8, np.nan]),
    given_labels=DATASET.given_labels,
    suggested_labels=np.array([0, 1, 0, 1, 1]),
    confidences=np.full(5, 0.5),
    ranks=np.array([4, 1, 2, 3, 5]),
    activations=np.zeros(5),
)


def decided(**actions: str) -> dict[str, LabelEvent]:
    return {
        str(DATASET.item_ids[int(row[1:])]): LabelEvent(
            event_id=1, batch_id="b", item_id="", action=action, old_label=None, new_label=None,
            reviewer="r", reason="", created_at="", detector="", score=None, lambda_g=None,
            suggested_label=None, run_id="", undoes=None, operation_id=None,
        )
        for row, action in actions.items()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "rows"),
    [
        (Filter(), [1, 2, 3, 0, 4]),
        (Filter(scope="flagged"), [1, 2]),
        (Filter(class_name="dog"), [2, 3]),
        (Filter(pair=("cat", "dog")), [1]),
        (Filter(decision="none"), [1, 3, 0, 4]),
        (Filter(decision="keep"), [2]),
        (Filter(decision="exclude"), []),
        (Filter(text="DOGS/ä"), [3]),
        (Filter(text=" cat "), [1, 2, 0]),
        (Filter(scope="flagged", class_name="cat", text="b."), [1]),
        (Filter(scope="flagged", selection=[str(DATASET.item_ids[0])]), [0]),
    ],
)
def test_filters_narrow_and_keep_the_worst_first(chosen, rows):
    assert chosen.rows(DATASET, RANKING, decided(_2="keep")).tolist() == rows


def test_pairs_count_flagged_images_only():
    assert pairs(DATASET, RANKING) == {("cat", "dog"): 1, ("dog", "cat"): 1}
