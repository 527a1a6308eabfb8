"""Fitted models on disk: one folder a run, written whole, never changed afterwards."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.errors import WorkspaceError
from air_core.suggestions import TwoLikeliest, two_likeliest

_FORMAT = 1
_ARRAYS = (
    "coef",
    "intercept",
    "probabilities",
    "activations",
    "margins",
    "epochs",
    "epoch_activations",
)
# Computed when a fit is kept, so that a ranking need not read all probabilities.
_LIKELIEST = ("suggested", "confidences", "second_labels", "second_confidences")


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted model and what it says of every image.

    Parameters
    ----------
    run_id : str
        Sorts by time.
    model : str
        ``"air"`` or ``"svm"``.
    key : str
        Digest of features, labels, settings and model: equal keys mean equal results.
    dataset_digest : str
        The items, images and given labels that the rows belong to.
    feature_digest, backbone : str
        The features it was fitted on.
    lambda_g, lambda_scale : float or None
        λ_g and its multiple of 1/p; None for a model without it.
    settings : dict
        All solver settings, seed included.
    versions : dict
        Versions of the libraries that decide the numbers.
    seconds : float
    created_at : str
        UTC, ISO 8601.
    history : list of dict
        One record per epoch.
    notes : dict
        What else the solver reported (``converged``, ``stop_reason``, chosen C, …).
    coef : ndarray of shape (p, C), intercept : ndarray of shape (C,)
        For the features as extracted.
    probabilities : ndarray of shape (n, C), dtype float32
    activations, margins : ndarray of shape (n,), dtype float64
        In the given label's own class; NaN where unlabelled.
    epochs : ndarray of shape (E,)
        Epochs whose activations were kept, for Figure 3.
    epoch_activations : ndarray of shape (E, n)
    suggested, second_labels : ndarray of shape (n,)
        The two classes of the largest probabilities; None for a fit that was not kept yet, or by
        an older version.
    confidences, second_confidences : ndarray of shape (n,)
        These probabilities.
    """

    run_id: str
    model: str
    key: str
    dataset_digest: str
    feature_digest: str
    backbone: str
    lambda_g: float | None
    lambda_scale: float | None
    settings: dict[str, Any]
    versions: dict[str, str]
    seconds: float
    created_at: str
    history: list[dict[str, float]]
    notes: dict[str, Any]
    coef: NDArray[Any]
    intercept: NDArray[Any]
    probabilities: NDArray[Any]
    activations: NDArray[Any]
    margins: NDArray[Any]
    epochs: NDArray[Any]
    epoch_activations: NDArray[Any]
    suggested: NDArray[np.intp] | None = None
    confidences: NDArray[np.float64] | None = None
    second_labels: NDArray[np.intp] | None = None
    second_confidences: NDArray[np.float64] | None = None

    @property
    def likeliest(self) -> TwoLikeliest | None:
        """The two likeliest classes of each row, where they were kept."""
        kept = (self.suggested, self.confidences, self.second_labels, self.second_confidences)
        if any(one is None for one in kept):
            return None
        return TwoLikeliest(*map(np.asarray, kept))


