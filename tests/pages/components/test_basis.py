"""What counts as right and wrong, and from where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from air_core.dataset import Dataset, stable_item_ids
from air_core.errors import SourceError
from air_core.labels import LabelEvent
from pages.components.basis import from_flags, from_reviews, from_truth, read_truth

PATHS = ("a.png", "b.png", "c.png", "d.png")
DATASET = Dataset(
    item_ids=stable_item_ids(PATHS),
    paths=PATHS,
    files=tuple(Path(path) for path in PATHS),
    given_labels=np.array([0, 1, 0, -1]),
    class_names=("cat", "dog"),
    digests=("",) * 4,
)


def event(row, action, new_label=None):
    return LabelEvent(
        event_id=row, batch_id="b", item_id=str(DATASET.item_ids[row]), action=action,
        old_label="cat", new_label=new_label, reviewer="r", reason="", created_at="2026-01-01",
        detector="", score=None, lambda_g=None, suggested_label=None, run_id="", undoes=None,
        operation_id=None,
    )  # fmt: skip


def test_truth_is_matched_by_path_and_gaps_stay_unknown():
    basis = from_truth(DATASET, {"a.png": "cat", "b.png": "cat", "other.png": "cat"})
    assert basis.verdict.tolist() == [1, -1, 0, 0]
    assert basis.scores_detectors
    assert basis.auroc(np.array([2.0, 1.0, np.nan, 0.0])) == 1.0
    assert basis.in_words(np.array([1.0, 2.0, 0.0, 0.0])) == " · AUROC 0.000"


def test_an_image_that_the_truth_gives_a_class_and_the_source_none_is_wrong():
    assert from_truth(DATASET, {"d.png": "cat"}).verdict[3] == -1


def test_a_truth_of_other_files_is_refused():
    with pytest.raises(SourceError, match=r"such as 'a.png'"):
        from_truth(DATASET, {"x.png": "cat"})


def test_reviews_count_kept_as_right_and_relabelled_as_wrong():
    events = [event(0, "keep", "cat"), event(1, "relabel", "cat"), event(2, "unsure", "cat")]
    events.append(event(3, "exclude"))
    basis = from_reviews(DATASET, {e.item_id: e for e in events})
    assert basis.verdict.tolist() == [1, -1, 0, 0]
    assert "2 reviews, 1 of which" in basis.explain()


def test_a_relabel_to_the_given_label_is_right():
    one = event(0, "relabel", "cat")
    assert from_reviews(DATASET, {one.item_id: one}).verdict[0] == 1


def test_flags_never_score_the_detector_that_raised_them():
    basis = from_flags(np.array([True, False, False, False]))
    assert not basis.scores_detectors
    assert np.isnan(basis.auroc(np.arange(4.0)))
    assert basis.in_words(np.arange(4.0)) == ""
    assert "says nothing about who is right" in basis.explain()


def test_truth_files_keep_labels_as_text():
    assert read_truth(b"\xef\xbb\xbfpath,label\r\na.png,007\r\nb.png,NA\r\n") == {
        "a.png": "007",
        "b.png": "NA",
    }


@pytest.mark.parametrize("content", [b"", b"file,class\na,b\n", b"\xff\xfe\x00", b'path,label\n"a'])
def test_what_is_no_truth_file_is_refused(content):
    with pytest.raises(SourceError):
        read_truth(content)
