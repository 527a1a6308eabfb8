"""Events as lines of JSON, for ``audit.jsonl`` and for the chain of hashes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from air_core.errors import SourceError
from air_core.labels.assignments import TASKS, Assignment, Event
from air_core.labels.models import EventAction, LabelEvent

_NAMES = {kind: tuple(f.name for f in fields(kind)) for kind in (LabelEvent, Assignment)}
_TYPES = {
    LabelEvent: {**get_type_hints(LabelEvent), "action": str},
    Assignment: {**get_type_hints(Assignment), "action": str, "task": str},
}
_CHOICES: dict[type, tuple[str, tuple[str, ...]]] = {
    LabelEvent: ("action", get_args(EventAction)),
    Assignment: ("task", TASKS),
}


def content(event: Event) -> dict[str, Any]:
    """What is hashed: every field in order but the hash."""
    return {name: getattr(event, name) for name in _NAMES[type(event)] if name != "hash"}


def line_of(values: Mapping[str, object]) -> str:
    """Values as one line of JSON in ASCII."""
    # What somebody has put into the database by hand may be of any type.
    return json.dumps(values, separators=(",", ":"), default=str)


def event_to_json(event: Event) -> str:
    """One line of ``audit.jsonl`` in ASCII, without the line end.

    Examples
    --------
    >>> line = event_to_json(LabelEvent(
    ...     1, "b1", "a1", "keep", "cat", "cat", "ana", "", "2026-01-01T00:00:00.000+00:00", "air",
    ...     0.25, None, None, "", None, None))
    >>> event_from_json(line).reviewer
    'ana'
    """
    return line_of({**content(event), "hash": event.hash})


def event_from_json(line: str) -> Event:
    """The event of a line; exactly what :func:`event_to_json` was given.

    Raises
    ------
    SourceError
        If it is no event.
    """
    try:
        values = json.loads(line, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"Expected an event as JSON, got {line[:80]!r}: {error}.") from None
    assigns = isinstance(values, dict) and values.get("action") == "assign"
    kind = Assignment if assigns else LabelEvent
    names = _NAMES[kind]
    if not isinstance(values, dict) or set(values) != set(names):
        got = ", ".join(values) if isinstance(values, dict) else type(values).__name__
        raise SourceError(
            f"Expected an event with the fields {', '.join(names)}, got {got[:400]}.",
            hint="Pass an audit.jsonl as air-audit wrote it.",
        )
    for name, wanted in _TYPES[kind].items():
        value = values[name]
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise SourceError(f"Expected {wanted} as {name} of an event, got {value!r:.80}.")
    name, allowed = _CHOICES[kind]
    if values[name] not in allowed:
        raise SourceError(
            f"Expected {name} to be one of {', '.join(allowed)}, got {values[name]!r:.80}."
        )
    if assigns:
        del values["action"]
    return kind(**values)


def read_events(path: Path) -> list[Event]:
    """The events of an ``audit.jsonl``.

    Raises
    ------
    SourceError
        If it cannot be read or a line is no event; the line is named.
    """
    try:
        lines = path.read_text("ascii").split("\n")
    except (OSError, UnicodeError) as error:
        raise SourceError(f"Expected an audit.jsonl, {path} cannot be read: {error}.") from None
    events = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                events.append(event_from_json(line))
            except SourceError as error:
                raise SourceError(
                    f"{path}, line {number}: {error.message}", hint=error.hint
                ) from None
    return events


def _constant(name: str) -> float:
    if name == "NaN":
        raise ValueError("NaN is no number")
    return float(name)
