"""How many labels are wrong: in words, by class, and what is mixed up with what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from air_core.facts import ClassNoise, NoiseFacts
from air_core.noise import NoiseEstimate
from pages.components.class_charts import noise_bars
from pages.components.markdown import literal

_SHOWN = 8  # pairs of classes


def in_words(noise: ClassNoise) -> str:
    """The overall estimate as a sentence.

    Examples
    --------
    >>> in_words(ClassNoise(1200, 0.4, 0.34, 0.44, 0, "model"))
    'About 410 to 530 of 1,200 labels look wrong (34 % to 44 %).'
    >>> in_words(ClassNoise(3, 1 / 3, 1 / 3, 1 / 3, 3, "reviews"))
    '1 of 3 labels were found wrong; every one is reviewed.'
    """
    estimate, low, high = noise.count
    if noise.source == "reviews":
        return f"{estimate:,} of {noise.size:,} labels were found wrong; every one is reviewed."
    step = 10 if high >= 100 else 1
    low, high = step * (low // step), step * -(-high // step)
    return (
        f"About {low:,} to {min(high, noise.size):,} of {noise.size:,} labels look wrong "
        f"({noise.low:.0%} to {noise.high:.0%})."
    ).replace("%", " %")


def basis(noise: ClassNoise) -> str:
    """What the overall estimate rests on."""
    return {
        "model": "From probabilities that each image gets from all others; no truth is read.",
        "model and reviews": f"Your {noise.judged:,} verdicts count as they are; the model "
        "speaks for the rest.",
        "random sample": "From a random sample that was reviewed; it assumes nothing but the draw.",
        "reviews": "Every image is reviewed.",
    }[noise.source]


def mixups(names: tuple[str, ...], estimate: NoiseEstimate) -> pd.DataFrame:
    """The pairs of classes that are mixed up most, in images, with limits."""
    expected = estimate.transition * estimate.sizes[:, None]
    np.fill_diagonal(expected, 0.0)
    order = np.argsort(-np.nan_to_num(expected), axis=None)[:_SHOWN]
    given, true = np.unravel_index(order, expected.shape)
    size = estimate.sizes[given]
    return pd.DataFrame(
        {
            "Given": [names[row] for row in given],
            "Likely": [names[column] for column in true],
            "Labels": np.rint(np.nan_to_num(expected[given, true])).astype(int),
            "At least": np.floor(np.nan_to_num(estimate.low[given, true]) * size).astype(int),
            "At most": np.ceil(np.nan_to_num(estimate.high[given, true]) * size).astype(int),
        }
    ).query("Labels > 0")


def draw_noise(names: tuple[str, ...], found: NoiseFacts) -> None:
    """Draw the chart of estimated noise by class."""
    rates, low, high = (
        np.array([getattr(one, field) for one in found.classes])
        for field in ("rate", "low", "high")
    )
    worst = int(np.argmax(rates))
    st.plotly_chart(
        noise_bars(names, rates, low, high), key="air-noise",
        alt=f"Estimated share of wrong labels in each of {len(names)} classes. Highest: "
        f"{names[worst]}, {rates[worst]:.0%}.",
    )  # fmt: skip


def draw_mixups(names: tuple[str, ...], estimate: NoiseEstimate) -> None:
    """Draw the table of pairs, folded away."""
    table = mixups(names, estimate)
    if table.empty:
        return
    first = table.iloc[0]
    title = f"Most often: {literal(first['Given'])} that looks like {literal(first['Likely'])}"
    with st.expander(title, icon=":material/swap_horiz:"):
        st.dataframe(table, hide_index=True, width="stretch")
        st.caption("Labels that are likely to be another class, with 95 % intervals.")
