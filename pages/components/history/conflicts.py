"""Images on which reviewers differ, one after another, and what settles them."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import streamlit as st

from air_core import pipeline
from air_core.dataset import tags_text
from air_core.decisions import settle
from air_core.errors import AirError
from air_core.labels import Decision
from air_core.reviewers import LEFT_OUT, Conflict, Outcome, Reviews
from air_core.workspace import Workspace
from pages import resources, state
from pages.components.history.rows import Trail
from pages.components.markdown import literal

_AT = "history-conflict"
_UNSURE = "unsure"
_OTHER = "other"
_TABLE = {
    "image": st.column_config.ImageColumn("Image", width="small"),
    "path": st.column_config.TextColumn("File", width="medium"),
    "said": st.column_config.TextColumn("Verdicts", width="medium"),
    "settled": st.column_config.TextColumn("Settled as", width="small"),
    "by": st.column_config.TextColumn("By", width="small"),
    "reason": st.column_config.TextColumn("Reason", width="medium"),
}


def conflicts(workspace: Workspace, reviews: Reviews) -> None:
    """Draw what is open, one image at a time, and what was settled."""
    trail = Trail(reviews, state.reviewer())
    seen = [c for c in reviews.conflicts if c.item_id not in trail.blind]
    waiting = [c for c in seen if c.settled is None]
    settled = [c for c in seen if c.settled is not None]
    hidden = len(reviews.conflicts) - len(seen)
    if hidden:
        st.caption(
            f"{hidden:,} more are hidden from you until you have judged the images yourself.",
        )
    if not seen:
        st.info(
            "Reviewers do not differ about any image. Where two of them say different things of "
            "one, it appears here to be settled.",
            icon=":material/handshake:",
        )
        return
    if waiting:
        _one(workspace, reviews, waiting)
    else:
        st.success(
            "Every conflict is settled. An export by “what was adjudicated” is possible.",
            icon=":material/task_alt:",
        )
    if settled:
        st.subheader(f"{len(settled):,} settled")
        _settled(workspace, settled)
    _open_in_review([c.item_id for c in seen])


def _one(workspace: Workspace, reviews: Reviews, waiting: list[Conflict]) -> None:
    """Draw one open conflict, with the way to the others."""
    dataset = workspace.dataset
    paths = {c.item_id: dataset.paths[dataset.row_of(c.item_id)] for c in waiting}
    items = list(paths)
    if st.session_state.get(_AT) not in paths:
        st.session_state[_AT] = items[0]
    at = items.index(st.session_state[_AT])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        item = st.selectbox(
            f"{len(items):,} open conflict{'s' if len(items) != 1 else ''}", items,
            format_func=paths.get, key=_AT, width=380,
        )  # fmt: skip
        for title, step, icon in (
            ("Previous", -1, ":material/chevron_left:"), ("Next", 1, ":material/chevron_right:"),
        ):  # fmt: skip
            st.button(
                title, icon=icon, on_click=_go, args=(items[(at + step) % len(items)],),
                disabled=len(items) < 2,
            )  # fmt: skip
    conflict = waiting[at]
    with st.container(border=True):
        left, right = st.columns([2, 3], gap="medium")
        with left:
            _picture(workspace, item)
        with right:
            _who_said_what(workspace, reviews, conflict)
            _choose(workspace, conflict)


def _go(item: str) -> None:
    st.session_state[_AT] = item


def _picture(workspace: Workspace, item: str) -> None:
    try:
        st.image(workspace.picture(item, max_side=640), width="stretch")
    except (AirError, OSError):
        st.image(workspace.thumbnail(item), width="stretch")
        st.caption("The file has gone or changed since it was opened; this is its small picture.")


def _who_said_what(workspace: Workspace, reviews: Reviews, conflict: Conflict) -> None:
    dataset = workspace.dataset
    row = dataset.row_of(conflict.item_id)
    given = dataset.shown(dataset.given_text(row)) or "no label"
    facts = [f"Given label **{literal(given)}**"]
    ranking = resources.ranking()
    if ranking is not None:
        suggested = dataset.shown(ranking.suggested_text(row, dataset.class_names)) or "no label"
        who = pipeline.detector_title(ranking.detector)
        facts.append(f"{who} suggests **{literal(suggested)}** ({ranking.confidences[row]:.0%})")
    st.markdown(" · ".join(facts))
    said = reviews.verdicts.reviews[conflict.item_id]
    lines = []
    for who, outcome in conflict.votes.items():
        event = said[who]
        why = f" — {literal(event.reason)}" if event.reason else ""
        when = f":gray[{event.created_at[:16].replace('T', ' ')} UTC]"
        lines.append(f"- **{literal(who)}** says **{shown(workspace, outcome)}**{why} {when}")
    unsure = [who for who, event in said.items() if event.action == "unsure"]
    lines += [f"- **{literal(who)}** is unsure" for who in unsure]
    asked = reviews.verdicts.adjudications.get(conflict.item_id, {})
    lines += [f"- **{literal(who)}** was asked to settle it and is unsure" for who in asked]
    st.markdown("\n".join(lines))


def _choose(workspace: Workspace, conflict: Conflict) -> None:
    """Draw the choice and store it, unless votes have changed since they were shown."""
    votes = Counter(conflict.votes.values())
    given = Outcome(workspace.dataset.given_text(workspace.dataset.row_of(conflict.item_id)))
    said = [outcome for outcome, _ in votes.most_common()]
    more = [one for one in (given, Outcome(None, excluded=True)) if one not in votes]
    options = [*said, *more, _OTHER, _UNSURE]

    def title(option: Outcome | str) -> str:
        if option == _OTHER:
            return "Another label"
        if option == _UNSURE:
            return "I cannot tell; leave it open"
        assert isinstance(option, Outcome)
        what = "Leave it out" if option.excluded else shown(workspace, option)
        if option in votes:
            return f"{what} ({votes[option]} of {votes.total()} say so)"
        return what if option.excluded else f"{what} (the label it came with)"

    key = f"history-{conflict.item_id}"
    choice = st.radio("It is", options, index=None, format_func=title, key=f"{key}-choice")
    label = _other_label(workspace, key) if choice == _OTHER else None
    reason = st.text_input("Reason", key=f"{key}-reason", placeholder="optional")
    ready = choice is not None and (choice != _OTHER or bool(label))
    pressed = st.button("Settle", type="primary", icon=":material/gavel:", disabled=not ready)
    # What is drawn above is new by now; whoever pressed has seen what was drawn the last time.
    seen = st.session_state.get(f"{key}-seen", conflict)
    st.session_state[f"{key}-seen"] = conflict
    if pressed:
        decision = _decision(workspace, conflict.item_id, choice, label, reason)
        try:
            event = settle(workspace, decision, reviewer=state.reviewer(), seen=seen)
        except AirError as error:
            st.error(f"{error} Nothing was stored.", icon=":material/error:")
        else:
            done = "left open" if event.action == "unsure" else "settled"
            st.toast(f"Event #{event.event_id}: {done}.", icon=":material/gavel:")
            st.rerun()


def _other_label(workspace: Workspace, key: str) -> str | None:
    names = workspace.dataset.class_names
    if not workspace.dataset.multilabel:
        return st.selectbox("Label", names, index=None, key=f"{key}-label", placeholder="Choose")
    tags = st.multiselect("Tags", names, key=f"{key}-label", placeholder="None")
    return tags_text(tags) if tags else None


def _decision(
    workspace: Workspace, item: str, choice: Outcome | str | None, label: str | None, reason: str
) -> Decision:
    if choice == _UNSURE:
        return Decision(item, "unsure", reason=reason)
    if isinstance(choice, Outcome):
        if choice.excluded:
            return Decision(item, "exclude", reason=reason)
        label = choice.label
    given = workspace.dataset.given_text(workspace.dataset.row_of(item))
    if label is None or label == given:
        return Decision(item, "keep", reason=reason)
    return Decision(item, "relabel", label, reason=reason)


def shown(workspace: Workspace, outcome: Outcome) -> str:
    """An outcome in words; Markdown."""
    if outcome.excluded:
        return LEFT_OUT
    return literal(workspace.dataset.shown(outcome.label) or "no label")


def _settled(workspace: Workspace, found: list[Conflict]) -> None:
    dataset, rows = workspace.dataset, []
    thumbnails = f"/air/thumb/{{id}}?v={resources.version(workspace)}"
    for conflict in found:
        assert conflict.adjudication is not None
        assert conflict.settled is not None
        rows.append(
            {
                "image": thumbnails.replace("{id}", conflict.item_id),
                "path": dataset.paths[dataset.row_of(conflict.item_id)],
                "said": ", ".join(
                    f"{who}: {_plain(workspace, vote)}" for who, vote in conflict.votes.items()
                ),
                "settled": _plain(workspace, conflict.settled),
                "by": conflict.adjudication.reviewer,
                "reason": conflict.adjudication.reason,
            }
        )
    st.dataframe(pd.DataFrame(rows), hide_index=True, row_height=48, column_config=_TABLE)
    st.caption("To settle one anew, undo its event in the trail (show adjudications there).")


def _plain(workspace: Workspace, outcome: Outcome) -> str:
    return LEFT_OUT if outcome.excluded else workspace.dataset.shown(outcome.label) or "no label"


def _open_in_review(items: list[str]) -> None:
    if st.button(
        f"Open {'these' if len(items) != 1 else 'this'} {len(items):,} in Review",
        icon=":material/grid_view:",
    ):
        state.set_selection(items, "the conflicts")
        st.switch_page("review.py")