def new_run_id(model: str) -> str:
    """A name that sorts by time and cannot meet another one's."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{model}-{uuid4().hex[:6]}"


def fit_key(model: str, feature_digest: str, dataset_digest: str, settings: object) -> str:
    """Digest that two fits share when they must give the same result.

    Parameters
    ----------
    model, feature_digest, dataset_digest : str
    settings : JSON-able
    """
    inputs = json.dumps([_FORMAT, model, feature_digest, dataset_digest, settings], sort_keys=True)
    return hashlib.blake2b(inputs.encode(), digest_size=12).hexdigest()


def save_fit(folder: Path, fit: Fit) -> None:
    """Store a run; it appears under its name only when it is complete."""
    record = {k: v for k, v in _fields(fit).items() if k not in _ARRAYS + _LIKELIEST}
    likeliest: dict[str, NDArray[Any]] = {}
    if fit.probabilities.size:
        found = two_likeliest(fit.probabilities)
        values = (found.labels, found.confidences, found.seconds, found.second_confidences)
        likeliest = dict(zip(_LIKELIEST, values, strict=True))
    save_run(folder, record, {name: getattr(fit, name) for name in _ARRAYS} | likeliest)


def save_run(folder: Path, record: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Store arrays and what is to be said of them as the run ``record["run_id"]``."""
    partial = folder / f".{record['run_id']}.tmp"
    partial.mkdir(parents=True)
    try:
        for name, array in arrays.items():
            np.save(partial / f"{name}.npy", array, allow_pickle=False)
        text = json.dumps({"format": _FORMAT, **record}, indent=1, sort_keys=True)
        (partial / "run.json").write_text(text, "utf-8")
        partial.replace(folder / record["run_id"])
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def make_current(folder: Path, fit: Fit) -> None:
    """Let this run be the one that rankings are read from."""
    with atomic_write(folder / f"current-{fit.model}.txt") as file:
        file.write(fit.run_id.encode())


def current_fit(folder: Path, model: str) -> Fit | None:
    """The run made current last, else the newest readable one, else None."""
    try:
        chosen = (folder / f"current-{model}.txt").read_text("utf-8").strip()
    except OSError:
        chosen = ""
    names = [chosen, *(name for name in run_names(folder, model) if name != chosen)]
    return next((fit for name in names if name and (fit := _load(folder / name))), None)


def find_fit(folder: Path, model: str, key: str) -> Fit | None:
    """A stored run of the same inputs, or None."""
    fits = (_load(folder / name, key=key) for name in run_names(folder, model))
    return next((fit for fit in fits if fit), None)


def feature_digest_of(folder: Path, run_id: str) -> str:
    """Digest of the features that a run was fitted on; empty if there is no such run."""
    if run_id not in {path.name for path in folder.glob("*-*-*")}:
        return ""
    try:
        return str(json.loads((folder / run_id / "run.json").read_text("utf-8"))["feature_digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def run_names(folder: Path, model: str) -> list[str]:
    """Names of the stored runs of a model, newest first."""
    paths = folder.glob(f"*-{model}-*") if folder.is_dir() else iter(())
    return sorted((p.name for p in paths if not p.name.startswith(".")), reverse=True)


def load_run(
    path: Path, arrays: Sequence[str], *, key: str | None = None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """What :func:`save_run` stored, the arrays memory-mapped; None if it cannot be read.

    Parameters
    ----------
    path : Path
        Folder of the run.
    arrays : sequence of str
        Names of the arrays.
    key : str, optional
        None as well for a run of another key.
    """
    try:
        record = json.loads((path / "run.json").read_text("utf-8"))
        if record.pop("format") != _FORMAT or (key is not None and record["key"] != key):
            return None
        return record, {name: np.load(path / f"{name}.npy", mmap_mode="r") for name in arrays}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _load(path: Path, key: str | None = None) -> Fit | None:
    """A fit; None if it cannot be read, as a damaged one must not hide the others."""
    stored = load_run(path, _ARRAYS, key=key)
    if stored is None:
        return None
    fields: dict[str, Any] = stored[0] | stored[1]
    with suppress(OSError, ValueError):  # fits of older versions have none
        fields |= {name: np.load(path / f"{name}.npy", mmap_mode="r") for name in _LIKELIEST}
    try:
        return Fit(**fields)
    except TypeError:
        return None


def _fields(fit: Fit) -> dict[str, Any]:
    return {f.name: getattr(fit, f.name) for f in fields(fit)}


def require_fit(fit: Fit | None, what: str) -> Fit:
    """The fit, or an error that says how to make one."""
    if fit is None:
        raise WorkspaceError(
            f"Expected a fitted {what} in this workspace, found none.",
            hint="Run air-audit fit on it.",
        )
    return fit
