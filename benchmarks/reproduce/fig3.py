"""Figure 3: activations of rightly and wrongly labelled images along the epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from air_core import metrics
from benchmarks.reproduce import sources
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.drawing import RIGHT, WRONG, fine_grid, new_figure
from benchmarks.reproduce.half_flipped import EPOCHS, fit_pair
from benchmarks.reproduce.parts import Parts
from benchmarks.reproduce.section import Row, Section

TITLE = "Figure 3 · Activations of right and wrong labels"
BINS = 40


def run(context: Context, parts: Parts, section: Section) -> None:
    """Fill the section."""
    parts.total = 2
    data, source = sources.half_flipped(context)
    pair = fit_pair(parts, "half-flipped", data.features, data.given, len(data.class_names))
    section.text.append(
        "An image's activation is ‖x ∘ w‖ in the class of its given label. Overlap is the area "
        "that both distributions share, 1 where they cannot be told apart; AUROC is the chance "
        "that a rightly labelled image has more activation than a wrongly labelled one."
    )
    section.settings |= {
        "images": f"{source}: {len(data.clean):,}, {data.wrong.mean():.0%} of them mislabelled",
        "AIR": "the paper's settings: λ_g = 10/p, ρ 10 to 100, β 1.1, batches of 256, 50 epochs",
        "SVM": f"C = {pair.svm_c:g}, chosen from 1, 10, 100 on noisy labels",
    }
    aurocs = {}
    for name, own in pair.own.items():
        aurocs[name] = metrics.auroc(own, data.wrong)
        section.add(
            "separation",
            model="SVM" if name == "SVM" else "AIR",
            epochs=50 if name == "SVM" else int(name.split()[1]),
            auroc=aurocs[name],
            overlap=overlap(own, data.wrong),
        )
    rows = _rows(pair.own, data.wrong)
    section.draw(
        "fig3",
        _draw(pair.own, data.wrong, section.tables["separation"]),
        "Activations in the class of the given label: AIR after 4, 12 and 50 epochs, and the "
        "SVM. Each panel is scaled to its own largest activation.",
        rows,
    )
    first, middle, last = (aurocs[f"AIR {epoch}"] for epoch in EPOCHS)
    section.expect("AIR, AUROC after 50 epochs", last, ">=", 0.975)
    section.expect("AIR, AUROC gained from epoch 4 to 12", middle - first, ">", 0)
    section.expect("AIR, AUROC gained from epoch 12 to 50", last - middle, ">", 0)
    section.compare(
        "separation over the epochs",
        paper="distributions overlap at first and part by epoch 50; the SVM's overlap notably "
        "(drawn, no figure given)",
        ours=f"AIR's AUROC {first:.3f}, {middle:.3f}, {last:.3f} after 4, 12, 50 epochs; the "
        f"SVM's {aurocs['SVM']:.3f}",
        why=f"{source}; {context.backbone} features. The order is the paper's.",
    )


def overlap(activations: NDArray[Any], wrong: NDArray[np.bool_]) -> float:
    """Area that the histograms of right and wrong labels share, 0 to 1.

    Examples
    --------
    >>> overlap(np.array([1.0, 1.0, 3.0, 3.0]), np.array([True, True, False, False]))
    0.0
    """
    right, other, _ = _histograms(activations, wrong)
    return float(np.minimum(right, other).sum())


def _histograms(
    activations: NDArray[Any], wrong: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    edges = np.linspace(0, float(activations.max()) or 1.0, BINS + 1)
    right, other = (
        np.histogram(activations[rows], edges)[0] / max(rows.sum(), 1) for rows in (~wrong, wrong)
    )
    return right, other, edges


def _rows(own: dict[str, NDArray[Any]], wrong: NDArray[np.bool_]) -> list[Row]:
    return [
        {"panel": name, "from": low, "to": high, "share_of_right": a, "share_of_wrong": b}
        for name, values in own.items()
        for a, b, low, high in _bins(values, wrong)
    ]


def _bins(
    values: NDArray[Any], wrong: NDArray[np.bool_]
) -> list[tuple[float, float, float, float]]:
    right, other, edges = _histograms(values, wrong)
    bins = zip(right, other, edges[:-1], edges[1:], strict=True)
    return [tuple(map(float, one)) for one in bins]  # type: ignore[misc]


def _draw(own: dict[str, NDArray[Any]], wrong: NDArray[np.bool_], found: list[Row]) -> Figure:
    figure = new_figure(10.5, 3.1)
    all_axes = figure.subplots(1, len(own), sharey=True)
    for axes, (name, values), row in zip(all_axes, own.items(), found, strict=True):
        right, other, edges = _histograms(values, wrong)
        axes.stairs(right, edges, fill=True, color=RIGHT, alpha=0.35)
        axes.stairs(right, edges, color=RIGHT, label="right label")
        axes.stairs(other, edges, fill=True, color=WRONG, alpha=0.3, hatch="///")
        axes.stairs(other, edges, color=WRONG, linestyle="--", label="wrong label")
        title = "SVM" if name == "SVM" else f"AIR, {row['epochs']} epochs"
        axes.set_title(
            f"{title}\nAUROC {row['auroc']:.3f} · overlap {row['overlap']:.2f}", fontsize=10
        )
        axes.set_xlabel("activation")
        fine_grid(axes)
    all_axes[0].set_ylabel("share of images")
    all_axes[0].legend(fontsize="small")
    return figure
