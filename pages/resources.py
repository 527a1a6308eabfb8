"""What the whole server process shares: the workspace and what was computed from it.

The only place with ``st.cache_*``. Pages and routes use it alike.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from air_core import pipeline
from air_core.errors import WorkspaceError
from air_core.evidence import CosineIndex
from air_core.facts import Copies, NoiseFacts, noise_facts, stored_copies, stored_noise
from air_core.fitting import (
    Opinion,
    PathRun,
    expected_seconds,
    path_settings,
    rank_opinion,
    stored_path,
)
from air_core.labels import Event
from air_core.pipeline import Fit
from air_core.ranking import Ranking
from air_core.recents import remember_workspace
from air_core.reviewers import Reviews
from air_core.stopping import Progress
from air_core.workspace import Workspace
from pages.components.strength.refinery import Refinery
from pages.filters import Texts
from pages.standing import Gauge, Ledger, Standing

if TYPE_CHECKING:
    from air_core.features import Features
    from air_core.features.regions import RegionMaps

VARIABLE = "AIR_AUDIT_WORKSPACE"
"""Environment variable that names the workspace; ``air-audit ui`` sets it."""


def root() -> Path | None:
    """Folder of the workspace that this server shows; None if none was given."""
    given = os.environ.get(VARIABLE, "")
    return _resolved(given) if given else None


def show(folder: Path) -> None:
    """Let this server show another workspace from now on, to everybody who uses it."""
    os.environ[VARIABLE] = str(folder)
    remember_workspace(folder)


@cache
def _resolved(given: str) -> Path:
    return Path(given).expanduser().resolve()


def workspace() -> Workspace | None:
    """The workspace, opened once a process and again when its listing changes on disk.

    Returns
    -------
    Workspace or None
        None if the server was started without one.

    Raises
    ------
    WorkspaceError
        If the folder named is no workspace or is damaged.
    """
    folder = root()
    return None if folder is None else _open(folder, _stamp(folder))


def require_workspace() -> Workspace:
    """The workspace, or :class:`WorkspaceError` if the server was started without one."""
    found = workspace()
    if found is None:
        raise WorkspaceError(
            "Expected a workspace, but the interface was started without one.",
            hint="Start it with: air-audit ui WORKSPACE",
        )
    return found


def version(opened: Workspace) -> str:
    """Name of the workspace and of its present content, as ``"name-content"``.

    The name part lasts as long as the workspace and names the browser's queue of decisions; both
    together version the addresses of pictures, so that these can be cached for good.
    """
    key = f"{opened.root}\0{opened.info.source}\0{opened.info.created_at}"
    return f"{_digest(key)}-{_digest(str(_stamp(opened.root)))}"


def fit(model: str = "air") -> Fit | None:
    """The latest fit of ``"air"``, ``"svm"`` or ``"refined"``; None before the first."""
    folder = require_workspace().root
    return _fit(folder, _stamp(folder), model, _runs_stamp(folder / "runs", model))


def default_detector() -> str:
    """The consensus where it was asked about these features; AIR's margin before that."""
    best = pipeline.default_detector(require_workspace())
    return best if fit(model_of(best)) is not None else "air-margin"


def ranking(detector: str | None = None) -> Ranking | None:
    """The ranking of a detector from the latest fit; None before the first fit of its model.

    Parameters
    ----------
    detector : str, optional
        :func:`default_detector` by default.
    """
    detector = detector or default_detector()
    current = fit(model_of(detector))
    return (
        None if current is None else _rank(str(require_workspace().root), detector, current.run_id)
    )


def model_of(detector: str) -> str:
    """The model whose fit a detector reads.

    Examples
    --------
    >>> model_of("air-margin"), model_of("knn")
    ('air', 'detector.knn')
    """
    if detector in pipeline.DETECTORS:
        return detector.partition("-")[0]
    return pipeline.run_name(detector)


def detectors() -> dict[str, str]:
    """Titles of the audit's detectors, fitted or not, and of all others that were run.

    The default one comes first.
    """
    folder = require_workspace().root
    others = _others_run(folder, _stamp(folder), _stamp(folder, "runs"))
    titles = {**pipeline.DETECTORS, **{name: pipeline.detector_title(name) for name in others}}
    first = default_detector()
    return {first: titles.pop(first), **titles}


def standing() -> Standing:
    """The decisions in force; costs what has changed since it was last asked for."""
    opened = require_workspace()
    return _ledger(opened.root, _stamp(opened.root)).at(opened.labels.current())


