"""Reviewers' decisions: an append-only log of label events.

:class:`LabelStore` is loaded on first use, so that importing the records alone stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from air_core.labels.assignments import Assignment, Event
from air_core.labels.chain import Verification
from air_core.labels.lines import event_from_json, event_to_json, read_events
from air_core.labels.models import (
    ACTIONS,
    Action,
    Decision,
    EventAction,
    LabelEvent,
    StaleLabelError,
)

if TYPE_CHECKING:
    from air_core.labels.store import LabelStore

__all__ = [
    "ACTIONS",
    "Action",
    "Assignment",
    "Decision",
    "Event",
    "EventAction",
    "LabelEvent",
    "LabelStore",
    "StaleLabelError",
    "Verification",
    "event_from_json",
    "event_to_json",
    "read_events",
]


def __getattr__(name: str) -> Any:
    if name == "LabelStore":
        from air_core.labels.store import LabelStore

        return LabelStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
