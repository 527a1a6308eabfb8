"""Figure 6: top-5 tags of sample images by AIR and by the SVM."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.reproduce.context import Context
from benchmarks.reproduce.drawing import BLUE, GREEN, RED, bare, new_figure, tile
from benchmarks.reproduce.parts import Parts
from benchmarks.reproduce.section import Row, Section
from benchmarks.reproduce.tag_models import tag_scores
from benchmarks.reproduce.tagged import TaggedSet, tagged

TITLE = "Figure 6 · Top-5 tags of sample images"
SAMPLES, TOP, SEED, NEAREST = 8, 5, 0, 3
KINDS = {"true": (BLUE, "✓"), "wrong": (RED, "✗"), "plausible": (GREEN, "≈")}


def run(context: Context, parts: Parts, section: Section) -> None:
    """Fill the section."""
    parts.total = 2
    data = tagged(context)
    scores = {name: found for name, (found, _) in tag_scores(parts, data, ("AIR", "SVM")).items()}
    near = similar_tags(data.test_features, data.test_truth)
    tagged_rows = np.flatnonzero(data.test_truth.any(axis=1))
    rng = np.random.default_rng(SEED)
    sample = np.sort(rng.choice(tagged_rows, min(SAMPLES, len(tagged_rows)), replace=False))
    rows = [
        row
        for image in sample.tolist()
        for model, values in scores.items()
        for row in _predictions(data, image, model, values[image], near)
    ]
    section.text.append(
        "✓ blue: a true tag. ≈ green: not among the true ones, but one of the "
        f"{NEAREST} tags whose images look most alike one of them, by their mean features. "
        "✗ red: any other. The images are drawn at random, seed 0. The paper's authors judged by "
        "eye which tags are plausible; here a rule does."
    )
    section.settings["images"] = data.source
    section.draw("fig6", _draw(data, sample, rows), "Five best tags of each image.", rows)
    shares = {}
    for model, values in scores.items():
        best = np.argsort(-values[tagged_rows], axis=1, kind="stable")[:, :TOP]
        truth = np.take_along_axis(data.test_truth[tagged_rows], best, axis=1)
        alike = np.stack([near[data.test_truth[row]].any(axis=0) for row in tagged_rows])
        plausible = np.take_along_axis(alike, best, axis=1) & ~truth
        shares[model] = float(truth.mean())
        section.add(
            "top-5 tags of all test images",
            model=model,
            true=shares[model],
            plausible=float(plausible.mean()),
            wrong=float((~truth & ~plausible).mean()),
        )
    section.compare(
        "true tags among the top 5, AIR / SVM",
        paper="a few images, AIR's with more true and plausible tags (no figure given)",
        ours=f"{shares['AIR']:.1%} / {shares['SVM']:.1%} over {len(tagged_rows):,} test images",
        why=f"{data.source}, with fewer than five true tags an image.",
    )


def similar_tags(features: NDArray[np.floating], truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each tag (row) the few whose images' mean features point most nearly the same way."""
    count = truth.sum(axis=0)
    means = truth.T.astype(np.float64) @ (features - features.mean(axis=0))
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    alike = means @ means.T
    np.fill_diagonal(alike, -np.inf)
    alike[:, count == 0] = -np.inf
    near = np.zeros(alike.shape, dtype=bool)
    best = np.argsort(-alike, axis=1, kind="stable")[:, :NEAREST]
    np.put_along_axis(near, best, True, axis=1)
    return near & np.isfinite(alike)


def _predictions(
    data: TaggedSet,
    image: int,
    model: str,
    scores: NDArray[np.floating],
    near: NDArray[np.bool_],
) -> list[Row]:
    truth = data.test_truth[image]
    plausible = near[truth].any(axis=0)
    return [
        {
            "path": data.test_files[image].name,
            "image": image,
            "model": model,
            "rank": rank,
            "tag": data.names[tag],
            "kind": "true" if truth[tag] else "plausible" if plausible[tag] else "wrong",
        }
        for rank, tag in enumerate(np.argsort(-scores, kind="stable")[:TOP].tolist(), 1)
    ]


def _draw(data: TaggedSet, sample: NDArray[np.intp], rows: list[Row]) -> Figure:
    columns = 2
    figure = new_figure(11.5, 2.15 * -(-len(sample) // columns))
    axes = np.atleast_1d(figure.subplots(-(-len(sample) // columns), columns)).ravel()
    for one in axes:
        bare(one)
        one.set(xlim=(0, 3.1), ylim=(1, 0))
    for one, image in zip(axes, sample.tolist(), strict=False):
        picture = tile(data.test_files[image], 200, "#1b2528")
        one.imshow(picture, extent=(0.0, 0.95, 0.98, 0.03), aspect="auto")
        for at, model in ((1.05, "AIR"), (2.1, "SVM")):
            one.text(at, 0.08, model, fontweight="bold", va="center")
            found = [row for row in rows if row["image"] == image and row["model"] == model]
            for row in found:
                colour, sign = KINDS[row["kind"]]
                one.text(
                    at,
                    0.08 + 0.17 * row["rank"],
                    f"{sign} {row['tag'][:20]}",
                    color=colour,
                    va="center",
                    fontsize=10,
                    fontfamily="DejaVu Sans",
                )
        one.set_aspect("auto")
    return figure
