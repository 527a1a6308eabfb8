"""Events as lines of JSON, each with a hash that depends on all lines before it.

The line of an event ends with its hash, and ``hash = SHA-256(previous hash + line without hash)``
in hexadecimal. The hash before the first event is 64 zeros. Whoever changes, removes or inserts an
event has to write every later one anew, and then no longer agrees with any copy made before. Events
cut off the end leave a chain that is whole: the number of the last in the database shows it, and
against whoever can change that too, only a copy kept elsewhere.

To check an ``audit.jsonl`` without this program::

    previous = "0" * 64
    for line in Path("audit.jsonl").read_text("ascii").splitlines():
        body, given = line[:-75] + "}", line[-66:-2]
        previous = hashlib.sha256((previous + body).encode()).hexdigest()
        assert previous == given
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from air_core.errors import SourceError
from air_core.labels.models import EventAction, LabelEvent

GENESIS = "0" * 64

_NAMES = tuple(field.name for field in fields(LabelEvent))
_KINDS = {**get_type_hints(LabelEvent), "action": str}


def event_to_json(event: LabelEvent) -> str:
    """One line of ``audit.jsonl`` in ASCII, without the line end.

    Examples
    --------
    >>> line = event_to_json(LabelEvent(
    ...     1, "b1", "a1", "keep", "cat", "cat", "ana", "", "2026-01-01T00:00:00.000+00:00", "air",
    ...     0.25, None, None, "", None, None))
    >>> event_from_json(line).reviewer
    'ana'
    """
    return _line({name: getattr(event, name) for name in _NAMES})


def event_from_json(line: str) -> LabelEvent:
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
    if not isinstance(values, dict) or set(values) != set(_NAMES):
        got = ", ".join(values) if isinstance(values, dict) else type(values).__name__
        raise SourceError(
            f"Expected an event with the fields {', '.join(_NAMES)}, got {got[:400]}.",
            hint="Pass an audit.jsonl as air-audit wrote it.",
        )
    for name, kind in _KINDS.items():
        value = values[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise SourceError(f"Expected {kind} as {name} of an event, got {value!r:.80}.")
    if values["action"] not in get_args(EventAction):
        raise SourceError(
            f"Expected an action among {', '.join(get_args(EventAction))}, "
            f"got {values['action']!r:.80}."
        )
    return LabelEvent(**values)


def read_events(path: Path) -> list[LabelEvent]:
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


def link(previous: str, values: Mapping[str, object]) -> str:
    """Hash of an event.

    Parameters
    ----------
    previous : str
        Hash of the event before it.
    values : mapping of str to object
        All its fields but the hash, in order.
    """
    return hashlib.sha256((previous + _line(values)).encode()).hexdigest()


def breaks(events: Iterable[LabelEvent]) -> Iterator[str]:
    """Say where a log is not what was written: one sentence for each place.

    Parameters
    ----------
    events : iterable of LabelEvent
        The whole log, oldest first.
    """
    last, previous = 0, GENESIS
    items: dict[int | None, str] = {}
    for event in events:
        if event.event_id > last + 1:
            yield _missing(last + 1, event.event_id - 1)
        elif event.event_id <= last:
            yield f"Event {event.event_id} stands after event {last}."
        elif event.hash != link(previous, _hashed(event)):
            before = f" does not follow from event {last}: one of the two" if last else ""
            yield f"Event {event.event_id}{before} was changed."
        if event.undoes is not None and items.get(event.undoes) != event.item_id:
            yield f"Event {event.event_id} takes back event {event.undoes}, which it cannot."
        items[event.event_id] = event.item_id
        last, previous = event.event_id, event.hash


@dataclass(frozen=True, slots=True)
class Head:
    """Number and hash of the newest event; 0 and zeros before the first."""

    event_id: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of a log found.

    Attributes
    ----------
    events : int
        How many there are.
    head : str
        Hash of the newest. Note it elsewhere to check the log against it later.
    problems : tuple of str
        One sentence each; empty if the log is what was written.
    """

    events: int
    head: str
    problems: tuple[str, ...]


def verify(
    events: Sequence[LabelEvent],
    head: Head,
    against: Sequence[LabelEvent] | str | None = None,
) -> Verification:
    """Check a log against its own hashes, the end it should have and an earlier copy.

    Parameters
    ----------
    events : sequence of LabelEvent
        The whole log, oldest first.
    head : Head
        Where the database says that it ends.
    against : sequence of LabelEvent or str, optional
        An earlier copy, or the hash of an event of one.
    """
    problems = list(breaks(events))
    end = Head(events[-1].event_id, events[-1].hash) if events else Head(0, GENESIS)
    if end.event_id < head.event_id:
        problems.append(_missing(end.event_id + 1, head.event_id))
    elif end != head:
        problems.append(f"The log should end with event {head.event_id} and its hash {head.hash}.")
    if isinstance(against, str):
        if against not in {GENESIS, *(event.hash for event in events)}:
            problems.append(f"No event has the hash {against}: this is not a continuation.")
    elif against is not None:
        problems += _differences(events, against)
    return Verification(len(events), end.hash, tuple(problems))


def _differences(events: Sequence[LabelEvent], copy: Sequence[LabelEvent]) -> Iterator[str]:
    known = {event.event_id: event for event in events}
    for event in copy:
        if event.event_id not in known:
            yield f"Event {event.event_id} of the copy is missing."
        elif event != known[event.event_id]:
            yield f"Event {event.event_id} differs from the copy."


def _missing(first: int, last: int) -> str:
    return (
        f"Event {first} is missing." if first == last else f"Events {first} to {last} are missing."
    )


def _hashed(event: LabelEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in _NAMES if name != "hash"}


def _line(values: Mapping[str, object]) -> str:
    # What somebody has put into the database by hand may be of any type.
    return json.dumps(values, separators=(",", ":"), default=str)


def _constant(name: str) -> float:
    if name == "NaN":
        raise ValueError("NaN is no number")
    return float(name)
