"""The refined ranking on human label noise: quality, and what it costs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from air_core import metrics, pipeline
from air_core.bench import Report
from air_core.progress import ProgressCallback, silent
from air_core.ranking import margin_scores, margins
from air_core.suggestions import two_likeliest
from benchmarks.data import unpacked

SET, COLUMN = "cifar10n", "worst"


def run(
    report: Report,
    data: Path,
    *,
    progress: ProgressCallback = silent,
    columns: Sequence[str] = (COLUMN,),
) -> None:
    """Refine a fresh workspace of each column of given labels; the first one has the targets."""
    folder = unpacked(data, SET)
    for column in columns:
        found = measure(report, folder, column, progress)
        if column == COLUMN:
            report.expect(f"{column}: AUROC", found["auroc"], ">=", 0.945)
            report.expect(f"{column}: average precision", found["ap"], ">=", 0.92)
            report.expect(f"{column}: minutes, wall clock", found["wall_minutes"], "<=", 60)
            report.expect(
                f"{column}: minutes, processor time over cores", found["cpu_minutes"], "<=", 60
            )


def measure(
    report: Report, folder: Path, column: str, progress: ProgressCallback
) -> dict[str, float]:
    """The command's own steps on images and one column of labels; the truth only scores them."""
    table = pd.read_csv(folder / "train.csv", dtype=str, keep_default_na=False)
    listing = folder / f"refine-{column}.csv"
    table[["path", column]].rename(columns={column: "label"}).to_csv(listing, index=False)
    place = folder / "audits" / f"refine-{column}"
    shutil.rmtree(place, ignore_errors=True)  # nothing of an earlier run may save time
    workspace = pipeline.open_source(listing, place, progress=progress)
    wall, cpu = time.perf_counter(), _cpu_seconds()
    fit = pipeline.refine(workspace, progress=progress)
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    dataset = workspace.dataset
    given = np.array([dataset.given_text(row) for row in range(len(dataset))])
    truth = dict(zip(table["path"], table["clean"], strict=True))
    clean = np.array([truth[path] for path in dataset.paths])
    wrong = given != clean
    cores = os.cpu_count() or 1
    readings = {
        "refined: margin over epochs and rounds": margin_scores(np.asarray(fit.margins)),
        "refined: margin of the mean opinion": margin_scores(
            margins(np.asarray(fit.probabilities), dataset.given_labels)
        ),
    }
    names = np.array(dataset.class_names)
    # As `rank` writes it: what a label should be if it is wrong.
    suggested = names[two_likeliest(fit.probabilities).others(dataset.given_labels).labels]
    rows = []
    for name, scores in readings.items():
        row = {
            "auroc": metrics.auroc(scores, wrong),
            "ap": metrics.average_precision(scores, wrong),
            "p_at_k": metrics.precision_at_k(scores, wrong),
            "suggestion_accuracy": float((suggested == clean)[wrong].mean()),
            "wall_minutes": wall / 60,
            "cpu_minutes": cpu / 60 / cores,
        }
        rows.append(row)
        report.add(
            "refined ranking", labels=column, images=len(dataset),
            wrong=float(wrong.mean()), reading=name, **row,
        )  # fmt: skip
    return rows[0]


def _cpu_seconds() -> float:
    return sum(os.times()[:4])
