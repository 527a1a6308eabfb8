"""The table of all detectors, on data small enough to know."""

import time
from dataclasses import replace

import numpy as np
import pytest

from air_core.bench import Report
from benchmarks import bench_detect, ceiling
from benchmarks.bench_detect import Case, _all, figures
from benchmarks.data import BenchmarkSet

ASKED = ("consensus", "softmax-left-out", "argmax", "knn")
CLASSES = 4


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    clean = np.repeat(np.arange(CLASSES), 60)
    centres = 3 * np.eye(CLASSES, 12)
    features = (centres[clean] + rng.random((len(clean), 12))).astype(np.float32)
    labels = []
    for _ in range(2):
        given = clean.copy()
        wrong = rng.choice(len(clean), 24, replace=False)
        given[wrong] = (given[wrong] + 1) % CLASSES
        labels.append(given)
    return Case("small", features, clean, CLASSES, tuple(labels))


def test_the_figures_of_an_answer_that_is_known(case):
    labels = case.labels[0]
    chances = np.eye(CLASSES, dtype=np.float32)[case.clean]
    found = bench_detect.Detection((labels == case.clean).astype(float), chances)
    assert figures(found, labels, case.clean) == {
        "auroc": 1, "ap": 1, "p_at_k": 1, "suggestion": 1, "ece": 0, "likeliest_ece": 0,
    }  # fmt: skip
    found = bench_detect.Detection((labels != case.clean).astype(float), chances)
    assert figures(found, labels, case.clean)["auroc"] == 0


def test_every_seed_is_scored_and_the_targets_compare_with_the_best_other(case, monkeypatch):
    monkeypatch.setattr(bench_detect, "CASES", {"small": lambda *asked: case})
    report = Report("detect", {})
    bench_detect.run(report, None, detectors=ASKED)
    rows = {row["detector"]: row for row in report.tables["detectors"]}
    assert len(rows) == len(ASKED)
    assert all(row["runs"] == 2 for row in rows.values())
    assert all(row["auroc"] > 0.95 for row in rows.values())
    best = max(row["auroc"] for title, row in rows.items() if title != "Consensus")
    below = next(t for t in report.targets if t.name.startswith("small: consensus below"))
    assert below.value == pytest.approx(best - rows["Consensus"]["auroc"])
    assert report.targets[-1].name == "minutes, features given"


def test_who_finds_a_model_fitted_is_charged_with_what_it_took(case):
    first = _all(case, 0, ("softmax-left-out", "argmax"))[1]
    assert first["argmax"]["seconds"] >= 0.5 * first["softmax-left-out"]["seconds"]


def test_a_model_that_is_there_is_charged_with_its_own_memory(case, monkeypatch):
    def large():
        np.ones(30_000_000).sum()
        time.sleep(0.1)

    def detect(name, features, targets, *, fits, **more):
        fits.once("part", lambda: None)
        if name in ("first", "reader"):
            fits.once("model", large)
        return bench_detect.Detection(
            np.zeros(len(targets)), np.eye(CLASSES, dtype=np.float32)[targets], notes={"seconds": 1}
        )

    monkeypatch.setattr(bench_detect, "detect", detect)
    found = _all(case, 0, ("first", "reader", "other"))[1]
    assert found["first"]["memory_mib"] > 150
    assert found["reader"]["memory_mib"] > 150, "it would have had to fit the model"
    assert found["other"]["memory_mib"] < 50, "it reads a part of what the first one made"


def test_nothing_of_the_truth_reaches_a_detector(case, monkeypatch):
    asked = []
    detect = bench_detect.detect

    def recorded(name, features, targets, **more):
        asked.append((features.copy(), targets.copy(), {**more, "fits": None}))
        return detect(name, features, targets, **more)

    monkeypatch.setattr(bench_detect, "detect", recorded)
    scores = []
    for clean in (case.clean, np.roll(case.clean, 60)):
        scores.append(_all(replace(case, clean=clean), 0, ("knn",))[1]["knn"]["auroc"])
    for one, other in zip(*asked, strict=True):
        np.testing.assert_equal(one, other)
    assert scores[0] != scores[1]


def test_the_ceiling_is_told_by_others_truth_alone(case):
    chances = ceiling.told_by_truth(case)
    assert (chances.argmax(axis=1) == case.clean).mean() > 0.95
    # An image's own truth does not reach its chances: another one there changes nothing but others.
    turned = case.clean.copy()
    turned[0] = (turned[0] + 1) % CLASSES
    assert ceiling.told_by_truth(replace(case, clean=turned))[0].argmax() == case.clean[0]
    given = case.labels[0]
    assert figures(ceiling.seen(chances, case, given), given, case.clean)["auroc"] > 0.95


def test_the_best_strength_is_the_best_on_the_test_set(case, monkeypatch):
    monkeypatch.setattr(ceiling, "STRENGTHS", ((10.0, 3.0), (1000.0, 3.0)))
    features = np.maximum(case.features, 0)
    digits = BenchmarkSet(features, case.labels[0], case.clean, features, case.clean, tuple("abcd"))
    accuracy, best, epoch = ceiling.best_on_test(digits, case.labels[0], epochs=5)
    assert accuracy > 0.9
    assert best.lambda_scale == 10.0
    assert 1 <= epoch <= 5
