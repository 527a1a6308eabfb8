"""A workspace of any size to measure the interface on: every step of an audit, in seconds.

Features come again past the end of the base set, each number off by some 10 %; the models are
fitted on the base and applied to all rows. A few hundred painted pictures serve all items: what
the interface does with an item depends neither on what is in its file nor on whose file it is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from air_core import pipeline
from air_core.atomic import atomic_write
from air_core.baselines.svm import linear_svm
from air_core.features.cache import FeatureCache, Stored
from air_core.installation import versions
from air_core.labels import Decision
from air_core.progress import ProgressCallback, silent
from air_core.ranking import margins, own_class, softmax
from air_core.runs import Fit, current_fit, fit_key, make_current, new_run_id, save_fit
from air_core.solver import SolverConfig, sadmm
from air_core.workspace import Workspace
from benchmarks import data as sets
from benchmarks.ui_items import Base, make_items

SHARD = 20_000
BASE_ROWS = 10_000
SVM_ROWS = 3_000
BACKBONE, FINGERPRINT = "synthetic", "synthetic"
CONFIG = SolverConfig(update="block", rho=30.0, rho_max=1200.0, epochs=12)
EPOCHS = (1, 4, 12)


def make(
    folder: Path,
    n: int,
    *,
    data: Path | None = None,
    classes: int = 10,
    p: int = 1280,
    store: Stored = "float32",
    path: bool = False,
    projections: bool = False,
    decided: int = 0,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> Path:
    """Make a workspace of n images, or what is missing of it.

    Parameters
    ----------
    folder : Path
        Gets ``source`` (pictures, ``labels.csv``, ``truth.csv``) and ``audit``, the workspace.
        Files listed in the source share pictures, so it cannot be imported again.
    n : int
        Images, up to a million or so.
    data : Path, optional
        Folder with ``cifar10n.zip``: its features and its labels (``worst``) are the base.
        Without it, clusters of random numbers.
    classes, p : int
        Of the random clusters.
    store : {"float32", "float16"}
        What the features are kept in.
    path : bool
        Solve the λ_g path as well; it is solved on all n images and takes its time.
    projections : bool
        Blobs for both maps.
    decided : int
        Decisions of one reviewer on the worst images.
    seed : int
    progress : callable

    Returns
    -------
    Path
        The workspace.
    """
    audit = folder / "audit"
    mark = {"n": n, "seed": seed, "base": "cifar10n" if data else f"blobs {classes}×{p}"}
    stamp = folder / "made.json"
    made = json.loads(stamp.read_text()) if stamp.is_file() else None
    if made is not None and made != mark:
        raise ValueError(f"Expected an empty folder or one made with {mark}, got {made}.")
    base = None
    if made is None or not _fitted(audit):
        base = _base(data, classes, p, seed)
    if made is None:
        assert base is not None
        make_items(folder, n, base, seed, progress)
        stamp.write_text(json.dumps(mark))
    workspace = Workspace.open(audit)
    if base is not None:
        _write_features(workspace, base, store, seed, progress)
        _fit_air(workspace, base)
        _fit_svm(workspace, base)
    if projections:
        _project(workspace, seed)
    if decided and not workspace.labels.history():
        _decide(workspace, decided)
    if path:
        pipeline.fit_path(workspace, progress=progress)
    workspace.close()
    return audit


def _base(data: Path | None, classes: int, p: int, seed: int) -> Base:
    if data is not None:
        cifar = sets.load(data, "cifar10n", "worst")
        return Base(cifar.features, cifar.given, cifar.clean, cifar.class_names)
    rng = np.random.default_rng(seed)
    n = min(BASE_ROWS, 200 * classes)
    clean = rng.integers(0, classes, n)
    centres = np.abs(rng.standard_normal((classes, p), dtype=np.float32))
    noise = rng.standard_normal((n, p), dtype=np.float32)
    given = np.where(rng.random(n) < 0.2, rng.integers(0, classes, n), clean)
    names = tuple(f"class {c:03d}" for c in range(classes))
    return Base(np.maximum(0, 0.6 * centres[clean] + noise - 0.3), given, clean, names)


def _fitted(audit: Path) -> bool:
    return (audit / "features" / "current.txt").is_file() and all(
        current_fit(audit / "runs", model) is not None for model in ("air", "svm")
    )


# -- features and fits ------------------------------------------------------------------------


def _write_features(
    workspace: Workspace, base: Base, store: Stored, seed: int, progress: ProgressCallback
) -> None:
    dataset = workspace.dataset
    n, known = len(dataset), base.features.shape[0]
    cache = FeatureCache(
        workspace.features_dir,
        backbone=BACKBONE,
        fingerprint=FINGERPRINT,
        dim=base.features.shape[1],
        dtype=store,
    )

    def blocks() -> Iterator[NDArray[np.float32]]:
        for start in range(0, n, SHARD):
            rows = np.arange(start, min(start + SHARD, n))
            progress(start, n, "Writing features")
            rng = np.random.default_rng([seed, start])
            array = base.features[rows % known].astype(np.float32)
            again = rows >= known
            noise = rng.standard_normal((int(again.sum()), array.shape[1]), dtype=np.float32)
            array[again] *= np.maximum(0, 1 + 0.1 * noise)
            yield array

    if not cache.has(dataset.digests):
        cache.write(dataset.digests, blocks())
    features = cache.assemble(dataset.digests)
    record = (BACKBONE, cache.folder.name, features.digest, dataset.images_digest())
    with atomic_write(workspace.features_dir / "current.txt") as file:
        file.write("\n".join(record).encode())


def _fit_air(workspace: Workspace, base: Base) -> None:
    if pipeline.latest_fit(workspace, "air") is not None:
        return
    started = time.perf_counter()
    found = sadmm(
        base.features, base.given, n_classes=len(base.names), config=CONFIG, snapshots=EPOCHS
    )
    probabilities, activations = _apply(workspace, found.coef, found.intercept, softmax_of=True)
    rows = np.arange(len(workspace.dataset)) % len(base.given)
    _store(
        workspace,
        "air",
        started,
        settings=CONFIG.as_dict() | {"solver": "sadmm", "strength": "paper"},
        lambda_g=found.lambda_g,
        lambda_scale=CONFIG.lambda_scale,
        history=list(found.history),
        notes={"converged": found.converged, "stop_reason": found.stop_reason},
        coef=found.coef,
        intercept=found.intercept,
        probabilities=probabilities,
        activations=activations,
        margins=margins(probabilities, workspace.dataset.given_labels),
        epochs=np.array(EPOCHS),
        epoch_activations=np.stack([found.snapshots[epoch][rows] for epoch in EPOCHS]),
    )


def _fit_svm(workspace: Workspace, base: Base) -> None:
    if pipeline.latest_fit(workspace, "svm") is not None:
        return
    started = time.perf_counter()
    x, y = base.features[:SVM_ROWS], base.given[:SVM_ROWS]
    found = linear_svm(x, y, n_classes=len(base.names), grid=(0.1,), folds=2)
    decision, activations = _apply(workspace, found.coef, found.intercept, softmax_of=False)
    _store(
        workspace,
        "svm",
        started,
        settings={"grid": [0.1], "folds": 2, "seed": 0},
        lambda_g=None,
        lambda_scale=None,
        history=[],
        notes={"converged": found.converged, "C": found.C},
        coef=found.coef,
        intercept=found.intercept,
        probabilities=softmax(decision),
        activations=activations,
        margins=margins(decision, workspace.dataset.given_labels),
        epochs=np.zeros(0, dtype=np.intp),
        epoch_activations=np.zeros((0, len(decision))),
    )


def _apply(
    workspace: Workspace, coef: NDArray[Any], intercept: NDArray[Any], *, softmax_of: bool
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Probabilities or decision values (n, C) and own-class activations (n,) of all images."""
    array = pipeline.current_features(workspace).array
    given = workspace.dataset.given_labels
    scores, activations = [], []
    for rows in _blocks(len(array)):
        x = np.asarray(array[rows], dtype=np.float32)
        scores.append((x @ coef + intercept).astype(np.float32))
        activations.append(own_class(np.sqrt((x * x) @ (coef * coef)), given[rows]))
    found = np.concatenate(scores)
    return (softmax(found) if softmax_of else found), np.concatenate(activations)


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + SHARD) for start in range(0, n, SHARD))


