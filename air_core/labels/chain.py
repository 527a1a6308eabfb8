"""Each event carries a hash that depends on all events before it.

An event is a decision, an undo or an assignment (:mod:`air_core.labels.lines` says how it is
written), and ``hash = SHA-256(previous hash + line without hash)`` in hexadecimal. The hash before
the first event is 64 zeros. Whoever changes, removes or inserts an event has to write every later
one anew, and then no longer agrees with any copy made before. Events cut off the end leave a chain
that is whole: the number of the last in the database shows it, and against whoever can change that
too, only a copy kept elsewhere.

To check an ``audit.jsonl`` without this program::

    previous = "0" * 64
    for line in Path("audit.jsonl").read_text("ascii").splitlines():
        body, given = line[:-75] + "}", line[-66:-2]
        previous = hashlib.sha256((previous + body).encode()).hexdigest()
        assert previous == given
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from air_core.labels.assignments import Event
from air_core.labels.lines import content, line_of
from air_core.labels.models import LabelEvent

GENESIS = "0" * 64


def link(previous: str, values: Mapping[str, object]) -> str:
    """Hash of an event.

    Parameters
    ----------
    previous : str
        Hash of the event before it.
    values : mapping of str to object
        All its fields but the hash, in order.
    """
    return hashlib.sha256((previous + line_of(values)).encode()).hexdigest()


def breaks(events: Iterable[Event]) -> Iterator[str]:
    """Say where a log is not what was written: one sentence for each place.

    Parameters
    ----------
    events : iterable of LabelEvent or Assignment
        The whole log, oldest first.
    """
    last, previous = 0, GENESIS
    items: dict[int | None, str] = {}
    for event in events:
        if event.event_id > last + 1:
            yield _missing(last + 1, event.event_id - 1)
        elif event.event_id <= last:
            yield f"Event {event.event_id} stands after event {last}."
        elif event.hash != link(previous, content(event)):
            before = f" does not follow from event {last}: one of the two" if last else ""
            yield f"Event {event.event_id}{before} was changed."
        if isinstance(event, LabelEvent):
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
        How many there are: decisions, undos and assignments.
    head : str
        Hash of the newest. Note it elsewhere to check the log against it later.
    problems : tuple of str
        One sentence each; empty if the log is what was written.
    """

    events: int
    head: str
    problems: tuple[str, ...]


def verify(
    events: Sequence[Event],
    head: Head | None,
    against: Sequence[Event] | str | None = None,
) -> Verification:
    """Check a log against its own hashes, the end it should have and an earlier copy.

    Parameters
    ----------
    events : sequence of LabelEvent or Assignment
        The whole log, oldest first.
    head : Head or None
        Where the database says that it ends; None if it does not say so any more.
    against : sequence of LabelEvent or Assignment, or str, optional
        An earlier copy, or the hash of an event of one.
    """
    problems = list(breaks(events))
    end = Head(events[-1].event_id, events[-1].hash) if events else Head(0, GENESIS)
    if head is None:
        problems.append("The record of where the log ends (label_head) is missing or damaged.")
    elif end.event_id < head.event_id:
        problems.append(_missing(end.event_id + 1, head.event_id))
    elif end != head:
        problems.append(f"The log should end with event {head.event_id} and its hash {head.hash}.")
    if isinstance(against, str):
        if against not in {GENESIS, *(event.hash for event in events)}:
            problems.append(f"No event has the hash {against}: this is not a continuation.")
    elif against is not None:
        problems += _differences(events, against)
    return Verification(len(events), end.hash, tuple(problems))


def _differences(events: Sequence[Event], copy: Sequence[Event]) -> Iterator[str]:
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