def queue(reviewer: str) -> tuple[str, ...]:
    """Items that a reviewer has still to look at, in the order they were handed out."""
    # Most audits hand nothing out, and then what everybody said need not be worked out.
    if not require_workspace().labels.assignments():
        return ()
    return tuple(task.item_id for task in reviews().queue(reviewer))


def progress() -> Progress:
    """How far the review is by the stopping rule; of a large dataset up to a minute old."""
    opened = require_workspace()
    return _gauge(opened.root, _stamp(opened.root)).read(opened, standing())


def reviews() -> Reviews:
    """All that reviewers have said up to now, worked out once for all who look."""
    opened = require_workspace()
    events = opened.labels.events()
    return _reviews(opened.root, _stamp(opened.root), events[-1].hash if events else "", events)


def export_files(format: str, **choice: Any) -> dict[str, bytes]:
    """A label file and what goes with it, by name; see :meth:`Workspace.export_files`.

    Raises
    ------
    ExportError
        If the labels cannot be written in that format, or reviewers differ.
    """
    folder, events = require_workspace().root, reviews().events
    current = fit(model_of(default_detector()))
    newest, run = events[-1].hash if events else "", current.run_id if current else ""
    return _export_files(folder, _stamp(folder), newest, run, format, tuple(choice.items()))


def source_edits() -> tuple[str, ...]:
    """What was edited in the source after it was opened, as it was half a minute ago."""
    folder = require_workspace().root
    return _source_edits(folder, _stamp(folder))


def texts() -> Texts:
    """What the search reads."""
    folder = require_workspace().root
    return _texts(folder, _stamp(folder))


def features() -> Features:
    """The features of the images.

    Raises
    ------
    WorkspaceError
        If there are none of the current images.
    """
    folder = require_workspace().root
    return _features(folder, _stamp(folder), _stamp(folder / "features", "current.txt"))


def noise() -> NoiseFacts | None:
    """Wrong labels by class, with the verdicts so far; None before it was estimated."""
    opened = require_workspace()
    verdicts = len(opened.labels.events())  # the log only ever grows
    folder = opened.root
    return _noise(folder, _stamp(folder), _runs_stamp(folder / "runs", "ridge"), verdicts)


def copies() -> Copies | None:
    """Copies and odd images; None before they were looked for."""
    folder = require_workspace().root
    return _copies(folder, _stamp(folder), _runs_stamp(folder / "runs", "ridge"))


def path(group: str = "image_class", lambda_1: float = 1e-6) -> PathRun | None:
    """The stored λ_g path of these settings, cancelled or complete; None before it is begun."""
    folder = require_workspace().root
    stamps = _stamp(folder), _stamp(folder / "features", "current.txt")
    return _path(folder, stamps, _runs_stamp(folder / "runs", "path"), group, lambda_1)


def path_seconds(group: str = "image_class", lambda_1: float = 1e-6) -> float:
    """About how long it takes to solve, or go on solving, that path on this machine."""
    done = path(group, lambda_1)
    return _path_seconds(
        features().digest, group, lambda_1, 0 if done is None else len(done.points)
    )


def refinery(run: PathRun) -> Refinery:
    """Solves between the values of a path; holds the features in memory once it was used."""
    return _refinery(run.run_id, run)


def ranking_at(run: PathRun, detector: str, opinion: Opinion) -> Ranking:
    """The ranking of a detector at one λ_g of a path."""
    return _rank_at(run.run_id, detector, opinion.lambda_scale, opinion.exact, opinion)


def neighbours() -> CosineIndex:
    """Finds the images most alike to one."""
    return _neighbours(features().digest)


def region_maps() -> RegionMaps:
    """Tells which regions of an image feed a class; the network is built once.

    Raises
    ------
    FeatureError
        If the backbone cannot tell, or its weights cannot be had.
    """
    return _region_maps(features().backbone)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _stamp(folder: Path, name: str = "workspace.json") -> int:
    try:
        return (folder / name).stat().st_mtime_ns
    except OSError:
        return 0


def _runs_stamp(folder: Path, model: str) -> tuple[int, ...]:
    """Changes whenever a run is stored, removed or made current."""
    found = []
    for path in (folder, folder / f"current-{model}.txt"):
        try:
            stat = path.stat()
        except OSError:
            found.append(0)
        else:
            found += [stat.st_mtime_ns, stat.st_ino]
    return tuple(found)


