"""Whether a copied log belongs to a workspace."""

from __future__ import annotations

from collections.abc import Sequence

from air_core.errors import DecisionError
from air_core.labels import Event, LabelEvent
from air_core.workspace import Workspace


def check_fit(workspace: Workspace, events: Sequence[Event]) -> None:
    """Refuse a log of other images or other classes: once in, it cannot be taken out.

    Raises
    ------
    DecisionError
        If none of its images is in the workspace, or a new label is none of its classes.
    """
    if events and not any(event.item_id in workspace.dataset for event in events):
        raise DecisionError(
            "Expected a log of these images, got none of them in it.",
            hint="Restore it into a workspace of the images that it was made of.",
        )
    for event in events:
        if isinstance(event, LabelEvent) and event.action == "relabel" and event.new_label:
            known = event.item_id not in workspace.dataset
            if not known and workspace.stored_label(event.new_label) != event.new_label:
                raise DecisionError(
                    f"Expected labels as this workspace writes them, got {event.new_label!r} in "
                    f"event {event.event_id}.",
                    hint="Open the source as it was opened then: one label an image, or several.",
                )
