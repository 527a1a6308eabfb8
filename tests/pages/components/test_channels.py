"""What the map colours and filters by says the same as the data behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from air_core.dataset import Dataset, FilesBelow, index_labels, index_tags, stable_item_ids
from air_core.labels import LabelEvent
from air_core.ranking import Ranking, rank_items
from pages.components.basis import Basis
from pages.components.map.channels import DECISION_TITLES, Channel
from pages.components.map.describe import map_points
from pages.components.palette import DECISIONS
from pages.standing import ACTIONS

CLASSES = ("cat", "dog", "emu")
GIVEN = ["cat", "dog", None, "emu", "cat"]
XY = np.zeros((5, 2), np.float32)


def dataset(tags: list[str | None] | None = None) -> Dataset:
    paths = [f"{i}.png" for i in range(5)]
    return Dataset(
        item_ids=stable_item_ids(paths),
        paths=tuple(paths),
        files=FilesBelow(Path("/data"), paths),
        given_labels=index_labels(GIVEN if tags is None else [None] * 5, CLASSES),
        class_names=CLASSES,
        digests=tuple("0" * 5),
        tags=None if tags is None else index_tags(tags, CLASSES),
    )


def ranking(suggested: list[int], scores: list[float]) -> Ranking:
    data, scores_ = dataset(), np.array(scores)
    return rank_items(
        "air-margin", data.item_ids, data.given_labels, scores=scores_,
        probabilities=np.eye(3)[suggested], activations=scores_,
    )  # fmt: skip


AIR = ranking([0, 0, 2, 0, 1], [1.0, 0.0, np.nan, 0.2, 0.4])
SVM = ranking([0, 0, 2, 1, 0], [0.9, 0.1, np.nan, 0.3, 1.0])


def event(data: Dataset, row: int, action: str, label: str | None = None) -> LabelEvent:
    class Event:
        """As much of an event as the map reads."""

    made = Event()
    made.item_id, made.action, made.new_label = str(data.item_ids[row]), action, label
    return made


def channels(**options) -> dict[str, Channel]:
    data = options.pop("data", dataset())
    events = options.pop("events", {})
    actions = np.zeros(5, np.int8)
    for item, made in events.items():
        actions[data.row_of(item)] = ACTIONS.index(made.action)
    points = map_points(data, XY, actions, events, **options)
    return {channel.name: channel for channel in points.channels} | {"points": points}


def named(channel: Channel) -> list[str]:
    return [channel.entries[code][0] for code in channel.codes]


def test_labels_suggestions_and_what_has_none():
    found = channels(ranking=AIR, title="AIR margin")
    assert named(found["given"]) == ["cat", "dog", "No label", "emu", "cat"]
    assert named(found["suggested"]) == ["cat", "cat", "emu", "cat", "dog"]
    assert found["score"].title == "Score, AIR margin"
    assert named(found["score"]) == [
        "0.8 to 1.0",
        "0.0 to 0.2",
        "Not scored",
        "0.2 to 0.4",
        "0.4 to 0.6",
    ]
    assert found["points"].shape.mask.tolist() == [False, True, False, True, True]


def test_without_a_ranking_there_are_labels_and_decisions_only():
    found = channels()
    assert [channel.name for channel in found["points"].channels] == ["given", "decision"]
    assert found["points"].shape is None


def test_the_label_now_is_what_was_decided():
    data = dataset()
    decided = [event(data, 0, "relabel", "dog"), event(data, 1, "exclude"), event(data, 3, "keep")]
    found = channels(events={made.item_id: made for made in decided})
    assert named(found["current"]) == ["dog", "Excluded", "No label", "emu", "cat"]
    assert named(found["decision"]) == [
        "Relabelled",
        "Excluded",
        "Not reviewed",
        "Kept",
        "Not reviewed",
    ]
    assert found["points"].reviewed.tolist() == [True, True, False, True, False]
    assert len(DECISION_TITLES) == len(ACTIONS) == len(DECISIONS)
    assert tuple(DECISIONS) == ACTIONS


def test_where_air_and_the_svm_differ():
    found = channels(ranking=AIR, air=AIR, svm=SVM)
    assert named(found["detectors"]) == [
        "Both agree with it", "Both doubt it alike", "No label",
        "Both doubt it, differently", "Only AIR doubts it",
    ]  # fmt: skip
    apart = found["apart"].values
    assert np.isnan(apart[2])
    np.testing.assert_allclose(apart[[1, 3]], 0)  # both rank these worst, in this order
    assert apart[4] == pytest.approx(0.25)
    assert not found["apart"].low_stands_out


def test_scores_in_a_narrow_band_get_the_whole_ramp():
    narrow = ranking([0, 0, 2, 0, 1], [0.51, 0.487, np.nan, 0.49, 0.5])
    score = channels(ranking=narrow, title="AIR")["score"]
    assert score.span == (0.48, 0.51)
    assert named(score)[:3] == ["0.504 to 0.510", "0.486 to 0.492", "Not scored"]
    np.testing.assert_array_equal(score.values, narrow.scores.astype(np.float32))


def test_a_truth_decides_the_triangles():
    verdict = np.array([1, -1, 0, 1, -1], np.int8)
    shape = channels(ranking=AIR, truth=Basis("truth", verdict))["points"].shape
    assert shape.mask.tolist() == [False, True, False, False, True]
    assert (shape.triangle, shape.circle) == ("Label is wrong", "Right or not known")


def test_images_with_several_labels_say_so_and_keep_their_tags():
    tags = ['["cat"]', '["cat", "dog"]', None, "[]", '["emu"]']
    found = channels(data=dataset(tags))
    assert named(found["given"]) == ["cat", "Several", "No label", "No label", "emu"]
    np.testing.assert_array_equal(found["points"].tags["given"], dataset(tags).tags)


def test_every_group_of_the_legend_has_codes():
    points = channels(ranking=AIR, air=AIR, svm=SVM)["points"]
    assert set(points.codes()) == {
        "given", "suggested", "score", "decision", "detectors", "apart", "reviewed", "flagged",
    }  # fmt: skip


def test_hundreds_of_classes_keep_their_codes():
    paths = [f"{i}.png" for i in range(300)]
    names = tuple(f"{i:03}" for i in range(300))
    data = Dataset(
        item_ids=stable_item_ids(paths), paths=tuple(paths), files=FilesBelow(Path("/d"), paths),
        given_labels=np.arange(300), class_names=names, digests=tuple(paths),
    )  # fmt: skip
    points = map_points(data, np.zeros((300, 2), np.float32), np.zeros(300, np.int8), {})
    assert named(points.channels[0]) == list(names)
    assert points.channels[0].codes.dtype == np.uint16
