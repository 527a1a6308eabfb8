"""Figure 5: precision and recall of the n best tags, and mAP by label and by image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from air_core import metrics
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.drawing import MARKERS, METHOD_COLOURS, fine_grid, new_figure
from benchmarks.reproduce.parts import Parts
from benchmarks.reproduce.section import Row, Section
from benchmarks.reproduce.tag_models import METHODS, tag_scores
from benchmarks.reproduce.tagged import ADDED, MISSING, TaggedSet, tagged

TITLE = "Figure 5 · Learning from user tags"
LARGEST_N = 10
PAPERS_FOUR = ("AIR", "SVM", "softmax-ℓ2", "RoLR")


def run(context: Context, parts: Parts, section: Section) -> None:
    """Fill the section."""
    parts.total = len(METHODS) + 2
    data = tagged(context)
    found = tag_scores(parts, data, tuple(METHODS))
    mosaics = "mosaics" in data.source
    curves: list[Row] = []
    for name, (scores, note) in found.items():
        section.add(
            "mean average precision",
            method=name,
            mAP_L=metrics.mean_ap_by_label(scores, data.test_truth),
            mAP_I=metrics.mean_ap_by_image(scores, data.test_truth),
            settings=note,
        )
        for n in range(1, min(LARGEST_N, len(data.names)) + 1):
            precision, recall = metrics.precision_recall_at(scores, data.test_truth, n)
            curves.append({"method": name, "n": n, "precision": precision, "recall": recall})
    given, truth = data.tags > 0, data.truth
    section.settings |= {
        "images": f"{data.source}: {len(data.tags):,} for training, {len(data.test_truth):,} for "
        f"tests, {len(data.names)} tags",
        "training tags": f"{(given & truth).sum() / truth.sum():.0%} of the true ones given, "
        f"{(given & ~truth).sum() / given.sum():.0%} of those given wrong",
    }
    if mosaics:
        section.settings["noise"] = (
            f"each true tag left out with chance {MISSING:g}, {ADDED:g} wrong tags an image on "
            "average, unevenly popular, seed 0"
        )
    section.text.append(
        "Trained on users' tags, tested on the truth. Each point takes every image's n best "
        "tags. mAP_L ranks images for each label, mAP_I labels for each image."
    )
    section.draw(
        "fig5",
        _draw(curves, section.tables["mean average precision"]),
        f"Precision against recall for the n = 1 … {LARGEST_N} best tags of each test image.",
        curves,
    )
    _judge(context, parts, section, data)


def _judge(context: Context, parts: Parts, section: Section, data: TaggedSet) -> None:
    rows = {row["method"]: row for row in section.tables["mean average precision"]}
    said = []
    for measure in ("mAP_L", "mAP_I"):
        others = {name: rows[name][measure] for name in PAPERS_FOUR[1:]}
        best = max(others, key=lambda name: others[name])
        lead = rows["AIR"][measure] - others[best]
        section.expect(f"{measure}: AIR ahead of the best other method, {best}", lead, ">", 0)
        said.append((measure, best, lead))
    behind = [one for one in said if one[2] <= 0]
    reason = f"{data.source}; {context.backbone} features. "
    if behind:
        reason += _why_behind(parts, section, data, behind)
    section.compare(
        "mAP_L and mAP_I",
        paper="AIR first in the plot, by every measure (its text gives no numbers)",
        ours="; ".join(
            f"{name} {rows[name]['mAP_L']:.3f} and {rows[name]['mAP_I']:.3f}"
            for name in PAPERS_FOUR
        ),
        why=reason.strip(),
    )


def _why_behind(
    parts: Parts, section: Section, data: TaggedSet, behind: list[tuple[str, str, float]]
) -> str:
    """Whether the noise puts others ahead of AIR: the same fits on the true training tags tell."""
    rivals = tuple(dict.fromkeys(best for _, best, _ in behind))
    clean = replace(data, tags=data.truth.astype(np.int8))
    rows = {}
    for name, (scores, note) in tag_scores(parts, clean, ("AIR", *rivals)).items():
        rows[name] = {
            "mAP_L": metrics.mean_ap_by_label(scores, data.test_truth),
            "mAP_I": metrics.mean_ap_by_image(scores, data.test_truth),
        }
        section.add("trained on the true tags", method=name, **rows[name], settings=note)
    said = []
    for measure, best, lead in behind:
        without = rows["AIR"][measure] - rows[best][measure]
        costs = {
            name: rows[name][measure] - row[measure]
            for row in section.tables["mean average precision"]
            if (name := row["method"]) in rows
        }
        said.append(
            f"By {measure} {best} is ahead of AIR by {_short(-lead)}. Trained on the true tags AIR "
            f"is {'ahead' if without > 0 else 'behind'} by {_short(abs(without))}: the noise costs "
            f"AIR {costs['AIR']:.3f} and {best} {costs[best]:.3f}."
        )
    return " ".join(said)


def _short(difference: float) -> str:
    """Three digits, or that these do not show it."""
    return f"{difference:.3f}" if difference >= 5e-4 else "less than 0.001"


def _draw(curves: list[Row], rows: list[Row]) -> Figure:
    figure = new_figure(7, 5)
    axes = figure.add_subplot()
    for position, row in enumerate(rows):
        name = row["method"]
        line = [one for one in curves if one["method"] == name]
        colour = METHOD_COLOURS.get(name, "#8a6d00")
        axes.plot(
            [one["recall"] for one in line],
            [one["precision"] for one in line],
            "-" if name in PAPERS_FOUR else "--",
            marker=MARKERS[position],
            markersize=5,
            color=colour,
            label=f"{name}: mAP_L {row['mAP_L']:.3f}, mAP_I {row['mAP_I']:.3f}",
        )
    for one in curves:
        if one["method"] == "AIR":
            axes.annotate(
                str(one["n"]), (one["recall"], one["precision"]), xytext=(4, 6),
                textcoords="offset points", fontsize=8,
            )  # fmt: skip
    axes.set(xlabel="recall", ylabel="precision")
    axes.legend(fontsize="small")
    fine_grid(axes)
    return figure
