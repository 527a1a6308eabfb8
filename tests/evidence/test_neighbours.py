"""Neighbours against a search by brute force."""

import numpy as np
import pytest

from air_core.evidence import CosineIndex
from air_core.evidence import neighbours as module


@pytest.fixture
def features():
    return np.random.default_rng(5).gamma(0.5, size=(300, 24)).astype(np.float32)


def brute_force(features, row, k, among):
    x = features.astype(np.float64)
    cosines = x @ x[row] / (np.linalg.norm(x, axis=1) * np.linalg.norm(x[row]))
    others = [i for i in np.flatnonzero(among) if i != row]
    return sorted(others, key=lambda i: -cosines[i])[:k], cosines


@pytest.mark.parametrize("block", [64, 8192])
@pytest.mark.parametrize("row", [0, 17, 299])
def test_as_by_brute_force_whatever_the_blocks(features, row, block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    among = np.random.default_rng(row).random(300) < 0.6
    rows, similarities = CosineIndex(features).nearest(row, 10, among)
    expected, cosines = brute_force(features, row, 10, among)
    assert rows.tolist() == expected
    np.testing.assert_allclose(similarities, cosines[expected], rtol=1e-5)


def test_equally_alike_ones_come_in_the_order_of_the_rows_and_the_image_itself_never():
    features = np.ones((30, 4), np.float32)
    rows, similarities = CosineIndex(features).nearest(3, 5)
    assert rows.tolist() == [0, 1, 2, 4, 5]
    assert similarities.tolist() == pytest.approx([1.0] * 5)
    assert similarities.max() <= 1


def test_length_does_not_count_and_an_empty_row_is_like_none():
    features = np.array([[1, 1], [9, 9.1], [1, 0.9], [0, 0]], np.float32)
    index = CosineIndex(features)
    rows, similarities = index.nearest(0, 3)
    assert rows.tolist() == [1, 2, 3]
    assert similarities[2] == 0
    assert index.nearest(3, 3)[1].tolist() == [0, 0, 0]


def test_fewer_than_asked_for_where_there_are_fewer():
    index = CosineIndex(np.eye(3, dtype=np.float32))
    assert index.nearest(0, 10)[0].tolist() == [1, 2]
    assert index.nearest(0, 10, np.array([True, False, False]))[0].tolist() == []


def test_it_reads_a_memory_map(features, tmp_path):
    np.save(tmp_path / "x.npy", features)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert CosineIndex(mapped).nearest(0, 4)[0].tolist() == (
        CosineIndex(features).nearest(0, 4)[0].tolist()
    )
