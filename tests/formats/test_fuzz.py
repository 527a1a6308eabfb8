"""Broken files of every format: a clear refusal or a listing, never a traceback or a hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from air_core.formats import FORMAT_TITLES, get_format
from benchmarks.format_fuzz import Outcome, fuzz
from benchmarks.format_samples import workspace_of, write_sample


def broken(tmp_path: Path, format: str, inputs: int) -> Outcome:
    workspace = workspace_of(tmp_path, multilabel=False, grey=format == "mnist")
    sample = write_sample(workspace, format, tmp_path / "sample")
    (tmp_path / "scratch").mkdir()
    return fuzz(format, sample, tmp_path / "scratch", inputs=inputs)


@pytest.mark.parametrize("format", FORMAT_TITLES)
def test_broken_files_are_refused_in_words(tmp_path: Path, format: str) -> None:
    outcome = broken(tmp_path, format, 40)
    assert (outcome.inputs, outcome.failures) == (40, [])


def test_the_fuzzer_notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(source: Path, options: object) -> None:
        (tmp_path / "elsewhere.txt").write_text("x")
        raise KeyError("label")

    monkeypatch.setattr(get_format("csv"), "read", careless)
    failures = broken(tmp_path, "csv", 2).failures
    assert any("KeyError" in failure for failure in failures)
    assert any("touched" in failure and "elsewhere.txt" in failure for failure in failures)
