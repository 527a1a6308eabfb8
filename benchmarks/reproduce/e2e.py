"""The paper's future work: AIR whose gradient reaches the inner layers, under rising noise."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from air_core.features import resolve_device
from air_core.noise import flip, symmetric
from air_core.solver import AIRClassifier
from benchmarks.reproduce import sources
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.drawing import BLUE, GREEN, GREY, MARKERS, fine_grid, new_figure
from benchmarks.reproduce.inner_layers import (
    BACKBONE,
    FROZEN_BLOCKS,
    Recipe,
    Tuned,
    fine_tune,
    frozen_features,
    inner_activations,
)
from benchmarks.reproduce.parts import Parts, Values, digest_of
from benchmarks.reproduce.section import Row, Section

TITLE = "Future work · AIR through the inner layers"
REVISION = 1
LEVELS = (0.0, 0.2, 0.4, 0.6)
PER_CLASS, TESTS, SEED = 24, 500, 0
# λ_g as multiples of 1/p; which one is chosen on held-out noisy labels.
SCALES = (30.0, 100.0)
RECIPE = Recipe()
LAST, PLAIN, END_TO_END = "AIR on the last layer", "plain fine-tuning", "AIR end to end"
COLOURS = {LAST: BLUE, PLAIN: GREY, END_TO_END: GREEN}


def run(context: Context, parts: Parts, section: Section) -> None:
    """Fill the section."""
    parts.total = 1 + len(LEVELS) * (2 + len(SCALES))
    data, source = sources.half_flipped(context)
    device = resolve_device(context.device)
    weights = context.weights if context.backbone == BACKBONE else None
    rows = cut(data.clean)
    tests = np.sort(np.random.default_rng(SEED).permutation(len(data.test_clean))[:TESTS])
    files = [data.files[row] for row in rows] + [data.test_files[row] for row in tests]

    def cache() -> Values:
        maps = inner_activations(files, weights=weights, device=device, progress=context.progress)
        features = frozen_features(maps, weights=weights, device=device)
        return {"maps": maps, "features": features}

    key = {
        "revision": REVISION,
        "images": digest_of(data.features[rows], data.test_features[tests]),
        "weights": context.described() if weights else "published",
        "blocks": FROZEN_BLOCKS,
    }
    cached = parts.get("e2e-activations", key, cache)
    count = len(rows)
    maps, test_maps = cached["maps"][:count], cached["maps"][count:]
    features, test_features = cached["features"][:count], cached["features"][count:]
    clean, test_clean, classes = data.clean[rows], data.test_clean[tests], len(data.class_names)
    for level in LEVELS:
        rng = np.random.default_rng(SEED)
        given = flip(clean, symmetric(classes, level), rng)
        split = train_test_split(np.arange(count), test_size=0.2, random_state=SEED)
        digest = digest_of(maps, given, test_maps, test_clean)

        def last(given: NDArray[np.intp] = given) -> Values:
            model = AIRClassifier(random_state=SEED).fit(features, given)
            return {"accuracy": float((model.predict(test_features) == test_clean).mean())}

        settings = {"revision": REVISION, "data": digest, "seed": SEED}
        found = parts.get("e2e-last", settings, last)
        section.add("accuracy", noise=level, method=LAST, accuracy=found["accuracy"], chosen="")
        tuned: dict[float, Tuned] = {}
        for scale in (0.0, *SCALES):

            def train(given: NDArray[np.intp] = given, scale: float = scale, s=split) -> Values:
                return asdict(
                    fine_tune(
                        maps,
                        given,
                        s,
                        (test_maps, test_clean),
                        n_classes=classes,
                        lambda_scale=scale,
                        recipe=RECIPE,
                        seed=SEED,
                        weights=weights,
                        device=device,
                        progress=context.progress,
                    )
                )

            settings = {
                "revision": REVISION,
                "data": digest,
                "lambda": scale,
                "recipe": asdict(RECIPE),
                "seed": SEED,
                "device": device.type,
            }
            kept = parts.get("e2e-train", settings, train)
            tuned[scale] = Tuned(kept["held_out"], kept["accuracy"])
            section.add(
                "every epoch",
                noise=level,
                lambda_times_p=scale,
                held_out=", ".join(f"{value:.3f}" for value in kept["held_out"]),
                test=", ".join(f"{value:.3f}" for value in kept["accuracy"]),
            )
        best = max(SCALES, key=lambda scale: max(tuned[scale].held_out))
        for name, scale in ((PLAIN, 0.0), (END_TO_END, best)):
            one = tuned[scale]
            section.add(
                "accuracy",
                noise=level,
                method=name,
                accuracy=one.accuracy[one.chosen],
                chosen=f"epoch {one.chosen + 1}" + (f", λ_g = {scale:g}/p" if scale else ""),
            )
    _describe(section, source, count, len(tests), device.type)


def cut(clean: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows of the first images of each class."""
    kept = [np.flatnonzero(clean == label)[:PER_CLASS] for label in np.unique(clean)]
    return np.sort(np.concatenate(kept))


def _describe(section: Section, source: str, count: int, tests: int, device: str) -> None:
    rows = section.tables["accuracy"]
    section.text.append(
        "The paper ends with the wish to let the regularizer's error flow into the inner layers. "
        f"Here it does: the last {16 - FROZEN_BLOCKS} of sixteen blocks of EfficientNet-Lite0 are "
        "trained with AIR on top, beside the same training without AIR and AIR on frozen features. "
        "λ_g and the epoch are chosen on a held-out fifth of the noisy labels for all alike."
    )
    section.settings |= {
        "images": f"a cut of {source}: {count:,} for training (held-out ones among them), "
        f"{tests:,} for tests",
        "noise": "labels replaced by any other class alike, seed 0",
        "training": f"{RECIPE.epochs} epochs of AdamW, batches of {RECIPE.batch_size}, rates "
        f"{RECIPE.inner_rate:g} and {RECIPE.top_rate:g} on {device}, from cached activations",
        "λ_g": " or ".join(f"{scale:g}/p" for scale in SCALES),
        "network": "EfficientNet-Lite0, whatever the backbone of the other figures",
    }
    section.draw(
        "e2e", _draw(rows), "Accuracy on clean test images by share of wrong labels.", rows
    )
    at = {(row["noise"], row["method"]): row["accuracy"] for row in rows}
    most = max(LEVELS)
    won = [level for level in LEVELS if at[level, END_TO_END] > at[level, PLAIN]]
    section.compare(
        f"accuracy at {most:.0%} noise, last layer / plain fine-tuning / end to end",
        paper="left to future work",
        ours=" / ".join(f"{at[most, name]:.1%}" for name in COLOURS)
        + f"; end to end beats plain fine-tuning at {len(won)} of {len(LEVELS)} noise levels",
        why="no figure to compare with; a small cut of images and a short schedule, one seed.",
    )


def _draw(rows: list[Row]) -> Figure:
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    for (name, colour), marker in zip(COLOURS.items(), MARKERS, strict=False):
        line = [row for row in rows if row["method"] == name]
        axes.plot(
            [100 * row["noise"] for row in line],
            [100 * row["accuracy"] for row in line],
            "--" if name == PLAIN else "-",
            color=colour,
            marker=marker,
            label=name,
        )
    axes.set(xlabel="wrong labels, %", ylabel="accuracy on clean test images, %")
    axes.legend(fontsize="small")
    fine_grid(axes)
    return figure
