"""Figure 1: five classes on a map, clean and corrupted labels, and both models' boundaries."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from air_core.projection import MapSettings, project
from benchmarks.data import BenchmarkSet, flip_half
from benchmarks.reproduce import sources
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.drawing import BLUE, GREEN, ORANGE, PURPLE, SKY, bare, new_figure, tile
from benchmarks.reproduce.half_flipped import fit_pair
from benchmarks.reproduce.parts import Parts, Values, digest_of
from benchmarks.reproduce.section import Section

TITLE = "Figure 1 · Five classes on a map"
REVISION = 1
CLASSES, SEED, THUMBNAILS = 5, 0, 4
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY)
_CELLS = 140


def run(context: Context, parts: Parts, section: Section) -> None:
    """Fill the section."""
    parts.total = 3
    data, source = sources.half_flipped(context)
    rows, clean, names = five_classes(data)
    given = flip_half(clean, CLASSES, SEED)
    features = data.features[rows]
    pair = fit_pair(parts, "five-classes", features, given, CLASSES)
    settings = MapSettings(seed=SEED)

    def lay_out() -> Values:
        return {"xy": project(features, settings, progress=context.progress)}

    key = {"revision": REVISION, "features": digest_of(features), "seed": SEED}
    xy = parts.get("five-classes-map", key, lay_out)["xy"]
    section.text.append(
        "A t-SNE map of the features. Circles carry the right label, triangles a wrong one, in "
        "the colour of the given label. The lines bound where a model would call images by the "
        f"first class, “{names[0]}”: half of the images nearby."
    )
    section.settings |= {
        "images": f"{source}: the {CLASSES} classes with the most images, half of the labels "
        "flipped among them, seed 0",
        "SVM": f"C = {pair.svm_c:g}, chosen from 1, 10, 100 on noisy labels",
    }
    calls = {model: scores.argmax(axis=1) for model, scores in pair.scores.items()}
    for model, called in calls.items():
        target = called == 0
        section.add(
            "calling images by the first class",
            model=model,
            right_among_those_called=float((clean[target] == 0).mean()) if target.any() else None,
            found_of_the_class=float(target[clean == 0].mean()),
            accuracy_on_these_images=float((called == clean).mean()),
        )
    section.draw(
        "fig1",
        _draw(data, rows, xy, clean, given, calls, names),
        "Solid line: AIR's boundary of the first class; dashed line: the SVM's. Thumbnails have "
        "borders in the given label's colour.",
        [
            {
                "path": data.files[row].name,
                "x": float(x),
                "y": float(y),
                "true": names[truth],
                "given": names[label],
                "wrong": bool(truth != label),
                "air": names[air],
                "svm": names[svm],
            }
            for row, (x, y), truth, label, air, svm in zip(
                rows, xy, clean, given, calls["AIR"], calls["SVM"], strict=True
            )
        ],
    )
    accuracy = {model: float((called == clean).mean()) for model, called in calls.items()}
    section.compare(
        "boundaries among five classes",
        paper="hypothetical lines: AIR's passes by the wrong labels, the SVM's follows them",
        ours=f"measured: AIR calls {accuracy['AIR']:.1%} of these training images rightly, the "
        f"SVM {accuracy['SVM']:.1%}",
        why=f"{source}; the paper's lines are drawn by hand, ours are where each model's own "
        "decisions change on the map.",
    )


def five_classes(data: BenchmarkSet) -> tuple[NDArray[np.intp], NDArray[np.intp], list[str]]:
    """Rows of the largest classes, their classes counted from 0, and the names."""
    counts = np.bincount(data.clean, minlength=len(data.class_names))
    largest = np.argsort(-counts, kind="stable")[:CLASSES]
    rows = np.flatnonzero(np.isin(data.clean, largest))
    clean = np.array([int(np.flatnonzero(largest == label)[0]) for label in data.clean[rows]])
    return rows, clean, [data.class_names[label] for label in largest]


def share_nearby(
    xy: NDArray[Any], member: NDArray[np.bool_], places: NDArray[Any], neighbours: int = 15
) -> NDArray[np.float64]:
    """Share of members among the images around places on the map, nearer ones counting more."""
    finder = NearestNeighbors(n_neighbors=min(neighbours, len(xy))).fit(xy)
    distances, found = finder.kneighbors(places)
    weights = np.exp(-((distances / np.maximum(distances[:, -1:], 1e-9)) ** 2) * 2)
    shares: NDArray[np.float64] = (weights * member[found]).sum(axis=1) / weights.sum(axis=1)
    return shares


def _draw(
    data: BenchmarkSet,
    rows: NDArray[np.intp],
    xy: NDArray[Any],
    clean: NDArray[np.intp],
    given: NDArray[np.intp],
    calls: dict[str, NDArray[np.intp]],
    names: list[str],
) -> Figure:
    figure = new_figure(9.5, 7.2)
    axes = figure.add_subplot()
    wrong = clean != given
    for marker, chosen in (("o", ~wrong), ("^", wrong)):
        colours = [COLOURS[label] for label in given[chosen]]
        axes.scatter(
            *xy[chosen].T, s=26, c=colours, marker=marker, linewidths=0.5, edgecolors="white"
        )
    low, high = xy.min(axis=0), xy.max(axis=0)
    margin = 0.06 * (high - low)
    lines = [
        np.linspace(low[k] - margin[k], high[k] + margin[k], _CELLS, dtype=np.float64)
        for k in (0, 1)
    ]
    x, y = np.meshgrid(*lines)
    places = np.column_stack([x.ravel(), y.ravel()])
    for called, style in zip((calls["AIR"], calls["SVM"]), ("-", "--"), strict=True):
        member = called == 0
        if member.any() and not member.all():
            share = share_nearby(xy, member, places).reshape(x.shape)
            axes.contour(x, y, share, levels=[0.5], colors="#1b2528", linestyles=style)
    _thumbnails(axes, data, rows, xy, clean, given)
    axes.legend(
        handles=[
            *(
                Line2D([], [], marker="o", linestyle="", color=COLOURS[label], label=name)
                for label, name in enumerate(names)
            ),
            Line2D([], [], marker="o", linestyle="", color="grey", label="right label"),
            Line2D([], [], marker="^", linestyle="", color="grey", label="wrong label"),
            Line2D([], [], color="#1b2528", label=f"AIR: “{names[0]}”"),
            Line2D([], [], color="#1b2528", linestyle="--", label=f"SVM: “{names[0]}”"),
        ],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
    )
    bare(axes)
    return figure


def _thumbnails(
    axes: Any,
    data: BenchmarkSet,
    rows: NDArray[np.intp],
    xy: NDArray[Any],
    clean: NDArray[np.intp],
    given: NDArray[np.intp],
) -> None:
    """Some images of each class around its place on the map, rightly and wrongly labelled."""
    middle = xy.mean(axis=0)
    reach = float(np.ptp(xy, axis=0).max())
    for label in range(CLASSES):
        members = np.flatnonzero(clean == label)
        centre = np.median(xy[members], axis=0)
        outward = centre - middle
        outward = outward / (np.linalg.norm(outward) or 1.0)
        across = np.array([-outward[1], outward[0]])
        spread = float(np.quantile(np.abs((xy[members] - centre) @ outward), 0.9))
        base = centre + outward * (spread + 0.1 * reach)
        order = members[np.argsort(np.linalg.norm(xy[members] - centre, axis=1))]
        right, wrong = (order[(given[order] != label) == flag] for flag in (False, True))
        chosen = [*right[: THUMBNAILS // 2], *wrong[: THUMBNAILS // 2]]
        for position, at in enumerate(chosen):
            place = base + across * (position - (len(chosen) - 1) / 2) * 0.095 * reach
            picture = tile(data.files[rows[at]], 96, COLOURS[given[at]])
            axes.add_artist(AnnotationBbox(OffsetImage(picture, zoom=0.36), place, frameon=False))
            axes.update_datalim([place + 0.05 * reach, place - 0.05 * reach])
    axes.autoscale_view()
