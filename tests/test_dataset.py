from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from air_core.dataset import UNLABELLED, Dataset, FilesBelow, index_labels, stable_item_ids
from air_core.errors import SourceError


def make_dataset(paths: list[str], labels: list[str | None]) -> Dataset:
    classes = ("cat", "dog")
    return Dataset(
        item_ids=stable_item_ids(paths),
        paths=tuple(paths),
        files=FilesBelow(Path("/data"), paths),
        given_labels=index_labels(labels, classes),
        class_names=classes,
        digests=tuple("0" for _ in paths),
    )


def test_ids_survive_reordering_and_new_images() -> None:
    before = dict(zip("abc", stable_item_ids("abc").tolist(), strict=True))
    after = dict(zip("xcab", stable_item_ids("xcab").tolist(), strict=True))
    assert {name: after[name] for name in "abc"} == before


def test_the_same_path_twice_gets_two_ids_and_the_first_is_the_usual_one() -> None:
    once, twice = stable_item_ids(["a"]), stable_item_ids(["a", "a"])
    assert twice[0] == once[0] != twice[1]


def test_ids_stay_the_same_between_releases() -> None:
    assert stable_item_ids(["images/0000.png"]).tolist() == ["a5ae77bc2f18fd55"]


def test_rows_of_several_items_pass_over_unknown_ones() -> None:
    dataset = make_dataset(["a", "b", "c"], [None] * 3)
    a, _, c = dataset.item_ids.tolist()
    assert dataset.rows_of([c, "0" * 16, a]).tolist() == [2, 0]
    assert dataset.rows_of([]).tolist() == []


def test_rows_labels_and_membership() -> None:
    dataset = make_dataset(["a", "b"], ["dog", None])
    item = str(dataset.item_ids[1])
    assert (len(dataset), dataset.row_of(item), item in dataset, "?" in dataset) == (
        2,
        1,
        True,
        False,
    )
    assert dataset.given_labels.tolist() == [1, UNLABELLED]
    assert (dataset.label_name(1), dataset.label_name(UNLABELLED)) == ("dog", None)
    with pytest.raises(SourceError, match="got id '\\?'"):
        dataset.row_of("?")


def test_arrays_cannot_be_changed() -> None:
    dataset = make_dataset(["a"], ["cat"])
    with pytest.raises(ValueError, match="read-only"):
        dataset.given_labels[0] = 1


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(SourceError, match="digests entry"):
        Dataset(
            item_ids=stable_item_ids(["a"]),
            paths=("a",),
            files=(Path("a"),),
            given_labels=np.array([0]),
            class_names=("cat",),
            digests=(),
        )


def test_files_below_is_a_sequence_of_paths() -> None:
    files = FilesBelow(Path("/data"), ["a", "b", "c"])
    assert list(files) == [Path("/data/a"), Path("/data/b"), Path("/data/c")]
    assert list(files[1:]) == [Path("/data/b"), Path("/data/c")]
    assert (len(files), files[-1]) == (3, Path("/data/c"))
