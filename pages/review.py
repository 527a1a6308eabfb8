"""The ranked grid: keep, relabel, exclude or leave open, one key each."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from air_core import pipeline
from air_core.pipeline import model_of
from air_core.ranking import Ranking
from air_core.workspace import Workspace
from pages import filters, resources, state
from pages.components.evidence import evidence_panel
from pages.components.grid import REVIEW, Basis, GridItem, pending_operations, review_grid
from pages.components.ranked import (
    choose_detector,
    choose_filter,
    choose_page,
    draw_head,
    nothing_matches,
    other_models,
    queue_chip,
    selection_chip,
    turn_page,
)
from pages.components.start import fitted_or_stop, workspace_or_stop
from pages.components.tiles import tiles
from pages.decisions import commit
from pages.live import strength_bar


@st.fragment
def review(workspace: Workspace) -> None:
    """The whole page as a fragment: only this reruns after a decision."""
    if resources.require_workspace() is not workspace:
        st.rerun()  # another one was opened meanwhile: its images are not these
    head = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    bar = st.container()
    controls = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", wrap=False)
    with controls:
        detector = choose_detector()
    ranking, fit = resources.ranking(detector), resources.fit(model_of(detector))
    if ranking is None or fit is None:
        st.warning(f"{pipeline.detector_title(detector)} has not been fitted yet.")
        return
    with bar:
        live = strength_bar(workspace, fit, ranking)
    ranking = live.ranking
    version = resources.version(workspace)
    receipts, operations = state.receipts(), pending_operations(REVIEW, version)
    problem = commit(workspace, operations, receipts)
    queue = resources.queue(state.reviewer())
    # Who is asked for an opinion of their own is not told of the others' before it is given.
    standing = resources.standing().without(workspace.dataset, queue)
    with head:
        draw_head(workspace, ranking, fit, standing)
    with controls:
        chosen = choose_filter(workspace, ranking, standing)
    others = other_models(detector) if chosen.compares else ()

    def found(by: Ranking) -> NDArray[np.intp]:
        view = filters.View(workspace.dataset, by, standing, resources.texts(), others)
        return chosen.rows(view)

    rows = found(ranking)
    with st.container():  # always there, so that the grid keeps its place and its focus
        if chosen.selection:
            selection_chip(len(rows))
        queue_chip(queue)
        if problem:
            st.error(
                f"{problem} Your decisions wait in this browser.", icon=":material/sync_problem:"
            )
        if not len(rows):
            nothing_matches()
    columns = st.container(horizontal=True, gap="small", key="air-review")
    with columns, st.container():
        grid = st.container()
        shown = choose_page(len(rows))

    def page_of(by: Ranking, rows: NDArray[np.intp]) -> list[GridItem]:
        return tiles(
            workspace, rows[shown.rows], reviewed=standing.events, ranking=by,
            activations=by.activations,
        )  # fmt: skip

    with grid:
        result = review_grid(
            page_of(ranking, rows),
            key=REVIEW,
            class_names=workspace.dataset.class_names,
            workspace=version,
            basis=Basis(state.reviewer(), ranking.detector, live.lambda_g, live.run_id),
            ack=receipts.settled,
            rejected=receipts.rejected,
            conflicts=receipts.conflicts,
            multilabel=workspace.dataset.multilabel,
            page=(shown.number, shown.count),
            on_turn=turn_page,
            caption=f"{pipeline.detector_title(detector)}, {filters.ORDERS[chosen.order].lower()}",
        )  # fmt: skip
    with columns:
        evidence_panel(
            workspace, grid=REVIEW, detector=detector, key="review-why",
            scale=None if live.run_id == fit.run_id else live.scale,
        )  # fmt: skip
    live.draw(lambda by: page_of(by, found(by)))
    # A session that has just begun learns of a queue from before a reload only here.
    if result.operations and not operations:
        st.rerun()


workspace = workspace_or_stop()
fitted_or_stop(workspace)
review(workspace)
