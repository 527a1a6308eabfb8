"""Table 1: ft-last-AIR against ft-last-SVM on half-flipped labels and on noisy MNIST."""

from __future__ import annotations

import numpy as np

from air_core.noise import flip, random_confusions
from benchmarks import quality
from benchmarks.data import BenchmarkSet, flip_half
from benchmarks.reproduce import sources
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.drawing import MARKERS, METHOD_COLOURS, fine_grid, new_figure
from benchmarks.reproduce.parts import Parts, Values, digest_of
from benchmarks.reproduce.section import Section

REVISION = 2
LEVELS = (0.0, 0.1, 0.3, 0.5, 0.6, 0.7)
AIR, AIR_HINGE, PAPER_SVM = "AIR, strength auto", quality.AIR_HINGE, quality.PAPER_SVM
MEAN_NORM_SVM = f"{PAPER_SVM}, mean row norm 1"
FAIR_SVM = "SVM, fair grid"
MNIST_METHODS = (AIR, AIR_HINGE, PAPER_SVM, MEAN_NORM_SVM, FAIR_SVM, "softmax-ℓ2")
# On features as extracted liblinear takes minutes to end far behind all others: `bench solver` has
# that reading. With the hinge loss it is far behind, too: once is enough to name it.
_LEFT_OUT = f"{PAPER_SVM}, as extracted"
_ONCE = (f"{PAPER_SVM}, hinge",)
FLIPPED_METHODS = tuple(name for name in quality.METHODS if name != _LEFT_OUT)
TITLE = "Table 1 · AIR against the SVM on the last layer"


def run(context: Context, parts: Parts, section: Section) -> None:
    """Fill the section."""
    parts.total = (len(FLIPPED_METHODS) - len(_ONCE)) * len(quality.SEEDS) + len(_ONCE)
    parts.total += len(LEVELS) * len(MNIST_METHODS)
    section.text.append(
        "The features are frozen and only the last layer is trained, on wrong labels too. Every "
        "model's strength is chosen on a held-out part of the noisy labels; nothing reads the "
        "truth but the accuracy on clean test images."
    )
    _half_flipped(context, parts, section)
    _mnist(context, parts, section)


def _half_flipped(context: Context, parts: Parts, section: Section) -> None:
    data, source = sources.half_flipped(context)
    classes = len(data.class_names)
    reached: dict[str, list[float]] = {}
    for seed in quality.SEEDS:
        given = data.given if seed == 0 else flip_half(data.clean, classes, seed)
        for name in FLIPPED_METHODS:
            if name in _ONCE and seed != quality.SEEDS[0]:
                continue
            found = fitted(parts, data, given, name, seed)
            reached.setdefault(name, []).append(found["accuracy"])
            section.add("half flipped by seed", seed=seed, method=name, **found)
    mean = {name: float(np.mean(values)) for name, values in reached.items()}
    air = mean["AIR, paper's settings"]
    for name, values in reached.items():
        section.add(
            "half flipped mean",
            method=name,
            seeds=len(values),
            accuracy=mean[name],
            sd=float(np.std(values)),
            points_behind_air=100 * (air - mean[name]),
        )
    section.settings |= {
        "half-flipped images": f"{source}: {len(data.clean):,} for training, "
        f"{len(data.test_clean):,} for tests",
        "noise seeds": ", ".join(map(str, quality.SEEDS)),
        "the paper's SVM": f"C from {quality.PAPER_GRID} on features at unit norm; its other "
        "readings are rows of their own",
        "fair SVM": f"C from {quality.FAIR_GRID}",
    }
    section.expect("half flipped: accuracy of AIR, paper's settings", air, ">=", 0.905)
    for name in (PAPER_SVM, MEAN_NORM_SVM):
        points = 100 * (air - mean[name])
        section.expect(f"half flipped: points of AIR over {name}", points, ">=", 8)
    section.compare(
        "half-flipped labels, AIR / SVM / difference",
        paper="61.5 % / 53.44 % / 8.1 points (ImageNet7k, AlexNet fc7)",
        ours=f"{air:.1%} / {mean[PAPER_SVM]:.1%} / {100 * (air - mean[PAPER_SVM]):.1f} points; "
        f"on features of mean norm 1 the SVM has {mean[MEAN_NORM_SVM]:.1%}, with a fair grid "
        f"{mean['SVM, fair grid']:.1%}, softmax-ℓ2 {mean['softmax-ℓ2']:.1%}",
        why=f"{source}; {context.backbone} features, which tell these classes apart far better. "
        "The paper names neither the SVM's loss nor the scale of its features, on which the "
        "meaning of C depends: every reading is a row.",
    )


