"""Finished parts are kept by their settings; what was in progress is computed again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reproduce.parts import Parts, digest_of

ROOT = Path(__file__).resolve().parents[2]
KILLED = """
import os, pathlib, sys
from benchmarks.reproduce.parts import Parts
parts = Parts(pathlib.Path(sys.argv[1]))
parts.get("one", {"n": 1}, lambda: {"value": 1})
parts.get("two", {"n": 2}, lambda: os.kill(os.getpid(), 9))
"""


def refuse():
    raise AssertionError("computed again")


def test_a_part_is_computed_once(tmp_path):
    first = Parts(tmp_path)
    made = first.get("p", {"n": 1}, lambda: {"x": np.arange(3.0), "note": "ℓ2", "ok": True})
    second = Parts(tmp_path)
    kept = second.get("p", {"n": 1}, refuse)
    assert np.array_equal(kept["x"], made["x"])
    assert (kept["note"], kept["ok"]) == ("ℓ2", True)
    assert (first.computed, second.computed, second.done) == (1, 0, 1)
    assert second.seconds == first.seconds > 0


def test_other_settings_make_another_part(tmp_path):
    parts = Parts(tmp_path)
    values = [parts.get("p", {"n": n}, lambda n=n: {"v": n})["v"] for n in (1, 2, 1)]
    assert (values, parts.computed) == ([1, 2, 1], 2)


def test_a_damaged_part_is_computed_again(tmp_path):
    Parts(tmp_path).get("p", {}, lambda: {"v": 1})
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:40])
    assert Parts(tmp_path).get("p", {}, lambda: {"v": 2})["v"] == 2


def test_a_failed_part_leaves_nothing(tmp_path):
    with pytest.raises(AssertionError):
        Parts(tmp_path).get("p", {}, refuse)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_parts(tmp_path):
    told = []
    parts = Parts(tmp_path, lambda *step: told.append(step), "Table", total=2)
    for n in range(2):
        parts.get("p", {"n": n}, lambda: {})
    assert told == [(0, 2, "Table"), (1, 2, "Table"), (1, 2, "Table"), (2, 2, "Table")]


@pytest.mark.slow
def test_a_kill_loses_the_part_in_progress_only(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], cwd=ROOT)
    assert done.returncode == -9
    parts = Parts(tmp_path)
    assert parts.get("one", {"n": 1}, refuse)["value"] == 1
    assert parts.get("two", {"n": 2}, lambda: {"value": 2})["value"] == 2


def test_digests_tell_shapes_and_types_apart():
    x = np.zeros((2, 3))
    found = {digest_of(x), digest_of(x.T), digest_of(x.astype(np.float32)), digest_of(x, x)}
    assert len(found) == 4
