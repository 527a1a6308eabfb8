"""Figure 4: the images of one class by activation, by AIR and by the SVM."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from air_core import metrics
from benchmarks.data import BenchmarkSet
from benchmarks.reproduce import sources
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.drawing import RIGHT, WRONG, bare, grid, new_figure, tile
from benchmarks.reproduce.half_flipped import fit_pair
from benchmarks.reproduce.parts import Parts
from benchmarks.reproduce.section import Section

TITLE = "Figure 4 · Images of one class, ranked by activation"
COLUMNS, SHOWN, SIDE = 8, 64, 72


def run(context: Context, parts: Parts, section: Section) -> None:
    """Fill the section."""
    parts.total = 2
    data, source = sources.half_flipped(context)
    pair = fit_pair(parts, "half-flipped", data.features, data.given, len(data.class_names))
    own = {"AIR": pair.own["AIR 50"], "SVM": pair.own["SVM"]}
    chosen = ordinary_class(own["AIR"], data.given, data.wrong)
    name = data.class_names[chosen]
    members = np.flatnonzero(data.given == chosen)
    orders = {
        model: members[np.argsort(-values[members], kind="stable")] for model, values in own.items()
    }
    section.text.append(
        f"Images labelled “{name}”, most active first. The class is the one whose AIR ranking is "
        "of middling quality among all classes, so that it shows neither the best nor the worst "
        "case. Blue borders: the label is right. Red borders with a cross: it is wrong."
    )
    section.settings |= {
        "images": f"{source}, half of the labels flipped",
        "class": name,
        "SVM": f"C = {pair.svm_c:g}, chosen from 1, 10, 100 on noisy labels",
    }
    rows = [
        {
            "model": model,
            "rank": rank,
            "path": data.files[row].name,
            "given": name,
            "true": data.class_names[data.clean[row]],
            "wrong": bool(data.wrong[row]),
            "activation": float(own[model][row]),
        }
        for model, order in orders.items()
        for rank, row in enumerate(order.tolist(), 1)
    ]
    section.draw(
        "fig4",
        _draw(data, orders),
        f"The {min(len(members), SHOWN)} most and least active of the {len(members)} images "
        f"labelled “{name}”, row by row.",
        rows,
    )
    half = {}
    for model, order in orders.items():
        top = order[: max(1, len(order) // 2)]
        half[model] = float(data.wrong[top].mean())
        section.add(
            "class ranking",
            model=model,
            auroc=metrics.auroc(own[model][members], data.wrong[members]),
            wrong_in_upper_half=half[model],
            images=len(members),
        )
    section.compare(
        "wrong labels in the upper half of the ranking, AIR / SVM",
        paper="shown for synset n01317916: few / many (no figure given)",
        ours=f"{half['AIR']:.0%} / {half['SVM']:.0%} of “{name}”",
        why=f"{source}: another class, chosen by a rule.",
    )


def ordinary_class(scores: NDArray[Any], given: NDArray[np.intp], wrong: NDArray[np.bool_]) -> int:
    """The class with the median AUROC among those that have right and wrong labels."""
    found = []
    for label in np.unique(given).tolist():
        rows = given == label
        auroc = metrics.auroc(scores[rows], wrong[rows])
        if not np.isnan(auroc):
            found.append((auroc, label))
    return int(sorted(found)[len(found) // 2][1])


def _draw(data: BenchmarkSet, orders: dict[str, NDArray[np.intp]]) -> Figure:
    figure = new_figure(11, 5.9)
    for axes, (model, order) in zip(figure.subplots(1, 2), orders.items(), strict=True):
        shown = ends(order, SHOWN)
        tiles = [
            tile(data.files[row], SIDE, WRONG if wrong else RIGHT, crossed=bool(wrong))
            for row, wrong in zip(shown.tolist(), data.wrong[shown], strict=True)
        ]
        axes.imshow(grid(tiles, COLUMNS), interpolation="none")
        axes.set_title(f"{model}: most active first", fontsize=11)
        bare(axes)
    return figure


def ends(order: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """The first and the last of a long list, half of ``count`` each.

    Examples
    --------
    >>> ends(np.arange(6), 4).tolist()
    [0, 1, 4, 5]
    """
    if len(order) <= count:
        return order
    return np.concatenate([order[: count // 2], order[-(count // 2) :]])
