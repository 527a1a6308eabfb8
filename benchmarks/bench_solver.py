"""``air-audit bench solver``: exactness, quality, memory and speed of the AIR solvers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from air_core.bench import Report
from air_core.progress import ProgressCallback, silent
from air_core.solver import PathRefiner, SolverConfig, air_path, sadmm
from air_core.solver.config import Update
from benchmarks import data as sets
from benchmarks.dense import dense_sadmm
from benchmarks.exactness import blobs, exactness
from benchmarks.figures import log_log
from benchmarks.quality import SEEDS, caltech_quality, figures

SECTIONS = (
    *("exactness", "estimators", "epoch", "memory", "speed"),
    *("block", "path", "growth", "quality"),
)
# Of the epoch with all groups at every step, which would take many minutes.
MEMORY_SECONDS = 120
ROUNDS = 3
MOST_ITERATIONS = 5000


def run(
    report: Report,
    data: Path,
    *,
    progress: ProgressCallback = silent,
    only: tuple[str, ...] = (),
) -> None:
    """Fill the report; ``only`` names some of :data:`SECTIONS`."""
    chosen = [name for name in SECTIONS if not only or name in only]
    for number, name in enumerate(chosen):
        progress(number, len(chosen), f"bench solver: {name}")
        globals()[f"_{name}"](report, data)
    progress(len(chosen), len(chosen), "bench solver")


def _exactness(report: Report, data: Path) -> None:
    exactness(report)


def _estimators(report: Report, data: Path) -> None:
    from sklearn.utils.estimator_checks import check_estimator

    from air_core.solver import AIRClassifier, AIRMultilabelClassifier
    from air_core.solver.validation import NegativeFeaturesWarning

    failed = 0
    for estimator in (AIRClassifier(), AIRMultilabelClassifier()):
        with warnings.catch_warnings():
            # Its arrays have negative entries on purpose; once is enough to be told.
            warnings.simplefilter("ignore", NegativeFeaturesWarning)
            results = check_estimator(estimator, on_fail=None, on_skip=None)
        bad = [r["check_name"] for r in results if r["status"] == "failed"]
        failed += len(bad)
        report.add(
            "check_estimator",
            estimator=type(estimator).__name__,
            checks=len(results),
            passed=sum(r["status"] == "passed" for r in results),
            skipped=sum(r["status"] == "skipped" for r in results),
            failed=", ".join(bad),
        )
    report.expect("check_estimator failures", failed, "<=", 0)


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _epoch(report: Report, data: Path) -> None:
    x, y = blobs(2000, 1280, 10)
    config = SolverConfig(epochs=1)
    ratios = []
    for _ in range(3):  # interleaved, so that a slow moment of the machine hits both
        free = _seconds(lambda: sadmm(x, y, config=config))
        dense = _seconds(lambda: dense_sadmm(x, y, 10, config, torch.float32))
        ratios.append(dense / free)
        report.add("one epoch, n=2000 p=1280 C=10", matrix_free_s=free, dense_s=dense)
    report.expect("one epoch, dense / matrix-free", float(np.median(ratios)), ">=", 20)


def _memory(report: Report, data: Path) -> None:
    for update in get_args(Update):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.solver_memory", update, str(MEMORY_SECONDS)],
            cwd=Path(__file__).resolve().parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
        report.add("peak memory, n=50000 p=1280 C=100, float32", **found)
        report.expect(
            f"peak memory GiB, 50k×1280×100, update={update}, {found['steps']} steps of "
            f"{found['batch_size']} images",
            found["gib"],
            "<=",
            4,
        )


def _reference(x: NDArray[Any], y: NDArray[Any]) -> int:
    """What a cleanlab user waits for: 5-fold out-of-sample probabilities, converged.

    Returns the most iterations that a fold took.
    """
    probabilities = np.empty((len(x), len(np.unique(y))))
    iterations = []
    for train, test in StratifiedKFold(5).split(x, y):
        model = LogisticRegression(max_iter=MOST_ITERATIONS).fit(x[train], y[train])
        probabilities[test] = model.predict_proba(x[test])
        iterations.append(int(np.max(model.n_iter_)))
    return max(iterations)


def _speed(report: Report, data: Path) -> None:
    cifar = sets.load(data, "cifar10n", "worst")
    x = cifar.features / np.linalg.norm(cifar.features, axis=1).mean()
    timed: dict[str, Callable[[], Any]] = {
        "50 block epochs": lambda: sadmm(x, cifar.given, config=SolverConfig(update="block")),
        "path of 20": lambda: air_path(x, cifar.given, count=20),
    }
    ratios: dict[str, list[float]] = {name: [] for name in timed}
    iterations = 0

    def reference() -> None:
        nonlocal iterations
        iterations = max(iterations, _reference(x, cifar.given))

    for number in range(ROUNDS):  # interleaved, so that a slow moment of the machine hits all
        seconds = _seconds(reference)
        found = {name: _seconds(work) for name, work in timed.items()}
        for name, own in found.items():
            ratios[name].append(own / seconds)
        report.add(
            "speed at 10k×1280×10",
            round=number,
            logistic_5_fold_s=seconds,
            **{f"{name}, s": own for name, own in found.items()},
            logistic_iterations=iterations,
        )
    report.expect(
        f"LogisticRegression converged: iterations, {MOST_ITERATIONS} allowed",
        iterations,
        "<",
        MOST_ITERATIONS,
    )
    for name, found_ratios in ratios.items():
        report.expect(
            f"{name} / 5-fold LogisticRegression, median of {ROUNDS}",
            float(np.median(found_ratios)),
            "<=",
            1,
        )


def _block(report: Report, data: Path) -> None:
    first = sets.load(data, "cifar10n", "worst", limit=2000)
    for name, one in (
        ("caltech50", sets.load(data, "caltech50", "flip50")),
        ("cifar10n 2k", first),
    ):
        reached = {}
        for update in get_args(Update):
            config = SolverConfig(update=update)
            result = sadmm(one.features, one.given, n_classes=len(one.class_names), config=config)
            reached[update] = figures(one, one.given, result.coef, result.intercept)
            report.add("block against all", data=name, update=update, **reached[update])
        for key in ("accuracy", "own_auroc", "margin_auroc"):
            report.expect(
                f"block − all, {name}, {key} (absolute)",
                abs(reached["block"][key] - reached["all"][key]),
                "<=",
                0.005,
            )


def _path(report: Report, data: Path) -> None:
    cifar = sets.load(data, "cifar10n", "worst")
    x = cifar.features / np.linalg.norm(cifar.features, axis=1).mean()
    path = air_path(x, cifar.given, count=20)
    for point in path.points:
        report.add(
            "path at 10k×1280×10",
            lambda_scale=point.lambda_scale,
            optimality=point.optimality,
            evaluations=point.evaluations,
        )
    report.expect(
        "path, largest of min(relative gap, relative gradient norm)",
        max(point.optimality for point in path.points),
        "<=",
        1e-4,
    )
    refiner = PathRefiner(x, cifar.given, path)
    times = []
    for left, right in zip(path.points[3::4], path.points[4::4], strict=False):
        scale = float(np.sqrt(left.lambda_scale * right.lambda_scale))
        started = time.perf_counter()
        point = refiner.solve(scale)
        times.append(time.perf_counter() - started)
        report.add(
            "refinement between two points",
            lambda_scale=scale,
            seconds=times[-1],
            evaluations=point.evaluations,
            optimality=point.optimality,
        )
    report.expect("refinement seconds, median", float(np.median(times)), "<=", 0.5)


def _growth(report: Report, data: Path) -> None:
    x, y = _many(sets.load(data, "cifar10n", "worst"), 50_000)
    sizes, times = (2000, 5000, 10_000, 20_000, 50_000), []
    for n in sizes:
        times.append(_seconds(lambda n=n: air_path(x[:n], y[:n], count=20)))  # type: ignore[misc]
        report.add("path of 20 against n", n=n, seconds=times[-1])
    slope = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    report.add("path of 20 against n", n="slope on log-log", seconds=slope)
    report.figures["growth"] = log_log(
        sizes, times, x="images", y="seconds", title=f"λ path of 20, slope {slope:.2f}"
    )
    report.expect("slope of log time over log n, 2k to 50k", slope, "<=", 1.15)


def _many(base: sets.BenchmarkSet, n: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows of a set; past its end they come again, each feature off by some 10 %."""
    rng = np.random.default_rng(0)
    x = base.features / np.linalg.norm(base.features, axis=1).mean()
    again = np.arange(n - len(x)) % len(x)
    jitter = 1 + 0.1 * rng.standard_normal((len(again), x.shape[1]), dtype=np.float32)
    return np.concatenate([x, x[again] * jitter]), np.concatenate([base.given, base.given[again]])


def _quality(report: Report, data: Path) -> None:
    caltech_quality(report, sets.load(data, "caltech50", "flip50"), SEEDS)
