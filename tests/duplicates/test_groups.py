"""Copies made on purpose are found; pictures that merely look alike are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from air_core.duplicates import Neighbours, find_pairs, group, nearest, oddness
from air_core.duplicates.copies import look_at
from air_core.errors import Cancelled


def scene(seed: int, side: int = 96) -> Image.Image:
    """A picture with structure at several scales, as photographs have."""
    rng = np.random.default_rng(seed)
    grey = sum(
        np.asarray(
            Image.fromarray(rng.integers(0, 255, (size, size), dtype=np.uint8)).resize(
                (side, side), Image.Resampling.BICUBIC
            ),
            dtype=np.float64,
        )
        / size
        for size in (3, 6, 12)
    )
    return Image.fromarray((255 * (grey - grey.min()) / np.ptp(grey)).astype(np.uint8)).convert(
        "RGB"
    )


def jpeg(picture: Image.Image) -> Image.Image:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=40)
    return Image.open(data)


EDITS = {
    "smaller": lambda p: p.resize((48, 48)),
    "larger": lambda p: p.resize((200, 200)),
    "re-compressed": jpeg,
    "cropped": lambda p: p.crop((2, 2, 94, 94)),
    "mirrored": ImageOps.mirror,
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.2),
}


def features_of(pictures: list[Image.Image]) -> np.ndarray:
    """A stand-in for a network: unmoved by what copies differ in, mirroring included."""
    small = [np.asarray(p.convert("L").resize((8, 8)), dtype=np.float32) for p in pictures]
    both = [(grey + grey[:, ::-1]).ravel() for grey in small]
    return np.stack(both) - np.mean(both)


@pytest.mark.parametrize("edit", EDITS)
def test_a_copy_is_found_and_nothing_else(edit):
    pictures = [scene(seed) for seed in range(40)]
    pictures += [EDITS[edit](scene(seed)) for seed in (3, 11, 27)]
    near = nearest(features_of(pictures))
    digests = [str(row) for row in range(len(pictures))]
    pairs = find_pairs(near, digests, pictures.__getitem__)
    assert pairs.tolist() == [[3, 40], [11, 41], [27, 42]]


def test_what_features_think_alike_is_told_apart_by_its_looks():
    pictures = [scene(seed) for seed in range(40)]
    features = features_of(pictures)
    features[39] = features[0] * 1.01
    near = nearest(features)
    assert near.rows[0, 0] == 39
    assert not len(find_pairs(near, [str(row) for row in range(40)], pictures.__getitem__))


def test_equal_files_are_copies_whatever_their_features():
    digests = ["a", "b", "a", "c", "b", "a"]
    alone = Neighbours(np.zeros((6, 0), np.int32), np.zeros((6, 0), np.float32))
    pairs = find_pairs(alone, digests, lambda row: pytest.fail("no need to look"))
    groups = group(pairs, digests, ["x", "y", "x", "z", "z", None])
    assert [(one.rows, one.exact, one.conflicting) for one in groups] == [
        ((1, 4), True, True),
        ((0, 2, 5), True, False),
    ]


def test_more_copies_than_neighbours_are_one_group():
    pictures = [scene(0)] * 30 + [scene(seed) for seed in range(1, 40)]
    rng = np.random.default_rng(0)
    features = features_of(pictures)
    features += rng.normal(scale=1e-3, size=features.shape).astype(np.float32)
    digests = [str(row) for row in range(len(pictures))]
    (one,) = group(find_pairs(nearest(features), digests, pictures.__getitem__), digests, digests)
    assert one.rows == tuple(range(30))


def test_neighbours_are_the_nearest_by_cosine():
    rng = np.random.default_rng(0)
    x = rng.random((120, 300), dtype=np.float32)
    found = nearest(x, count=5)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -1)
    best = np.sort(cosine, axis=1)[:, ::-1][:, :5]
    np.testing.assert_allclose(found.similarities, best, atol=0.02)
    assert (found.rows != np.arange(120)[:, None]).all()
    picked = np.take_along_axis(cosine, found.rows.astype(np.intp), axis=1)
    np.testing.assert_allclose(found.similarities, picked, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_images_have_few_neighbours(n):
    found = nearest(np.eye(n, 4, dtype=np.float32))
    assert found.rows.shape == (n, n - 1)
    assert len(oddness(found)) == n


def test_a_search_that_was_stopped_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("air_core.duplicates.neighbours._BLOCK", 16)
    x = np.random.default_rng(0).random((64, 8), dtype=np.float32)
    whole = nearest(x)

    def stop(done, total, note):
        if done >= 32:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        nearest(x, partial=tmp_path, progress=stop)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(kept) == 2
    again = nearest(x, partial=tmp_path)
    np.testing.assert_array_equal(again.rows, whole.rows)
    assert all((tmp_path / name).stat().st_mtime_ns == then for name, then in kept.items())


def test_the_odd_one_is_far_from_all_others():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 20)).astype(np.float32) * 0.1 + 1
    x[17] = -x[17]
    assert oddness(nearest(x)).argmax() == 17


def test_hashes_of_a_mirrored_picture_meet():
    looks = look_at([0, 1], [scene(1), ImageOps.mirror(scene(1))].__getitem__)
    assert looks.distances(np.array([0]), np.array([1])) <= 2
    looks = look_at([0, 1], [scene(1), scene(2)].__getitem__)
    assert looks.distances(np.array([0]), np.array([1])) > 14
