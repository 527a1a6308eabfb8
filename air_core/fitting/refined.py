"""The last blocks of a workspace's backbone, trained on its own labels."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from air_core.dataset import UNLABELLED
from air_core.errors import SolverError, WorkspaceError
from air_core.fitting.stored import make_features_current
from air_core.images import load_rgb
from air_core.installation import versions
from air_core.progress import ProgressCallback, silent
from air_core.ranking import own_class
from air_core.runs import Fit, find_fit, fit_key, make_current, new_run_id, save_fit
from air_core.workspace import Workspace

if TYPE_CHECKING:
    from air_core.features import Features
    from air_core.features.cut import CutBackbone
    from air_core.refining import Known, RefineConfig, Refined

MARK = "refined"
"""Model of the run, and part of the names of folders that hold such features."""


def refine_features(
    workspace: Workspace,
    *,
    epochs: int | None = None,
    settings: Mapping[str, Any] | None = None,
    backbone: str | None = None,
    device: str = "auto",
    weights: Path | None = None,
    progress: ProgressCallback = silent,
) -> Fit:
    """Train the last blocks with AIR on the top layer; keep the ranking and the features.

    The refined features become the current ones of the workspace. Stopped at any point, the next
    call goes on: inner maps by the file, the training by the epoch.

    Parameters
    ----------
    workspace : Workspace
    epochs : int, optional
        Passes over the images in each round.
    settings : mapping, optional
        Other fields of :class:`~air_core.refining.RefineConfig`.
    backbone : str, optional
        That of the current features by default, else EfficientNet-Lite0.
    device : str
        ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
    weights : Path, optional
        A local state dict instead of the published weights.
    progress : callable

    Returns
    -------
    Fit
        The run ``"refined"``. What was refined already is returned as it is.

    Raises
    ------
    SolverError
        If images may have several labels, or fewer than two classes have labels.
    FeatureError
        If the backbone has no inner layer to train from, images cannot be read as they were
        imported, or the disk is too small.
    """
    from air_core.features import DEFAULT_BACKBONE, get_backbone, resolve_device
    from air_core.features.cut import cut_backbone
    from air_core.refining import RefineConfig

    asked = dict(settings or {}) | ({} if epochs is None else {"epochs": epochs})
    known = known_labels(workspace)
    try:
        config = RefineConfig.for_images(len(known.rows), **asked)
    except TypeError:
        allowed = sorted(RefineConfig.__dataclass_fields__)
        raise SolverError(
            f"Expected settings among {', '.join(allowed)}, got {', '.join(sorted(asked))}."
        ) from None
    spec = get_backbone(backbone or _current_backbone(workspace) or DEFAULT_BACKBONE)
    chosen = resolve_device(device)
    cut = cut_backbone(spec, weights=weights, input_size=config.input_size)
    key = fit_key(
        MARK, cut.fingerprint(), workspace.dataset.images_digest(), [*_learnt(known), str(config)]
    )
    stored = find_fit(workspace.runs_dir, MARK, key)
    if stored is not None and _use_features(workspace, stored):
        make_current(workspace.runs_dir, stored)
        return stored
    return _train(workspace, cut, known, config, chosen, key, progress)


def known_labels(workspace: Workspace) -> Known:
    """Labels to learn from: those of the source, with what reviewers have settled.

    Raises
    ------
    SolverError
        If images may have several labels, or fewer than two classes have labels.
    """
    from air_core.refining import Known

    dataset = workspace.dataset
    if dataset.multilabel:
        raise SolverError(
            "Expected one label an image, got images with several.",
            hint="Rank them with AIR or the SVM on the published features.",
        )
    settled = np.zeros(len(dataset), dtype=np.bool_)
    left_out = workspace.excluded()
    for item, event in workspace.reviewed().items():
        settled[dataset.row_of(item)] = event.action in ("keep", "relabel")
    labels = np.where(left_out, UNLABELLED, workspace.current_labels())
    return Known(dataset.given_labels, labels, settled, len(dataset.class_names))


def _learnt(known: Known) -> list[str]:
    arrays = (known.given, known.labels, known.settled)
    return [hashlib.blake2b(np.ascontiguousarray(a).tobytes()).hexdigest() for a in arrays]


def _current_backbone(workspace: Workspace) -> str | None:
    from air_core.fitting.stored import current_features

    try:
        return current_features(workspace).backbone
    except WorkspaceError:
        return None


def _train(
    workspace: Workspace,
    cut: CutBackbone,
    known: Known,
    config: RefineConfig,
    device: Any,
    key: str,
    progress: ProgressCallback,
) -> Fit:
    from air_core.features.inner import cache_inner_maps
    from air_core.refining import refine as train

    started = time.perf_counter()
    dataset, place = workspace.dataset, workspace.features_dir / "inner"
    checkpoint = workspace.runs_dir / f"{MARK}.checkpoint"
    inner = cache_inner_maps(
        cut, dataset.files, dataset.digests, place,
        load=load_rgb, views=config.views, device=device, progress=progress,
    )  # fmt: skip
    found = train(
        inner, cut.above, known, p=cut.spec.dim, config=config, device=device,
        checkpoint=checkpoint, key=f"{key} {device.type}", progress=progress,
    )  # fmt: skip
    features = _store_features(workspace, cut, found, key)
    made = Fit(
        run_id=new_run_id(MARK),
        model=MARK,
        key=key,
        dataset_digest=dataset.labels_digest(),
        feature_digest=features.digest,
        backbone=features.backbone,
        lambda_g=config.lambda_scale / cut.spec.dim,
        lambda_scale=config.lambda_scale,
        settings=config.as_dict(),
        versions=versions(),
        seconds=time.perf_counter() - started,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        history=list(found.history),
        notes={"device": device.type, "settled": int(known.settled.sum())},
        coef=found.coef,
        intercept=found.intercept,
        probabilities=found.probabilities,
        activations=own_class(
            np.sqrt(np.square(features.array) @ np.square(found.coef)), dataset.given_labels
        ),
        margins=found.margins,
        epochs=np.zeros(0, dtype=np.intp),
        epoch_activations=np.zeros((0, len(dataset))),
    )
    save_fit(workspace.runs_dir, made)
    make_current(workspace.runs_dir, made)
    make_features_current(workspace, features)
    checkpoint.unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    return made


def _store_features(workspace: Workspace, cut: CutBackbone, found: Refined, key: str) -> Features:
    from air_core.features import FeatureCache

    digests = workspace.dataset.digests
    cache = FeatureCache(
        workspace.features_dir, backbone=cut.spec.name, fingerprint=f"{MARK}-{key}",
        dim=cut.spec.dim,
    )  # fmt: skip
    cache.add_shard(digests, found.features)
    return cache.assemble(digests)


def _use_features(workspace: Workspace, fit: Fit) -> bool:
    """Make the features that a stored run left the current ones; False if they are gone."""
    from air_core.features import Features

    folder = workspace.features_dir / f"{fit.backbone}-{MARK}-{fit.key}"
    try:
        array = np.load(folder / f"{fit.feature_digest}.npy", mmap_mode="r")
    except (OSError, ValueError):
        return False
    make_features_current(workspace, Features(array, fit.backbone, fit.feature_digest))
    return True