def fitted(
    parts: Parts, data: BenchmarkSet, given: np.ndarray, method: str, seed: int
) -> dict[str, float | str]:
    """Accuracy and AUROCs of one method, and how it was tuned, in words."""

    def compute() -> Values:
        model = quality.METHODS[method](data.features, given, len(data.class_names), seed)
        found = quality.figures(data, given, model.coef, model.intercept, model.view)
        return {**found, "note": model.note}

    settings = {
        "revision": REVISION,
        "data": digest_of(data.features, data.test_features, given, data.test_clean),
        "method": method,
        "seed": seed,
    }
    return parts.get("table1", settings, compute)


def _mnist(context: Context, parts: Parts, section: Section) -> None:
    data, source = sources.mnist(context)
    classes = len(data.class_names)
    rows: dict[str, list[float]] = {name: [] for name in MNIST_METHODS}
    for level in LEVELS:
        rng = np.random.default_rng(0)
        given = flip(data.clean, random_confusions(classes, level, rng), rng)
        for name in MNIST_METHODS:
            found = fitted(parts, data, given, name, 0)
            rows[name].append(float(found["accuracy"]))
            section.add("MNIST by noise", noise=level, method=name, **found)
    for name, loss in ((AIR_HINGE, "with the SVM's loss"), (AIR, "with the paper's softmax")):
        for at, level in enumerate(LEVELS):
            lead = 100 * (rows[name][at] - rows[PAPER_SVM][at])
            asked = 1.4 if level >= 0.5 else 0.0
            what = f"MNIST, {level:.0%} noise: points of AIR {loss} over the SVM"
            section.expect(what, lead, ">=", asked)
    section.settings["MNIST"] = (
        f"{source}: {len(data.clean):,} for training, {len(data.test_clean):,} for tests; labels "
        "drawn from a random confusion matrix Q with 1 − noise on its diagonal, seed 0"
    )
    section.draw(
        "table1-mnist",
        _curves(rows),
        "MNIST: accuracy on clean test digits after training on noisy labels.",
        section.tables["MNIST by noise"],
    )
    at_half = LEVELS.index(0.5)
    best = max(range(len(LEVELS)), key=lambda at: rows[AIR_HINGE][at] - rows[PAPER_SVM][at])

    def reached(name: str) -> str:
        return f"{rows[name][at_half]:.1%} and {rows[name][best]:.1%}"

    section.compare(
        "MNIST, AIR / SVM",
        paper="92.37 % / 90.93 % (noise level not stated)",
        ours=f"at 50 % noise and at {LEVELS[best]:.0%}, where AIR with the SVM's loss leads the SVM"
        f" on the paper's grid most: that SVM {reached(PAPER_SVM)}, with a fair grid "
        f"{reached(FAIR_SVM)}; AIR with the SVM's loss {reached(AIR_HINGE)}, with the softmax "
        f"{reached(AIR)}",
        why=f"{len(data.clean):,} digits instead of 60,000, {context.backbone} features, and "
        "another draw of Q: the paper gives the way it is made, not the matrix." + _behind(rows),
    )


def _behind(rows: dict[str, list[float]]) -> str:
    """Where AIR loses to the paper's SVM, what its loss has to do with it, and what the grid."""

    def behind(name: str) -> str:
        levels = [
            f"{level:.0%}"
            for level, ours, theirs in zip(LEVELS, rows[name], rows[PAPER_SVM], strict=True)
            if ours < theirs
        ]
        return f"at {', '.join(levels)} noise" if levels else "nowhere"

    fair = ", ".join(
        f"{100 * (ours - theirs):+.2f}"
        for ours, theirs in zip(rows[AIR_HINGE], rows[FAIR_SVM], strict=True)
    )
    return (
        f" With the paper's softmax AIR is behind this SVM {behind(AIR)}, and softmax regression "
        f"with an ℓ2 penalty, which has the same loss, {behind('softmax-ℓ2')}. With the SVM's own "
        f"squared hinge and both strengths chosen on noisy labels AIR is behind {behind(AIR_HINGE)}"
        f". Part of its lead is λ1, which may be larger than the paper's grid of C allows; a fair "
        f"grid has that too, and over the SVM with that grid AIR's points are {fair} (levels as in "
        "the table)."
    )


def _curves(rows: dict[str, list[float]]) -> object:
    figure = new_figure(6.6, 4.2)
    axes = figure.add_subplot()
    colours = (
        METHOD_COLOURS["AIR"], "#0b3c6f", METHOD_COLOURS["SVM"], METHOD_COLOURS["SVM"], "#8a6d00",
        METHOD_COLOURS["softmax-ℓ2"],
    )  # fmt: skip
    for name, colour, marker in zip(MNIST_METHODS, colours, MARKERS, strict=False):
        style = "-" if name in (AIR, AIR_HINGE, PAPER_SVM) else "--"
        axes.plot(
            [100 * level for level in LEVELS],
            [100 * value for value in rows[name]],
            style,
            color=colour,
            marker=marker,
            label=name,
        )
    axes.set(xlabel="wrong labels, %", ylabel="accuracy on clean test digits, %")
    axes.legend(fontsize="small")
    fine_grid(axes)
    return figure
