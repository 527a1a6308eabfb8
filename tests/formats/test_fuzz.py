"""Broken files of every format: a clear refusal or a listing, never a traceback or a hang."""

from __future__ import annotations

from pathlib import Path

import pytest

from air_core.formats import FORMAT_TITLES, get_format
from benchmarks.format_fuzz import fuzz
from benchmarks.format_samples import workspace_of, write_sample


def sample_of(tmp_path: Path, format: str) -> Path:
    workspace = workspace_of(tmp_path, multilabel=False, grey=format == "mnist")
    (tmp_path / "scratch").mkdir()
    return write_sample(workspace, format, tmp_path / "sample")


@pytest.mark.parametrize("format", FORMAT_TITLES)
def test_broken_files_are_refused_in_words(tmp_path: Path, format: str) -> None:
    sample = sample_of(tmp_path, format)
    outcome = fuzz(format, sample, tmp_path / "scratch", inputs=40)
    assert (outcome.inputs, outcome.failures) == (40, [])


def test_the_fuzzer_notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(source: Path, options: object) -> None:
        (tmp_path / "elsewhere.txt").write_text("x")
        raise KeyError("label")

    sample = sample_of(tmp_path, "csv")
    monkeypatch.setattr(get_format("csv"), "read", careless)
    failures = fuzz("csv", sample, tmp_path / "scratch", inputs=2).failures
    assert any("KeyError" in failure for failure in failures)
    assert any("touched" in failure and "elsewhere.txt" in failure for failure in failures)
