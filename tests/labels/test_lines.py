"""Events as lines of JSON."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from air_core.errors import SourceError
from air_core.labels import (
    Assignment,
    Event,
    LabelEvent,
    LabelStore,
    event_from_json,
    event_to_json,
    read_events,
)
from air_core.labels.assignments import TASKS

texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
decided = st.builds(
    LabelEvent,
    event_id=st.integers(1, 2**31),
    batch_id=texts,
    item_id=texts,
    action=st.sampled_from(["keep", "relabel", "exclude", "unsure", "undo"]),
    old_label=st.none() | texts,
    new_label=st.none() | texts,
    reviewer=texts,
    reason=texts,
    created_at=texts,
    detector=texts,
    score=numbers,
    lambda_g=numbers,
    suggested_label=st.none() | texts,
    run_id=texts,
    undoes=st.none() | st.integers(1, 2**31),
    operation_id=st.none() | texts,
    feature_digest=texts,
    hash=texts,
)
handed_out = st.builds(
    Assignment,
    event_id=st.integers(1, 2**31),
    batch_id=texts,
    item_id=texts,
    reviewer=texts,
    task=st.sampled_from(TASKS),
    assigned_by=texts,
    created_at=texts,
    after_event=st.integers(0, 2**31),
    population=st.none() | st.integers(0, 2**31),
    hash=texts,
)


@given(event=decided | handed_out)
def test_a_line_gives_the_event_back(event: Event) -> None:
    line = event_to_json(event)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert event_from_json(line) == event


def test_a_file_of_lines_gives_the_log_back(filled: LabelStore, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text("".join(event_to_json(event) + "\n" for event in filled.events()))
    assert read_events(file) == filled.events()
    # As the documentation tells anyone to check it, without any of our code.
    previous = "0" * 64
    for line in file.read_text("ascii").splitlines():
        body, stored = line[:-75] + "}", line[-66:-2]
        previous = hashlib.sha256((previous + body).encode()).hexdigest()
        assert previous == stored


def broken(**changes: object) -> str:
    event = LabelEvent(
        1, "b", "i", "keep", None, None, "r", "", "t", "", 0.5, None, None, "", None, None
    )
    return json.dumps({**dataclasses.asdict(event), **changes})


def misassigned(**changes: object) -> str:
    made = Assignment(1, "b", "i", "r", "review", "l", "t", 0)
    return json.dumps({**dataclasses.asdict(made), **changes})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "Expected an event as JSON"),
        ("[" * 100_000, "Expected an event as JSON"),
        ('{"score": NaN}', "NaN is no number"),
        ('{"score": 1' + "0" * 5000 + "}", "Expected an event"),
        ("[]", "Expected an event with the fields event_id, .* got list"),
        ('{"event_id": 1}', "got event_id"),
        (broken(path="x"), "got .*path"),
        (broken(event_id="1"), "as event_id of an event, got '1'"),
        (broken(event_id=True), "as event_id of an event, got True"),
        (broken(score="high"), "as score of an event"),
        (broken(reviewer=None), "as reviewer of an event, got None"),
        (broken(action="delete"), "keep, relabel, exclude, unsure, undo, got 'delete'"),
        (misassigned(task="burn"), "review, second, sample, adjudication, got 'burn'"),
        (misassigned(new_label="cat"), "got .*new_label"),
        (misassigned(after_event=None), "as after_event of an event"),
        (misassigned(action="keep"), "with the fields event_id, .*old_label"),
    ],
)
def test_what_is_no_event_is_said(line: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text(f"{broken()}\n\n{line}\n")
    with pytest.raises(SourceError, match=f"line 3: .*{said}"):
        read_events(file)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        read_events(tmp_path / "absent.jsonl")
    (tmp_path / "picture.jsonl").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(SourceError, match="cannot be read"):
        read_events(tmp_path / "picture.jsonl")
