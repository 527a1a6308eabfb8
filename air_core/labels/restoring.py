"""A copied log goes back into a database as it is."""

from __future__ import annotations

from collections.abc import Sequence

from air_core.errors import DecisionError
from air_core.labels.assignments import Event
from air_core.labels.chain import breaks
from air_core.labels.mirror import Mirror


def restore(mirror: Mirror, events: Sequence[Event]) -> int:
    """Write what a log lacks of a copy; see :meth:`air_core.labels.store.LabelStore.restore`."""
    damage = next(breaks(events), None)
    if damage is not None:
        raise DecisionError(f"Expected an unchanged log. {damage}", hint="Take another copy of it.")
    with mirror.writing() as (write, timeline):
        known = list(timeline.everything.values())
        if known[: len(events)] != list(events[: len(known)]):
            raise DecisionError(
                f"Expected an empty log or the beginning of the same one, got one of "
                f"{len(known)} other events.",
                hint="Restore into a new workspace.",
            )
        write.copy(events[len(known) :])
    return max(0, len(events) - len(known))
