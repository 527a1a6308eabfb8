from __future__ import annotations

import contextlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from air_core.errors import ExportError, SourceError
from air_core.formats.plain_pickle import Placed, read_pickle, write_pickle

PIXELS = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
BATCH: dict[str, Any] = {
    "batch_label": "training batch 1 of 5",
    "labels": [6, 9, 255, 0],
    "data": PIXELS,
    "filenames": ["a_s_000004.png", "b.png", "ü.png", "d" * 300],
    "num": 70_000,
}


def same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return list(left) == list(right) and all(
        np.array_equal(left[key], right[key]) if key == "data" else left[key] == right[key]
        for key in left
    )


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("in_bytes", [False, True])
def test_reads_what_python_writes(protocol: int, in_bytes: bool) -> None:
    content: dict[Any, Any] = dict(BATCH)
    if in_bytes:
        content = {
            key.encode(): [x.encode("latin-1") for x in value] if key == "filenames" else value
            for key, value in BATCH.items()
        }
    found = read_pickle(pickle.dumps(content, protocol), "x")
    assert same(found, BATCH)


def test_other_python_loads_what_we_write() -> None:
    data = write_pickle(BATCH)
    assert same(pickle.loads(data, encoding="latin1"), BATCH)  # noqa: S301 (ours)
    assert same(read_pickle(data, "x"), BATCH)
    loaded = pickle.loads(data, encoding="bytes")  # noqa: S301 (ours)
    assert loaded[b"batch_label"] == b"training batch 1 of 5"
    assert loaded[b"data"].flags.c_contiguous


def test_labels_know_where_they_stand() -> None:
    for data in (write_pickle(BATCH), pickle.dumps(BATCH, 2), pickle.dumps(BATCH, 5)):
        label = read_pickle(data, "x")["labels"][2]
        assert isinstance(label, Placed)
        changed = bytearray(data)
        changed[label.at] = 7
        assert read_pickle(bytes(changed), "x")["labels"] == [6, 9, 7, 0]


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_nothing_in_a_pickle_is_run(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "ran"
    with pytest.raises(SourceError, match="asks to call 'system'"):
        read_pickle(pickle.dumps({"data": Evil(marker)}, protocol), "x")
    assert not marker.exists()


def test_a_pickle_cannot_make_us_reserve_memory() -> None:
    with pytest.raises(SourceError):
        read_pickle(b"\x80\x02}r\xff\xff\xff\xff(U\x01aX\xff\xff\xff\x7fabu.", "x")
    # A place in the memo that the C reader would reserve gigabytes for.
    assert read_pickle(b"\x80\x02}r\xff\xff\xff\x7f.", "x") == {}


@pytest.mark.parametrize(
    "content", [[1], "x", {"a": np.zeros(3)}, {"a": {1, 2}}, {"a": Exception}, {1: 2}]
)
def test_other_content_is_refused(content: object) -> None:
    with pytest.raises(SourceError, match="Expected x to be a pickled dictionary"):
        read_pickle(pickle.dumps(content, 2), "x")


def test_what_cannot_be_written_back_is_named() -> None:
    with pytest.raises(ExportError, match="dict at 'a'"):
        write_pickle({"a": {}})


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x80\x02}(U\x01aK\x01u.")
def test_no_bytes_make_it_fail(data: bytes) -> None:
    with contextlib.suppress(SourceError):
        read_pickle(data, "x")


@given(st.integers(0, 400), st.binary(min_size=1, max_size=4))
@example(151, b"\\")  # an escape that does not exist
def test_no_damage_makes_it_fail(at: int, new: bytes) -> None:
    data = bytearray(pickle.dumps(BATCH, 2))
    data[at : at + len(new)] = new
    with contextlib.suppress(SourceError):
        read_pickle(bytes(data), "x")
