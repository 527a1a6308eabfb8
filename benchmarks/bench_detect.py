"""``air-audit bench detect``: every detector on the same frozen features, against the truth.

What a detector sees are features and noisy labels; the truth is read afterwards, to score it.
Seconds are of one thread: as many draws of labels run at a time as there are cores.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed, parallel_config
from numpy.typing import NDArray

from air_core import metrics, pipeline
from air_core.bench import Report
from air_core.dataset import index_labels
from air_core.detectors import DETECTORS, Detection, Fits, detect
from air_core.errors import SolverError
from air_core.installation import sample_source, sample_truth, workspaces_folder
from air_core.noise import flip, pairwise, symmetric
from air_core.progress import ProgressCallback, silent
from air_core.suggestions import two_likeliest
from benchmarks import data as sets
from benchmarks.data import flip_half

SEEDS = (0, 1, 2, 3, 4)
MINUTES = 15
CIFAR = ("worst", "rand1", "aggre")
OURS = "consensus"
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Case:
    """One set of features, its truth, and the labels of each seed."""

    name: str
    features: NDArray[np.float32]
    clean: NDArray[np.intp]
    classes: int
    labels: tuple[NDArray[np.intp], ...]


def run(
    report: Report,
    data: Path,
    *,
    progress: ProgressCallback = silent,
    only: Sequence[str] = (),
    detectors: Sequence[str] = tuple(DETECTORS),
    seeds: Sequence[int] = SEEDS,
) -> None:
    """Fill the report; ``only`` names some of :data:`CASES`, ``detectors`` some of all."""
    chosen = [name for name in CASES if not only or name in only]
    cases = [CASES[name](data, seeds, progress) for name in chosen]
    started = time.perf_counter()
    found = _scores(cases, detectors, progress)
    minutes = (time.perf_counter() - started) / 60
    reached: dict[str, dict[str, dict[str, float]]] = {}
    for case in cases:
        reached[case.name] = {}
        for detector in detectors:
            runs = [one for one in found[case.name, detector] if one]
            if not runs:
                report.add("detectors that could not run", data=case.name, detector=detector)
                continue
            mean = {key: float(np.mean([one[key] for one in runs])) for key in runs[0]}
            spread = {key: float(np.std([one[key] for one in runs])) for key in runs[0]}
            reached[case.name][detector] = mean
            report.add(
                "detectors", data=case.name, detector=DETECTORS[detector].title,
                **mean, runs=len(runs), auroc_spread=spread["auroc"], ap_spread=spread["ap"],
            )  # fmt: skip
    _targets(report, reached, minutes)


Scores = dict[str, float] | None
T = TypeVar("T")


def _scores(
    cases: Sequence[Case], detectors: Sequence[str], progress: ProgressCallback
) -> dict[tuple[str, str], list[Scores]]:
    """Figures of every run; as many labels at a time as there are cores, one thread each."""
    tasks = [(case, seed) for case in cases for seed in range(len(case.labels))]
    # The longest first: nobody waits for the last one alone.
    tasks.sort(key=lambda task: -len(task[0].clean))
    found: dict[tuple[str, str], list[Scores]] = defaultdict(list)
    with parallel_config("loky", n_jobs=cpu_count(), inner_max_num_threads=1):
        runs = Parallel(return_as="generator_unordered")(
            delayed(_all)(case, seed, detectors) for case, seed in tasks
        )
        progress(0, len(tasks), "bench detect")
        for done, (name, scores) in enumerate(runs):
            for detector, one in scores.items():
                found[name, detector].append(one)
            progress(done + 1, len(tasks), "bench detect")
    return found


class _Shared(Fits):
    """Models that detectors share, and the memory that it took to make them."""

    def __init__(self) -> None:
        super().__init__()
        self._took: dict[str, float] = {}
        self._names: set[str] = set()

    def once(self, name: str, make: Callable[[], T]) -> T:
        self._names.add(name)
        if name in self._took:
            return super().once(name, make)
        with _peak() as memory:
            found = super().once(name, make)
        self._took[name] = memory[0]
        return found

    def took(self) -> float:
        """MiB for the largest of those that were asked for since this was last called."""
        names, self._names = self._names, set()
        return max((self._took[name] for name in names & self._took.keys()), default=0.0)


def _all(case: Case, seed: int, detectors: Sequence[str]) -> tuple[str, dict[str, Scores]]:
    """Figures of all detectors on one draw of labels; they share the models that they can."""
    fits, found = _Shared(), {}
    for detector in detectors:
        scores = found[detector] = _score(detector, case, seed, fits)
        took = fits.took()  # whoever finds a model fitted is charged with what it took
        if scores is not None:
            scores["memory_mib"] = max(scores["memory_mib"], took)
    return case.name, found


def _score(detector: str, case: Case, seed: int, fits: Fits) -> Scores:
    """Figures of one run; None where the detector is not installed."""
    labels = case.labels[seed]
    with _peak() as memory:
        try:
            found = detect(
                detector, case.features, labels, n_classes=case.classes, seed=seed, fits=fits
            )
        except SolverError as error:
            if "found none" in str(error):
                return None
            raise
    return {
        **figures(found, labels, case.clean),
        "seconds": float(found.notes["seconds"]),
        "memory_mib": memory[0],
    }


def figures(
    found: Detection, labels: NDArray[np.intp], clean: NDArray[np.intp]
) -> dict[str, float]:
    """How well wrong labels are found, what is suggested for them, and how sure it is."""
    wrong = labels != clean
    likeliest = two_likeliest(found.probabilities)
    # As `rank` writes it: what a label should be if it is wrong, and how likely it is that.
    suggested = likeliest.others(labels)
    right = suggested.labels == clean
    return {
        "auroc": metrics.auroc(found.scores, wrong),
        "ap": metrics.average_precision(found.scores, wrong),
        "p_at_k": metrics.precision_at_k(found.scores, wrong),
        "suggestion": float(right[wrong].mean()),
        "ece": metrics.expected_calibration_error(suggested.confidences, right),
        "likeliest_ece": metrics.expected_calibration_error(
            likeliest.confidences, likeliest.labels == clean
        ),
    }


def _targets(
    report: Report, reached: dict[str, dict[str, dict[str, float]]], minutes: float
) -> None:
    for name, by_detector in reached.items():
        ours = by_detector.get(OURS)
        others = [figures for detector, figures in by_detector.items() if detector != OURS]
        if ours is None or not others:
            continue
        lead = {key: ours[key] - max(one[key] for one in others) for key in ("auroc", "ap")}
        if name in CIFAR:
            report.expect(f"{name}: consensus − best other, AUROC", lead["auroc"], ">=", 0.01)
            report.expect(f"{name}: consensus − best other, AP", lead["ap"], ">=", 0.02)
        report.expect(f"{name}: consensus below the best other, AUROC", -lead["auroc"], "<=", 0.002)
        report.expect(f"{name}: ECE of suggestions, consensus", ours["ece"], "<=", 0.05)
        report.expect(
            f"{name}: ECE of the likeliest label, consensus", ours["likeliest_ece"], "<=", 0.05
        )
        if name in _OWN:
            least, suggestion = _OWN[name]
            report.expect(f"{name}: consensus, AUROC", ours["auroc"], ">=", least)
            report.expect(
                f"{name}: suggestions on wrong labels, consensus", ours["suggestion"],
                ">=", suggestion,
            )  # fmt: skip
    report.expect("minutes, features given", minutes, "<=", MINUTES)


_OWN = {"worst": (0.925, 0.75), "flip50": (0.998, 0.95)}


@contextmanager
def _peak() -> Iterator[list[float]]:
    """MiB that the process grew by at most, within the block."""
    found, done = [0.0], threading.Event()
    first = _resident()

    def watch() -> None:
        while not done.wait(0.02):
            found[0] = max(found[0], _resident() - first)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
        found[0] = max(found[0], _resident() - first)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * _PAGE / 2**20


Maker = Callable[[Path, Sequence[int], ProgressCallback], Case]


def _people(column: str) -> Maker:
    """Wrong labels that people gave: there is one draw of them."""

    def make(data: Path, seeds: Sequence[int], progress: ProgressCallback) -> Case:
        found = sets.load(data, "cifar10n", column, tested=False, progress=progress)
        return Case(column, found.features, found.clean, len(found.class_names), (found.given,))

    return make


def _drawn(name: str, archive: str, noise: Callable[[Any, int, int], NDArray[np.intp]]) -> Maker:
    """Noise drawn once for each seed."""

    def make(data: Path, seeds: Sequence[int], progress: ProgressCallback) -> Case:
        found = sets.load(data, archive, tested=False, progress=progress)
        classes = len(found.class_names)
        labels = tuple(noise(found.clean, classes, seed) for seed in seeds)
        return Case(name, found.features, found.clean, classes, labels)

    return make


def _by(matrix: Callable[[int, float], Any], rate: float) -> Callable[[Any, int, int], Any]:
    return lambda clean, classes, seed: flip(
        clean, matrix(classes, rate), np.random.default_rng(seed)
    )


def _sample(data: Path, seeds: Sequence[int], progress: ProgressCallback) -> Case:
    opened = pipeline.open_source(
        sample_source(), workspaces_folder() / "bench" / "sample", progress=progress
    )
    features = np.array(pipeline.extract(opened, progress=progress).array)
    dataset = opened.dataset
    truth = pd.read_csv(sample_truth(), dtype=str, keep_default_na=False)
    by_path = dict(zip(truth["path"], truth["label"], strict=True))
    clean = index_labels([by_path[path] for path in dataset.paths], dataset.class_names)
    return Case(
        "sample", features, clean, len(dataset.class_names), (np.array(dataset.given_labels),)
    )


CASES: dict[str, Maker] = {
    **{column: _people(column) for column in CIFAR},
    "flip50": _drawn("flip50", "caltech50", flip_half),
    "caltech 10 %": _drawn("caltech 10 %", "caltech50", _by(symmetric, 0.1)),
    "mnist symmetric 30 %": _drawn("mnist symmetric 30 %", "mnist", _by(symmetric, 0.3)),
    "mnist pairwise 30 %": _drawn("mnist pairwise 30 %", "mnist", _by(pairwise, 0.3)),
    "sample": _sample,
}
