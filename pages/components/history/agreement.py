"""How far reviewers agree, in a number, in a sentence and class by class."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from air_core.errors import AirError
from air_core.reviewers import Agreement, Reviews, assign_second
from air_core.workspace import Workspace
from pages import state
from pages.components.markdown import literal

FEW = 30
"""Below so many images with two verdicts, κ says little: its interval is as wide as its scale."""

_SCALE = ((0.0, "no better than chance"), (0.2, "slight"), (0.4, "fair"), (0.6, "moderate"),
          (0.8, "substantial"), (1.0, "almost perfect"))  # fmt: skip
_SHARE = st.column_config.ProgressColumn
_COLUMNS = {
    "who": st.column_config.TextColumn("Reviewers", width="medium"),
    "items": st.column_config.NumberColumn("Images", format="localized", width="small"),
    "same": _SHARE("Same verdict", format="%d%%", min_value=0, max_value=100, width="small"),
    "kappa": st.column_config.NumberColumn("κ of the label", format="%.2f", width="small"),
    "wrong": st.column_config.NumberColumn("κ of “is it wrong”", format="%.2f", width="small"),
    "means": st.column_config.TextColumn("In words", width="medium"),
}


def agreement(workspace: Workspace, reviews: Reviews) -> None:
    """Draw it."""
    pairs, everybody = reviews.agreement()
    found = [*([everybody] if everybody and len(everybody.reviewers) > 2 else []), *pairs]
    if not found:
        st.info(
            "No image has the verdicts of two reviewers yet, so there is nothing to compare. "
            "Ask somebody for a second, blind opinion of some images that others have judged.",
            icon=":material/group:",
        )
        _ask_for_second(workspace, reviews)
        return
    st.markdown(sentence(found[0]))
    st.dataframe(
        pd.DataFrame([_line(entry) for entry in found]), column_config=_COLUMNS, hide_index=True
    )
    st.subheader("Class by class")
    st.dataframe(
        _classes(found), hide_index=True, column_config=_class_columns(found), width="content"
    )
    st.caption(
        "κ is agreement beyond chance: 1 is full agreement, 0 what chance alone would give. "
        "Cohen's for two reviewers, Fleiss' for more. Of a class: do they agree that an image is "
        "of it? Empty where everybody says the same, which chance explains as well. The words are "
        "those of Landis and Koch (1977), a convention, not a test. “Unsure” is no verdict."
    )
    _ask_for_second(workspace, reviews)


def sentence(found: Agreement) -> str:
    """What an agreement means, and how much it can be relied on; Markdown."""
    who = " and ".join(f"**{literal(name)}**" for name in found.reviewers)
    if found.statistic == "fleiss":
        who = f"**{len(found.reviewers)} reviewers**"
    images = f"{found.items:,} image{'s' if found.items != 1 else ''}"
    said = f"{who} gave the same verdict on **{found.same:.0%}** of {images} that both judged"
    if found.statistic == "fleiss":
        said = (
            f"{who} gave the same verdict in **{found.same:.0%}** of the pairs of verdicts on "
            f"{images} that {found.raters} of them judged"
        )
    said += f"; beyond chance their agreement is **{strength(found.kappa)}**"
    said += "." if found.kappa is None else f" (κ {number(found.kappa)})."
    if found.items < FEW:
        said += (
            f" That is too few to rely on: with fewer than {FEW} images judged twice, κ may be far "
            "from what it would be for all of them."
        )
    return said


def strength(kappa: float | None) -> str:
    """Landis and Koch's word for a κ.

    Examples
    --------
    >>> strength(0.75), strength(-0.1), strength(None)
    ('substantial', 'no better than chance', 'not defined, since everybody always says the same')
    """
    if kappa is None or math.isnan(kappa):
        return "not defined, since everybody always says the same"
    return next(word for limit, word in _SCALE if kappa <= limit or limit == 1.0)


def number(kappa: float) -> str:
    """κ with a true minus sign."""
    return f"{kappa:.2f}".replace("-", "−")


def _line(entry: Agreement) -> dict[str, object]:
    few = " (few images)" if entry.items < FEW else ""
    return {
        "who": _title(entry),
        "items": entry.items,
        "same": round(100 * entry.same),
        "kappa": entry.kappa,
        "wrong": entry.wrong,
        "means": ("not defined" if entry.kappa is None else strength(entry.kappa)) + few,
    }


def _title(entry: Agreement) -> str:
    names = " and ".join(entry.reviewers)
    return f"All: {', '.join(entry.reviewers)}" if entry.statistic == "fleiss" else names


def _classes(found: list[Agreement]) -> pd.DataFrame:
    names = sorted({name for entry in found for name in entry.by_class})
    columns = {str(n): [e.by_class.get(name) for name in names] for n, e in enumerate(found)}
    return pd.DataFrame({"class": names} | columns).astype(dict.fromkeys(columns, float))


def _class_columns(found: list[Agreement]) -> dict[str, object]:
    columns = {
        str(n): st.column_config.NumberColumn(_title(entry), format="%.2f", width="medium")
        for n, entry in enumerate(found)
    }
    return {"class": st.column_config.TextColumn("Class", width="medium")} | columns


def _ask_for_second(workspace: Workspace, reviews: Reviews) -> None:
    with (
        st.popover("Ask for second opinions", icon=":material/person_add:"),
        st.form("history-second", border=False),
    ):
        who = st.text_input("Reviewer", placeholder="a name", width=280)
        count = st.number_input("Images, drawn at random", 1, 10_000, FEW, width=280)
        st.caption("They are put into that reviewer's queue; what others said is not shown there.")
        if st.form_submit_button("Ask", type="primary") and who.strip():
            try:
                made = assign_second(
                    workspace.dataset, workspace.labels, [who.strip()], int(count),
                    by=state.reviewer(),
                )  # fmt: skip
            except AirError as error:
                st.error(str(error), icon=":material/error:")
            else:
                st.toast(
                    f"{len(made):,} images for {literal(who.strip())}", icon=":material/check:"
                )
                st.rerun()
