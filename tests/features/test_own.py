"""Features that somebody brings along: shapes and rows are checked, order belongs to the images."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from air_core.errors import FeatureError
from air_core.features.own import own_features

PATHS = ("a.png", "b.png", "c.png")
DIGESTS = ("0a", "0b", "0c")
ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)


def read(file, folder, **options):
    return own_features(file, PATHS, DIGESTS, folder, **options).array


def test_an_array_is_taken_in_the_order_of_the_images(tmp_path):
    np.save(tmp_path / "x.npy", ROWS.astype(np.float64))
    got = read(tmp_path / "x.npy", tmp_path / "f")
    np.testing.assert_array_equal(got, ROWS)
    assert got.dtype == np.float32
    assert isinstance(got, np.memmap)


@pytest.mark.parametrize("kind", ["npz", "lists", "columns"])
def test_rows_with_paths_are_put_in_the_order_of_the_images(tmp_path, kind):
    turned, names = ROWS[::-1], PATHS[::-1]
    file = tmp_path / f"x.{'npz' if kind == 'npz' else 'parquet'}"
    if kind == "npz":
        np.savez(file, features=turned, paths=np.array(names))
    elif kind == "lists":
        pq.write_table(pa.table({"path": names, "x": turned.tolist()}), file)
    else:
        pq.write_table(pa.table({"path": names} | {f"x{i}": turned[:, i] for i in range(4)}), file)
    np.testing.assert_array_equal(read(file, tmp_path / "f"), ROWS)


def test_another_file_is_not_taken_for_the_first(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    np.save(tmp_path / "y.npy", ROWS + 1)
    read(tmp_path / "x.npy", tmp_path / "f")
    np.testing.assert_array_equal(read(tmp_path / "y.npy", tmp_path / "f"), ROWS + 1)


def test_half_precision_is_kept_where_it_was_asked_for(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    assert read(tmp_path / "x.npy", tmp_path / "f", store="float16").dtype == np.float16


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS[:2], r"Expected 3 rows in x\.npy, one for each image, got 2"),
        (ROWS[0], r"shape \(n, p\)"),
        (np.array([["a"]] * 3), "Expected numbers"),
        (np.where(ROWS == 5, np.nan, ROWS), r"NaN or infinity for b\.png"),
        (np.array([[None]] * 3), "without pickled objects"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, rows, said):
    np.save(tmp_path / "x.npy", rows)
    with pytest.raises(FeatureError, match=said):
        read(tmp_path / "x.npy", tmp_path / "f")


def test_a_number_too_large_for_half_precision_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", ROWS * 1e5)
    with pytest.raises(FeatureError, match="Store them as float32"):
        read(tmp_path / "x.npy", tmp_path / "f", store="float16")
    np.testing.assert_array_equal(read(tmp_path / "x.npy", tmp_path / "f"), ROWS * np.float32(1e5))


def test_an_image_without_a_row_is_named(tmp_path):
    np.savez(tmp_path / "x.npz", features=ROWS[:2], paths=np.array(PATHS[:2]))
    with pytest.raises(FeatureError, match=r"1 have none: c\.png"):
        read(tmp_path / "x.npz", tmp_path / "f")


def test_lists_of_different_lengths_are_refused(tmp_path):
    pq.write_table(
        pa.table({"path": PATHS, "x": [[1.0], [1.0, 2.0], [1.0]]}), tmp_path / "x.parquet"
    )
    with pytest.raises(FeatureError, match="different lengths"):
        read(tmp_path / "x.parquet", tmp_path / "f")


def test_damage_and_other_kinds_are_refused(tmp_path):
    for name, said in (
        ("x.npy", "got: "),
        ("x.txt", r"\.npy, \.npz, \.parquet"),
        ("y.npz", "got: "),
    ):
        (tmp_path / name).write_bytes(b"nonsense")
        with pytest.raises(FeatureError, match=said):
            read(tmp_path / name, tmp_path / "f")
    with pytest.raises(FeatureError, match="found none"):
        read(tmp_path / "absent.npy", tmp_path / "f")
