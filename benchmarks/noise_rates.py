"""Estimated noise against the true one: by class, overall, and how often the intervals hold it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from air_core import pipeline
from air_core.baselines import ridge_left_out
from air_core.bench import Report
from air_core.dataset import index_labels
from air_core.installation import sample_source, sample_truth, workspaces_folder
from air_core.noise import estimate_noise, flip, pairwise, symmetric
from benchmarks import data as sets

SEEDS = (0, 1, 2, 3, 4)
DIGITS = 6000

Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Case:
    """One set of noisy labels whose truth is known."""

    name: str
    features: NDArray[Any]
    given: Labels
    clean: Labels
    n_classes: int


def noise_rates(report: Report, data: Path, seeds: Sequence[int] = SEEDS) -> None:
    """Add the table ``noise`` and its targets to a report.

    Parameters
    ----------
    report : Report
    data : Path
        Folder of the zipped data sets.
    seeds : sequence of int
        Of synthetic noise; figures of one kind of noise are their means.
    """
    held: dict[str, list[float]] = {}
    rows: dict[str, list[dict[str, float]]] = {}
    for case in _cases(data, seeds):
        row = figures(case)
        rows.setdefault(case.name, []).append(row)
        held.setdefault(case.name, []).append(row["classes held"])
    for name, found in rows.items():
        mean = {key: float(np.mean([row[key] for row in found])) for key in found[0]}
        report.add("noise", labels=name, runs=len(found), **mean)
    asked = [name for name in held if "nothing" not in name]
    coverage = float(np.mean([np.mean(held[name]) for name in asked]))
    report.expect("95 % intervals of classes that hold the true rate", coverage, ">=", 0.9)


def figures(case: Case) -> dict[str, float]:
    """What the estimate gave beside what is true; the truth is read here only."""
    started = time.perf_counter()
    left_out = ridge_left_out(case.features, case.given, n_classes=case.n_classes)
    fitted = time.perf_counter()
    found = estimate_noise(left_out.probabilities, case.given)
    ended = time.perf_counter()
    there = found.sizes > 0
    wrong = np.bincount(case.given, case.given != case.clean, case.n_classes)
    true = wrong[there] / found.sizes[there]
    low, high = (limit[there] for limit in found.rate_limits)
    disagree = np.bincount(
        case.given, left_out.probabilities.argmax(axis=1) != case.given, case.n_classes
    )
    counted = disagree[there] / found.sizes[there]
    overall = float((case.given != case.clean).mean())
    weight = found.sizes[there] / found.sizes.sum()
    errors = {
        "estimate": found.rates[there],
        "hidden label": found.latent[there],
        "confident joint": found.confident[there],
        "argmax": counted,
    }
    return {
        "true": overall,
        "estimated": found.overall[0],
        "low": found.overall[1],
        "high": found.overall[2],
        **{f"{name}, overall": float(rate @ weight) for name, rate in errors.items()},
        **{f"{name}, class error": float(abs(rate - true).mean()) for name, rate in errors.items()},
        "classes held": float(((low <= true) & (true <= high)).mean()),
        "class width": float((high - low).mean()),
        "ridge s": fitted - started,
        "estimate s": ended - fitted,
    }


def _cases(data: Path, seeds: Sequence[int]) -> Iterator[Case]:
    for column in ("worst", "rand1", "aggre"):
        yield _own(data, "cifar10n", column)
    yield _own(data, "caltech50", "flip50")
    yield _sample()
    for name, noise, matrix, limit in (
        ("caltech50", "10 % symmetric", lambda c: symmetric(c, 0.1), None),
        ("mnist", "30 % symmetric", lambda c: symmetric(c, 0.3), DIGITS),
        ("mnist", "30 % pairwise", lambda c: pairwise(c, 0.3), DIGITS),
        ("cifar10n", "30 % symmetric", lambda c: symmetric(c, 0.3), None),
    ):
        clean = sets.load(data, name, limit=limit)
        classes = len(clean.class_names)
        for seed in seeds:
            given = flip(clean.clean, matrix(classes), np.random.default_rng(seed))
            yield Case(f"{name} {noise}", clean.features, given, clean.clean, classes)
    for name, limit in (("caltech50", None), ("mnist", DIGITS), ("cifar10n", None)):
        clean = sets.load(data, name, limit=limit)
        classes = len(clean.class_names)
        yield Case(f"{name} nothing flipped", clean.features, clean.clean, clean.clean, classes)


def _own(data: Path, name: str, column: str) -> Case:
    found = sets.load(data, name, column)
    classes = len(found.class_names)
    return Case(f"{name} {column}", found.features, found.given, found.clean, classes)


def _sample() -> Case:
    """The sample that comes with the program."""
    workspace = pipeline.open_source(sample_source(), workspaces_folder() / "bench" / "sample")
    features = pipeline.extract(workspace)
    dataset = workspace.dataset
    truth = pd.read_csv(sample_truth(), dtype=str, keep_default_na=False)
    label = dict(zip(truth["path"], truth["label"], strict=True))
    clean = index_labels([label[path] for path in dataset.paths], dataset.class_names)
    return Case(
        "sample", np.array(features.array), dataset.given_labels, clean, len(dataset.class_names)
    )
