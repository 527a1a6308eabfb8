"""What an export will say instead of the labels that came: one row an image, counted by pair."""

from __future__ import annotations

from collections.abc import Set

import pandas as pd
import streamlit as st

from air_core.labels import LabelEvent
from air_core.reviewers import Reviews
from pages.components.history.rows import ACTIONS, Trail

LEFT_OUT = "left out"
CHANGING = ("relabel", "exclude")
COLUMNS = {
    "image": st.column_config.ImageColumn("Image", width=56),
    "path": st.column_config.TextColumn("File", width=132),
    "given": st.column_config.TextColumn("Given label", width="small"),
    "final": st.column_config.TextColumn("Final label", width="small"),
    "action": st.column_config.TextColumn("Action", width=84),
    "reviewer": st.column_config.TextColumn("Who", width="small"),
    "why": st.column_config.TextColumn("Why", width="medium"),
    "time": st.column_config.DatetimeColumn("When (UTC)", width=136, format="D MMM YYYY, HH:mm"),
}
PAIRS = {
    "images": st.column_config.NumberColumn("Images", width=58, format="localized"),
    "pair": st.column_config.TextColumn("Given → final"),
}


def preview(
    reviews: Reviews,
    decisions: dict[str, LabelEvent],
    reader: str,
    thumbnails: str = "{id}",
) -> pd.DataFrame:
    """One row for each decision that counts: what the export will say instead.

    Parameters
    ----------
    reviews : Reviews
    decisions : dict of item id to LabelEvent
        Those that the export goes by.
    reader : str
        Who looks. What others said of images that the reader has yet to judge without knowing of
        it is left out.
    thumbnails : str
        URL of a thumbnail with ``{id}``.

    Returns
    -------
    DataFrame
        Columns image, path, given, final, action (as the log has it), reviewer, why, time;
        sorted by path.
    """
    dataset, rows, trail = reviews.dataset, [], Trail(reviews, reader)
    for item, event in decisions.items():
        if trail.hides(event):
            continue
        row = dataset.row_of(item)
        given = dataset.shown(dataset.given_text(row)) or ""
        final = {"relabel": dataset.shown(event.new_label), "exclude": LEFT_OUT}.get(
            event.action, given
        )
        rows.append(
            (
                *(thumbnails.replace("{id}", item), dataset.paths[row], given, final),
                *(event.action, event.reviewer, trail.why(event), pd.Timestamp(event.created_at)),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("path", ignore_index=True)


def pairs(changes: pd.DataFrame) -> pd.DataFrame:
    """How many images go from which label to which, the most frequent first.

    Returns
    -------
    DataFrame
        Columns given, final, images.
    """
    counted = changes.groupby(["given", "final"], sort=True).size().reset_index(name="images")
    return counted.sort_values("images", ascending=False, kind="stable", ignore_index=True)


def matching(changes: pd.DataFrame, text: str, chosen: Set[tuple[str, str]]) -> pd.DataFrame:
    """The rows with a text somewhere, and of chosen pairs of labels if there are any.

    Parameters
    ----------
    changes : DataFrame
        As :func:`preview` gives it.
    text : str
        Looked for in file, labels, reviewer and why; case does not matter.
    chosen : set of (str, str)
        Given and final labels.
    """
    if chosen:
        found = [pair in chosen for pair in zip(changes["given"], changes["final"], strict=True)]
        changes = changes[found]
    if text:
        columns = (changes[name] for name in ("path", "given", "final", "reviewer", "why"))
        wanted = text.casefold()
        changes = changes[
            [wanted in "\n".join(words).casefold() for words in zip(*columns, strict=True)]
        ]
    return changes


@st.fragment
def draw_changes(changes: pd.DataFrame) -> None:
    """Draw the changes to search and to filter by pair; only this reruns then."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Find", placeholder="File, label, name or reason", icon=":material/search:", width=320
        )
        everything = st.toggle("Kept and unsure images too")
    shown = changes if everything else changes[changes["action"].isin(CHANGING)]
    counted = pairs(shown)
    left, right = st.columns([1, 3.4], gap="small")
    tall = 440 if len(shown) > 8 else "content"
    with left:
        picked = st.dataframe(
            counted.assign(pair=counted["given"] + " → " + counted["final"])[list(PAIRS)],
            hide_index=True, column_config=PAIRS, height=tall,
            on_select="rerun", selection_mode="multi-row", key=f"pairs-{everything}-{len(counted)}",
        ).selection.rows  # fmt: skip
    chosen = {tuple(counted.loc[n, ["given", "final"]]) for n in picked if n < len(counted)}
    rows = matching(shown, text.strip(), chosen)
    with right:
        st.dataframe(
            rows.assign(action=rows["action"].map(ACTIONS)), hide_index=True,
            column_config=COLUMNS, row_height=44, height=tall,
        )  # fmt: skip
    st.caption(
        f"{len(rows):,} of {len(shown):,} images"
        + (f"; {len(chosen):,} of {len(counted):,} pairs chosen" if chosen else "")
        + ". Rows on the left choose pairs of labels."
    )
