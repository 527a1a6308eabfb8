"""Figure 2: CIFAR-10 by noise and training size, last layers against networks trained whole."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from air_core.baselines.noise_layer import SIDE, Schedule, train_cudaconv
from air_core.features import resolve_device
from air_core.noise import flip, random_confusions
from benchmarks import quality
from benchmarks.data import BenchmarkSet
from benchmarks.reproduce import sources
from benchmarks.reproduce.context import Context
from benchmarks.reproduce.drawing import (
    BLUE,
    GREEN,
    GREY,
    MARKERS,
    ORANGE,
    bare,
    fine_grid,
    new_figure,
)
from benchmarks.reproduce.parts import Parts, Values, digest_of
from benchmarks.reproduce.section import Row, Section

TITLE = "Figure 2 · CIFAR-10 by noise and number of training images"
REVISION = 2
LEVELS = (0.0, 0.3, 0.5, 0.7)
SHARES = (0.2, 1.0)
SEED = 0
CPU = Schedule()
GPU = replace(CPU, epochs=90, warm_up=45)
AIR, SVM, FAIR = "ft-last-AIR", "ft-last-SVM", "ft-last-SVM, fair grid"
CONV, LEARNED = "CudaConv", "CudaConv + learned-Q"
LAST = {AIR: "AIR, strength auto", SVM: quality.PAPER_SVM, FAIR: "SVM, fair grid"}
COLOURS = {AIR: BLUE, SVM: ORANGE, FAIR: "#8a6d00", CONV: GREY, LEARNED: GREEN}


def run(context: Context, parts: Parts, section: Section) -> None:
    """Fill the section."""
    parts.total = len(LEVELS) * len(SHARES) * (len(LAST) + 2)
    data, source = sources.cifar10(context)
    classes = len(data.class_names)
    images = sources.pixels(data.files, SIDE)
    test_images = sources.pixels(data.test_files, SIDE)
    device = resolve_device(context.device)
    schedule = GPU if device.type == "cuda" else CPU
    order = np.random.default_rng(SEED).permutation(len(data.clean))
    matrices: dict[float, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    for level in LEVELS:
        rng = np.random.default_rng(SEED)
        true_q = random_confusions(classes, level, rng)
        given = flip(data.clean, true_q, rng)
        for share in SHARES:
            rows = np.sort(order[: round(share * len(order))])
            cut = replace(
                data, features=data.features[rows], given=given[rows], clean=data.clean[rows]
            )
            for name, method in LAST.items():
                section.add(
                    "accuracy",
                    images=len(rows),
                    noise=level,
                    method=name,
                    accuracy=_last_layer(parts, cut, method),
                )
            for learn in (False, True):
                found = _conv(
                    parts, images[rows], cut, test_images, learn, schedule, str(device.type)
                )
                section.add(
                    "accuracy",
                    images=len(rows),
                    noise=level,
                    method=LEARNED if learn else CONV,
                    accuracy=found["accuracy"],
                )
                if learn:
                    learned = np.asarray(found["transition"])
                    section.add("learned Q", images=len(rows), noise=level, **_distances(
                        learned, true_q
                    ))  # fmt: skip
                    matrices[level] = (true_q, learned)  # the largest size comes last
    section.text.append(
        "The last-layer methods see frozen features; CudaConv, three convolutional layers, is "
        "trained from nothing, alone and with a noise layer on top that learns the confusion "
        "matrix Q. Labels are drawn from a random Q with 1 − noise on its diagonal."
    )
    section.settings |= {
        "images": f"{source}: {len(data.clean):,} for training, {len(data.test_clean):,} for "
        "tests; Q and cuts by seed 0",
        "CudaConv": f"5×5 convolutions to 32, 32 and 64 maps; {schedule.epochs} epochs "
        f"({'the GPU' if schedule is GPU else 'the smaller CPU'} schedule), batches of "
        f"{schedule.batch_size}, rate {schedule.learning_rate}, random 24×24 cuts and mirrors",
        "noise layer": f"from the identity, let go after {schedule.warm_up} epochs, rate "
        f"{schedule.noise_rate}, trace penalty from {schedule.trace} / C to 0, rows projected "
        "onto distributions that are largest on the diagonal",
        "CudaConv trained on": device.type,
    }
    rows_ = section.tables["accuracy"]
    section.draw(
        "fig2", _draw(rows_), "Accuracy on clean test images by share of wrong labels.", rows_
    )
    strongest = max(level for level in LEVELS if level >= 0.5)
    true_q, learned = matrices[strongest]
    section.draw(
        "fig2-q",
        _draw_matrices(true_q, learned, strongest),
        f"The true Q and the learned one at {strongest:.0%} noise; rows are true classes.",
        [
            {"true": i, "given": j, "q": float(true_q[i, j]), "learned": float(learned[i, j])}
            for i in range(classes)
            for j in range(classes)
        ],
    )
    _judge(context, section, rows_, source, len(data.clean))


def _last_layer(parts: Parts, data: BenchmarkSet, method: str) -> float:
    def compute() -> Values:
        model = quality.METHODS[method](data.features, data.given, len(data.class_names), SEED)
        scores = model.view(data.test_features) @ model.coef + model.intercept
        return {
            "accuracy": float((scores.argmax(axis=1) == data.test_clean).mean()),
            "note": model.note,
        }

    settings = {
        "revision": REVISION,
        "data": digest_of(data.features, data.given, data.test_features, data.test_clean),
        "method": method,
        "seed": SEED,
    }
    return float(parts.get("fig2-last", settings, compute)["accuracy"])


def _conv(
    parts: Parts,
    images: NDArray[np.uint8],
    data: BenchmarkSet,
    test_images: NDArray[np.uint8],
    learn: bool,
    schedule: Schedule,
    device: str,
) -> Values:
    def compute() -> Values:
        result = train_cudaconv(
            images,
            data.given,
            n_classes=len(data.class_names),
            learn_noise=learn,
            schedule=schedule,
            seed=SEED,
            device=device,
        )
        predicted = result.predict(test_images)
        return {
            "accuracy": float((predicted == data.test_clean).mean()),
            "transition": result.transition,
        }

    settings = {
        "revision": REVISION,
        "data": digest_of(images, data.given, test_images, data.test_clean),
        "learned": learn,
        "schedule": asdict(schedule),
        "seed": SEED,
        "device": device,
    }
    return parts.get("fig2-conv", settings, compute)


def _distances(learned: NDArray[np.float64], true_q: NDArray[np.float64]) -> dict[str, float]:
    """How far a learned Q is from the true one, beside how far the identity is."""
    identity = np.eye(len(true_q))
    return {
        "total_variation": _variation(learned, true_q),
        "of_the_identity": _variation(identity, true_q),
        "largest_difference": float(np.abs(learned - true_q).max()),
        "diagonal": float(learned.diagonal().mean()),
        "true_diagonal": float(true_q.diagonal().mean()),
    }


def _variation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Mean total variation distance of the rows: the share of labels placed wrongly."""
    return float(np.abs(first - second).sum(axis=1).mean() / 2)


