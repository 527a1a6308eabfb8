"""Figure 3: how far right and wrong labels lie apart, epoch by epoch."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.components.basis import Basis
from pages.components.comparison.side import Side
from pages.components.figures import activation_histogram, separation_curve

FIGURE_3_EPOCHS = (1, 4, 12)
_EPOCH, _PLAYING = "compare-epoch", "compare-playing"
_SECONDS = 0.9  # an epoch, while playing


def activations(sides: tuple[Side, Side], basis: Basis) -> None:
    """Draw the distributions of both detectors, and over epochs where they were kept."""
    if not any(side.epochs for side in sides):
        for place, side in zip(st.columns(2), sides, strict=True):
            _draw(place, side, basis, None)
        return
    one, paper = st.tabs(["One epoch", "As in the paper"])
    with one:
        _one_epoch(sides, basis)
    with paper:
        for place, side in zip(st.columns(2), sides, strict=True):
            if not side.epochs:
                _draw(place, side, basis, None, height=330)
            for epoch in [e for e in (*FIGURE_3_EPOCHS, *side.epochs[-1:]) if e in side.epochs]:
                _draw(place, side, basis, epoch, height=170, details=False)
    _separation(sides, basis)


def _one_epoch(sides: tuple[Side, Side], basis: Basis) -> None:
    epochs = sorted({epoch for side in sides for epoch in side.epochs})
    playing = bool(st.session_state.get(_PLAYING))

    @st.fragment(run_every=_SECONDS if playing else None)
    def film() -> None:
        shown = st.session_state.get(_EPOCH, epochs[-1])
        if shown not in epochs:
            shown = epochs[-1]
        if st.session_state.get(_PLAYING):
            # Before the slider is drawn: afterwards its value may not be set.
            shown = epochs[min(epochs.index(shown) + 1, len(epochs) - 1)]
            st.session_state[_EPOCH] = shown
            if shown == epochs[-1]:
                st.session_state[_PLAYING] = False
                st.rerun()
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _play_button(epochs)
            epoch = st.select_slider("Epoch", epochs, value=shown, key=_EPOCH)
        for place, side in zip(st.columns(2), sides, strict=True):
            _draw(place, side, basis, epoch if epoch in side.epochs else None)

    film()


def _play_button(epochs: list[int]) -> None:
    playing = bool(st.session_state.get(_PLAYING))
    icon = ":material/pause:" if playing else ":material/play_arrow:"
    if st.button("Pause" if playing else "Play", icon=icon, key="compare-play"):
        if not playing and st.session_state.get(_EPOCH, epochs[-1]) == epochs[-1]:
            # The slider is drawn after this button, so its value may still be set.
            st.session_state[_EPOCH] = epochs[0]
        st.session_state[_PLAYING] = not playing
        st.rerun()


def _draw(
    place: st.delta_generator.DeltaGenerator,
    side: Side,
    basis: Basis,
    epoch: int | None,
    *,
    height: int = 300,
    details: bool = True,
) -> None:
    values = side.values(epoch)
    right, wrong = basis.known & ~basis.wrong & ~np.isnan(values), basis.wrong & ~np.isnan(values)
    name = side.title if epoch is None else f"{side.title}, epoch {epoch}"
    figure = activation_histogram(
        values, right, wrong, basis.group_names(),
        title=f"{name}{basis.in_words(values)}", height=height, details=details,
        axis="Activation of the given class" if side.reads_activations else "Score, low is doubted",
        span=_span(side),
    )  # fmt: skip
    place.plotly_chart(figure, width="stretch", key=f"hist-{side.place}-{epoch}-{height}")


def _span(side: Side) -> tuple[float, float]:
    """One scale for all epochs, so that what moves is the distribution."""
    every = [side.values(), *(side.values(epoch) for epoch in side.epochs)]
    finite = np.concatenate([values[np.isfinite(values)] for values in every])
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)


def _separation(sides: tuple[Side, Side], basis: Basis) -> None:
    """AUROC over epochs of the first side that has them, the other as a level line."""
    if not basis.scores_detectors:
        return
    moving = next(side for side in sides if side.epochs)
    level = next(side for side in reversed(sides) if side is not moving)
    figure = separation_curve(
        moving.epochs,
        [basis.auroc(moving.values(epoch)) for epoch in moving.epochs],
        basis.auroc(level.values()),
        names=(moving.title, level.title),
    )
    st.plotly_chart(figure, width="stretch", key="separation")
