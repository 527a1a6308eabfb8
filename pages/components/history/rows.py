"""Events as the trail shows them: what happened, and which of it still holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from air_core.labels import Assignment, Event, LabelEvent
from air_core.reviewers import Reviews

ACTIONS = {
    "keep": "Keep",
    "relabel": "Relabel",
    "exclude": "Leave out",
    "unsure": "Unsure",
    "undo": "Undo",
    "assign": "Assign",
}
TASKS = {
    "review": "to review",
    "second": "for a second opinion",
    "sample": "as part of a random sample",
    "adjudication": "to settle a conflict",
}
HIDDEN = "hidden until you have judged it"


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the trail.

    Parameters
    ----------
    event : int
    item : str
    path : str
        As in the source; the item id where the image is not in this workspace.
    known : bool
        Whether it is.
    time : str
        UTC, ISO 8601.
    reviewer : str
        Who acted.
    action, change, state, why : str
        In words.
    standing : bool
        Whether it can be taken back.
    faded : bool
        Whether it no longer counts.
    """

    event: int
    item: str
    path: str
    known: bool
    time: str
    reviewer: str
    action: str
    change: str
    state: str
    why: str
    standing: bool
    faded: bool


class Trail:
    """What reviewers have done, for one who looks at it.

    Parameters
    ----------
    reviews : Reviews
    reader : str
        Who looks. What others said of images that the reader was asked to judge without knowing
        of them is hidden.

    Attributes
    ----------
    blind : set of str
        Those images.
    """

    def __init__(self, reviews: Reviews, reader: str) -> None:
        self.reviews, self._reader = reviews, reader
        waiting = reviews.queue(reader)
        self.blind = {task.item_id for task in waiting if task.task != "adjudication"}
        of_item = reviews.verdicts.adjudications.values()
        self._settling = {event.event_id for by in of_item for event in by.values()}

    def hides(self, event: Event) -> bool:
        """Whether the reader must not know of it yet."""
        return (
            isinstance(event, LabelEvent)
            and event.item_id in self.blind
            and event.reviewer != self._reader
        )

    def settles(self, event: Event) -> bool:
        """Whether it is an adjudication that stands, an unsure one as well."""
        return event.event_id in self._settling

    def actor(self, event: Event) -> str:
        """Who acted: who assigned, or who decided."""
        return event.assigned_by if isinstance(event, Assignment) else event.reviewer

    def path_of(self, event: Event) -> str:
        """The file that an event is about."""
        dataset, item = self.reviews.dataset, event.item_id
        return dataset.paths[dataset.row_of(item)] if item in dataset else item

    def row(self, event: Event) -> Row:
        """The event in words."""
        shown = self._assignment(event) if isinstance(event, Assignment) else self._label(event)
        return Row(
            event=event.event_id,
            item=event.item_id,
            path=self.path_of(event),
            known=event.item_id in self.reviews.dataset,
            time=event.created_at,
            reviewer=self.actor(event),
            **shown,
        )

    def _assignment(self, event: Assignment) -> dict[str, Any]:
        done = self.reviews.is_done(event)
        return {
            "action": ACTIONS["assign"],
            "change": f"{event.reviewer}, {TASKS[event.task]}",
            "state": "done" if done else "waiting",
            "why": "" if event.population is None else f"drawn from {event.population:,}",
            "standing": False,
            "faded": False,
        }

    def _label(self, event: LabelEvent) -> dict[str, Any]:
        timeline = self.reviews.timeline
        stands = timeline.is_active(event.event_id)
        if self.hides(event):
            return {
                "action": "–", "change": HIDDEN, "state": "–", "why": "",
                "standing": False, "faded": False,
            }  # fmt: skip
        state, faded = self._state(event, stands)
        return {
            "action": self._action(event),
            "change": self.change(event),
            "state": state,
            "why": self.why(event),
            "standing": stands,
            "faded": faded,
        }

    def _action(self, event: LabelEvent) -> str:
        if event.undoes is not None:
            return f"Undo #{event.undoes}"
        sure = event.action != "unsure"
        return "Settle" if sure and self.settles(event) else ACTIONS[event.action]

    def _state(self, event: LabelEvent, stands: bool) -> tuple[str, bool]:
        timeline = self.reviews.timeline
        if not stands:
            undo = timeline.taken_back_by(event.event_id)
            return ("undone" if undo is None else f"undone by #{undo.event_id}"), True
        if event.action == "undo":
            return "done", False
        holder = timeline.in_force_for(event.item_id)
        if holder is not None and holder.event_id == event.event_id:
            return "in force", False
        return "replaced", True

    def change(self, event: LabelEvent) -> str:
        """What it did to the label."""
        dataset = self.reviews.dataset
        old = dataset.shown(event.old_label) or "no label"
        new = dataset.shown(event.new_label) or "no label"
        if event.action == "exclude":
            new = "left out"
        return old if old == new else f"{old} → {new}"

    def why(self, event: LabelEvent) -> str:
        """What led to it: reason, detector with score, λ_g."""
        score = "" if event.score is None else f"{event.score:.3f}"
        strength = "" if event.lambda_g is None else f"λ_g {event.lambda_g:.4g}"
        led = [event.reason, f"{event.detector} {score}".strip(), strength]
        return ", ".join(filter(None, led))
