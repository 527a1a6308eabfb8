"""What to do next: the steps of an audit, in order, and how far each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import streamlit as st

State = Literal["done", "now", "running", "later"]
Action = Literal["audit", "facts", "explore.py", "copies", "worst", "review.py", "export.py"]

WORST = 50
"""So many of the worst labels are the first stretch of a review."""

_MARKS: dict[State, str] = {
    "done": ":green[:material/check_circle:]",
    "now": ":primary[:material/radio_button_checked:]",
    "running": ":primary[:material/hourglass_top:]",
    "later": ":gray[:material/radio_button_unchecked:]",
}


@dataclass(frozen=True, slots=True)
class Status:
    """How far an audit is; everything is counted, nothing is assumed.

    Parameters
    ----------
    images, quarantined : int
    features, ranked, checked, mapped : bool
        Whether features, a ranking, estimates and copies, and a map of the present images exist.
    auditing, checking : bool
        Whether the jobs that make them run.
    conflicts, conflicts_left : int
        Groups of copies with conflicting labels, and those with an image not decided on.
    flagged, worst, worst_left : int
        Labels that the ranking questions; how many of these the first stretch of the review
        has, and how many are left of it.
    decided : int
        Images with a decision.
    advice : str
        What the stopping rule says; empty before it can.
    stop : bool
        Whether it says that the review may stop.
    """

    images: int
    quarantined: int = 0
    features: bool = False
    ranked: bool = False
    checked: bool = False
    mapped: bool = False
    auditing: bool = False
    checking: bool = False
    conflicts: int = 0
    conflicts_left: int = 0
    flagged: int = 0
    worst: int = 0
    worst_left: int = 0
    decided: int = 0
    advice: str = ""
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the list."""

    title: str
    text: str
    state: State
    button: str = ""
    action: Action | None = None


class _Line(NamedTuple):
    title: str
    text: str
    done: bool
    button: str = ""
    action: Action | None = None


def steps(status: Status) -> list[Step]:
    """The steps of an audit in order; the first that is open is the one to take now.

    Examples
    --------
    >>> [step.state for step in steps(Status(images=9))][:3]
    ['done', 'now', 'later']
    """
    ranked = status.ranked
    seen = status.worst - status.worst_left
    plan = [
        _imported(status),
        _Line(
            "Compute features", "What a pretrained network sees in each image.",
            status.features, "Start the audit", "audit",
        ),
        _Line(
            "Rank the labels",
            f"{status.flagged:,} labels are questioned."
            if ranked
            else "AIR, the SVM and the consensus.",
            ranked, "Start the audit", "audit",
        ),
        _Line(
            "Estimate the noise, find copies",
            "How many labels are wrong, and which pictures are there twice.",
            status.checked, "Estimate and search", "facts",
        ),
        _Line(
            "Look at the map", "Classes that mix, and images far from their own.",
            status.mapped, "Open the map", "explore.py",
        ),
        *_conflicts(status),
        _Line(
            f"Review the worst {status.worst or WORST}",
            f"{seen} of {status.worst} decided." if ranked else "One key decides about each.",
            ranked and not status.worst_left,
            "Go on reviewing" if seen else "Start reviewing", "worst",
        ),
        _Line(
            "Go on until few errors are left",
            status.advice or "The stopping rule says how many are likely to be left.",
            status.stop, "Go on reviewing", "review.py",
        ),
        _Line(
            "Export the cleaned labels", "Your own file again, different where you decided.",
            False, "Export the cleaned labels", "export.py",
        ),
    ]  # fmt: skip
    return _in_order(plan, status)


def _imported(status: Status) -> _Line:
    aside = f", {status.quarantined:,} set aside" if status.quarantined else ""
    return _Line("Open the images", f"{status.images:,} images{aside}.", True)


def _conflicts(status: Status) -> list[_Line]:
    if not status.conflicts:
        return []
    settled = status.conflicts - status.conflicts_left
    return [
        _Line(
            "Settle copies with conflicting labels",
            f"{settled} of {status.conflicts} groups settled.",
            not status.conflicts_left, "Review these copies", "copies",
        )
    ]  # fmt: skip


def _in_order(plan: list[_Line], status: Status) -> list[Step]:
    running = {"audit": status.auditing, "facts": status.checking}
    busy = status.auditing or status.checking
    taken, found = False, []
    for title, text, done, button, action in plan:
        state: State = "done" if done else "later"
        if not done and not taken:
            state, taken = ("running" if running.get(action or "", busy) else "now"), True
        found.append(Step(title, text, state, button, action))
    return found


def draw_checklist(found: list[Step]) -> Step | None:
    """Draw the steps with one primary button; returns the step that was asked for."""
    asked = None
    with st.container(border=True, key="air-checklist", gap="small", height="stretch"):
        st.header("What to do next", anchor=False)
        # What is done takes little room: it is the least interesting.
        with st.container(horizontal=True, gap="small"):
            for step in found:
                if step.state == "done":
                    st.markdown(f"{_MARKS['done']} {step.title}", width="content")
        for number, step in enumerate(found):
            if step.state != "done":
                asked = _draw_step(number, step) or asked
    return asked


def _draw_step(number: int, step: Step) -> Step | None:
    mark = _MARKS[step.state]
    if step.state == "later":
        st.markdown(f"{mark} {step.title} &nbsp; :gray[{step.text}]")
        return None
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        running = " It is running; its progress is above." if step.state == "running" else ""
        st.markdown(f"{mark} **{step.title}**  \n:gray[{step.text}{running}]", width="stretch")
        if step.state == "now" and st.button(step.button, key=f"air-step-{number}", type="primary"):
            return step
    return None