def _store(workspace: Workspace, model: str, started: float, **fields: Any) -> None:
    features = pipeline.current_features(workspace)
    subject = workspace.dataset.labels_digest()
    made = Fit(
        **fields,
        run_id=new_run_id(model),
        model=model,
        key=fit_key(model, features.digest, subject, fields["settings"]),
        dataset_digest=subject,
        feature_digest=features.digest,
        backbone=features.backbone,
        versions=versions(),
        seconds=time.perf_counter() - started,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    save_fit(workspace.runs_dir, made)
    make_current(workspace.runs_dir, made)


# -- maps and decisions -----------------------------------------------------------------------


def _project(workspace: Workspace, seed: int) -> None:
    """Blobs: a few islands a class, on a circle."""
    labels = workspace.dataset.given_labels
    for number, method in enumerate(("umap", "tsne")):
        if pipeline.load_projection(workspace, method) is not None:
            continue
        rng = np.random.default_rng([seed, number])
        islands = rng.normal(0, 10, (len(workspace.dataset.class_names), 3, 2))
        where = islands[labels, rng.integers(0, 3, len(labels))]
        layout = where + rng.standard_normal((len(labels), 2))
        pipeline.store_projection(workspace, method, layout.astype(np.float32))


def _decide(workspace: Workspace, count: int) -> None:
    """Keep, relabel, exclude and unsure by turns on the worst images, a hundred at a time."""
    ranking = pipeline.rank(workspace, "air-margin")
    names = workspace.dataset.class_names
    made = []
    for number, row in enumerate(ranking.order[:count]):
        action = ("relabel", "keep", "relabel", "exclude", "unsure")[number % 5]
        suggested = names[int(ranking.suggested_labels[row])]
        label = suggested if action == "relabel" else None
        made.append(
            Decision(str(ranking.item_ids[row]), action, label, detector=ranking.detector)  # type: ignore[arg-type]
        )
    for start in range(0, len(made), 100):
        workspace.decide(made[start : start + 100], reviewer="bench")


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=make.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("n", type=int)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--p", type=int, default=1280, help="numbers in a row")
    parser.add_argument("--store", choices=("float32", "float16"), default="float32")
    parser.add_argument("--path", action="store_true")
    parser.add_argument("--projections", action="store_true")
    parser.add_argument("--decided", type=int, default=0)
    print(make(**vars(parser.parse_args())))
