"""What better choices could give at most, where a target is missed: the truth is read here.

``python -m benchmarks.ceiling DATA`` prints two tables; neither is a result.

A consensus that has learnt from the *true* labels of four fifths of the images judges the labels
that people gave to the rest, and knows how often each class is given by mistake. What it misses
cannot be had from these features by models of this kind, however wrong labels are dealt with.

AIR on MNIST at many strengths, after every epoch, the best of all *on the test digits*: with the
paper's loss and λ1 no way of choosing its strength on noisy labels can do much better than that.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from air_core.bench import Report
from air_core.detectors import Detection, detect
from air_core.detectors.calibration import given_label
from air_core.noise import flip, random_confusions
from air_core.progress import ProgressCallback, silent
from air_core.solver import SolverConfig, sadmm
from benchmarks import data as sets
from benchmarks import quality
from benchmarks.bench_detect import CASES, CIFAR, SEEDS, Case, figures

FOLDS = 5
LEVELS = (0.0, 0.3, 0.5)
STRENGTHS = tuple(product((1.0, 10.0), (3.0, 1.0, 0.3)))
EPOCHS = 150
_SHOWN = ("auroc", "ap", "suggestion")


def run(report: Report, data: Path, *, progress: ProgressCallback = silent) -> None:
    """Fill the report."""
    ranking(report, data, progress=progress)
    strength(report, data, progress=progress)


def ranking(report: Report, data: Path, *, progress: ProgressCallback = silent) -> None:
    """A row for each column of labels that people gave, and for the half-flipped ones."""
    people, flipped = [CASES[name](data, SEEDS, progress) for name in CIFAR], "flip50"
    # The truth and the features are those of one set: it is learnt once for all columns.
    for cases in (people, [CASES[flipped](data, SEEDS, progress)]):
        chances = told_by_truth(cases[0], progress=progress)
        for case in cases:
            rows = [figures(seen(chances, case, given), given, case.clean) for given in case.labels]
            report.add(
                "what a consensus that learns from the truth would reach",
                labels=case.name,
                **{key: float(np.mean([row[key] for row in rows])) for key in _SHOWN},
                draws=len(rows),
            )


def told_by_truth(
    case: Case, seed: int = 0, *, progress: ProgressCallback = silent
) -> NDArray[np.float32]:
    """Chances (n, C) of the true label of each image, from those of images in other folds."""
    n = len(case.clean)
    fold = np.random.default_rng(seed).permutation(n) % FOLDS
    chances = np.zeros((n, case.classes), dtype=np.float32)
    for number in range(FOLDS):
        progress(number, FOLDS, "Learning from the truth")
        labels = np.where(fold == number, -1, case.clean)
        found = detect("consensus", case.features, labels, n_classes=case.classes, seed=seed)
        chances[fold == number] = found.probabilities[fold == number]
    return chances


def seen(chances: NDArray[np.float32], case: Case, given: NDArray[np.intp]) -> Detection:
    """Chances of the true label with the given one seen, and the true rate of each flip known."""
    flips = np.zeros((case.classes, case.classes))
    np.add.at(flips, (case.clean, given), 1.0)
    flips /= flips.sum(axis=1, keepdims=True)
    found = given_label(chances, flips, given)
    return Detection(found[np.arange(len(given)), given].astype(np.float64), found)


def strength(report: Report, data: Path, *, progress: ProgressCallback = silent) -> None:
    """A row for each level of noise of MNIST, as in Table 1."""
    digits = sets.load(data, "mnist", progress=progress)
    classes = len(digits.class_names)
    for number, level in enumerate(LEVELS):
        progress(number, len(LEVELS), "AIR at many strengths")
        rng = np.random.default_rng(0)
        given = flip(digits.clean, random_confusions(classes, level, rng), rng)
        accuracy, best, epoch = best_on_test(digits, given)
        svm = quality.METHODS[quality.PAPER_SVM](digits.features, given, classes, 0)
        report.add(
            "AIR at its best strength on the test digits",
            noise=level,
            air=accuracy,
            lambda_scale=best.lambda_scale,
            rho=best.rho,
            epoch=epoch,
            paper_svm=quality.figures(digits, given, *svm[:2], svm.view)["accuracy"],
        )


def best_on_test(
    digits: sets.BenchmarkSet, given: NDArray[np.intp], epochs: int = EPOCHS
) -> tuple[float, SolverConfig, int]:
    """Accuracy, settings and epoch of the best of all fits, by the true labels of the test set."""
    blocks = -(-len(given) // SolverConfig().batch_size)
    found = []
    for scale, rho in STRENGTHS:
        config = SolverConfig(
            lambda_scale=scale, update="block", rho=rho, rho_max=rho * blocks, epochs=epochs
        )
        fitted = sadmm(
            digits.features, given, n_classes=len(digits.class_names), config=config,
            validation=(digits.test_features, digits.test_clean),
        )  # fmt: skip
        reached = [record["validation_accuracy"] for record in fitted.history]
        found.append((max(reached), config, 1 + int(np.argmax(reached))))
    return max(found, key=lambda one: one[0])


if __name__ == "__main__":
    import argparse
    import json

    from air_core.bench import environment

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    made = Report("ceiling", environment())
    run(made, parser.parse_args().data)
    print(json.dumps(made.as_dict(), indent=1))