@st.cache_resource(show_spinner=False, max_entries=4)
def _open(folder: Path, stamp: int) -> Workspace:
    return Workspace.open(folder)


@st.cache_resource(show_spinner=False, max_entries=2)
def _reviews(folder: Path, stamp: int, newest: str, _events: list[Event]) -> Reviews:
    return Reviews(require_workspace().dataset, _events)


@st.cache_resource(show_spinner="Writing the labels", max_entries=2)
def _export_files(
    folder: Path, stamp: int, newest: str, run: str, format: str,
    choice: tuple[tuple[str, Any], ...],
) -> dict[str, bytes]:  # fmt: skip
    return require_workspace().export_files(format, ranking=ranking(), **dict(choice))


@st.cache_data(show_spinner=False, max_entries=2, ttl=30)
def _source_edits(folder: Path, stamp: int) -> tuple[str, ...]:
    return require_workspace().source_edits()


@st.cache_resource(show_spinner=False, max_entries=4)
def _others_run(folder: Path, stamp: int, runs: int) -> tuple[str, ...]:
    opened = require_workspace()
    others = [name for name in pipeline.ALL_DETECTORS if name not in pipeline.DETECTORS]
    return tuple(n for n in others if pipeline.latest_fit(opened, pipeline.run_name(n)))


@st.cache_resource(show_spinner=False, max_entries=32)
def _rank(folder: str, detector: str, run_id: str) -> Ranking:
    opened = require_workspace()
    if detector in pipeline.DETECTORS:
        return pipeline.rank(opened, detector, reviewed=False)
    found = pipeline.rank_detected(opened, detector)
    assert found is not None  # its run is current
    return found


@st.cache_resource(show_spinner=False, max_entries=32)
def _fit(folder: Path, stamp: int, model: str, runs: tuple[int, ...]) -> Fit | None:
    return pipeline.latest_fit(require_workspace(), model)


@st.cache_resource(show_spinner=False, max_entries=4)
def _noise(folder: Path, stamp: int, runs: tuple[int, ...], verdicts: int) -> NoiseFacts | None:
    opened = require_workspace()
    found = stored_noise(opened)
    if found is None:
        return None
    log = opened.labels
    return noise_facts(opened.dataset, found, log.history(), log.assignments())


@st.cache_resource(show_spinner=False, max_entries=4)
def _copies(folder: Path, stamp: int, runs: tuple[int, ...]) -> Copies | None:
    return stored_copies(require_workspace())


@st.cache_resource(show_spinner=False, max_entries=4)
def _ledger(folder: Path, stamp: int) -> Ledger:
    return Ledger(require_workspace().dataset)


@st.cache_resource(show_spinner=False, max_entries=4)
def _gauge(folder: Path, stamp: int) -> Gauge:
    return Gauge()


@st.cache_resource(show_spinner=False, max_entries=4)
def _texts(folder: Path, stamp: int) -> Texts:
    return Texts(require_workspace().dataset)


@st.cache_resource(show_spinner=False, max_entries=4)
def _features(folder: Path, stamp: int, extracted: int) -> Features:
    return pipeline.current_features(require_workspace())


@st.cache_resource(show_spinner=False, max_entries=4)
def _path(
    folder: Path, stamps: tuple[int, int], runs: tuple[int, ...], group: str, lambda_1: float
) -> PathRun | None:
    return stored_path(require_workspace(), path_settings(group, lambda_1))


@st.cache_data(show_spinner=False, max_entries=4)
def _path_seconds(digest: str, group: str, lambda_1: float, points: int) -> float:
    return expected_seconds(require_workspace(), path_settings(group, lambda_1))


@st.cache_resource(show_spinner=False, max_entries=1)
def _refinery(run_id: str, _run: PathRun) -> Refinery:
    return Refinery(require_workspace(), _run)


# Few: a drag makes many, and each holds a few arrays as long as the dataset.
@st.cache_resource(show_spinner=False, max_entries=4)
def _rank_at(
    run_id: str, detector: str, lambda_scale: float, exact: bool, _opinion: Opinion
) -> Ranking:
    return rank_opinion(_opinion, detector, require_workspace().dataset)


@st.cache_resource(show_spinner=False, max_entries=2)
def _neighbours(digest: str) -> CosineIndex:
    return CosineIndex(features().array)


@st.cache_resource(show_spinner=False, max_entries=2)
def _region_maps(backbone: str) -> RegionMaps:
    from air_core.features import get_backbone
    from air_core.features.regions import RegionMaps

    return RegionMaps(get_backbone(backbone))