def _judge(context: Context, section: Section, rows: list[Row], source: str, largest: int) -> None:
    reached = {(r["images"], r["noise"], r["method"]): r["accuracy"] for r in rows}
    for level in (one for one in LEVELS if one >= 0.5):
        lead = 100 * (reached[largest, level, LEARNED] - reached[largest, level, CONV])
        section.expect(
            f"{largest:,} images, {level:.0%} noise: points of learned-Q over CudaConv",
            lead,
            ">",
            0,
        )
    for row in section.tables["learned Q"]:
        if row["images"] == largest and row["noise"] >= 0.5:
            section.expect(
                f"{row['noise']:.0%} noise: learned Q's distance over the identity's",
                row["total_variation"] / row["of_the_identity"],
                "<=",
                0.5,
            )
    at = max(LEVELS)
    section.compare(
        f"accuracy at {at:.0%} noise, AIR / SVM / CudaConv / with learned-Q",
        paper="AIR above the SVM, the more the more noise; both CudaConvs depend strongly on the "
        "number of images (drawn)",
        ours=" / ".join(f"{reached[largest, at, name]:.1%}" for name in (AIR, SVM, CONV, LEARNED))
        + f" with {largest:,} images; "
        + " / ".join(
            f"{reached[min(r['images'] for r in rows), at, name]:.1%}"
            for name in (AIR, SVM, CONV, LEARNED)
        )
        + f" with {min(r['images'] for r in rows):,}",
        why=f"{source}, a fifth of the paper's images at most; {context.backbone} features; "
        "CudaConv on a schedule for this machine.",
    )


def _draw(rows: list[Row]) -> Figure:
    sizes = sorted({row["images"] for row in rows})
    figure = new_figure(4.8 * len(sizes), 4.2)
    all_axes = np.atleast_1d(figure.subplots(1, len(sizes), sharey=True))
    for axes, size in zip(all_axes, sizes, strict=True):
        for (name, colour), marker in zip(COLOURS.items(), MARKERS, strict=False):
            line = [row for row in rows if row["images"] == size and row["method"] == name]
            axes.plot(
                [100 * row["noise"] for row in line],
                [100 * row["accuracy"] for row in line],
                "--" if name in (FAIR, CONV) else "-",
                marker=marker,
                color=colour,
                label=name,
            )
        axes.set(xlabel="wrong labels, %", title=f"{size:,} training images")
        fine_grid(axes)
    all_axes[0].set_ylabel("accuracy on clean test images, %")
    all_axes[-1].legend(fontsize="small")
    return figure


def _draw_matrices(
    true_q: NDArray[np.float64], learned: NDArray[np.float64], level: float
) -> Figure:
    figure = new_figure(8, 3.8)
    all_axes = figure.subplots(1, 2)
    for axes, matrix, title in zip(
        all_axes, (true_q, learned), ("true Q", "learned Q"), strict=True
    ):
        drawn = axes.imshow(matrix, vmin=0, vmax=float(max(true_q.max(), learned.max())))
        axes.set_title(f"{title}, {level:.0%} noise", fontsize=10)
        axes.set(xlabel="given class", ylabel="true class")
        bare(axes)
    figure.colorbar(drawn, ax=list(all_axes), shrink=0.85)
    return figure
