"""What the whole server process shares: the workspace and what was computed from it.

Pages and routes use it alike. What is kept, and until when, is in :mod:`pages.cached`.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from air_core import pipeline
from air_core.errors import WorkspaceError
from air_core.evidence import CosineIndex
from air_core.facts import Copies, NoiseFacts
from air_core.fitting import Corrections, Opinion, PathRun
from air_core.pipeline import Fit, model_of
from air_core.ranking import Ranking
from air_core.recents import remember_workspace
from air_core.reviewers import Reviews
from air_core.stopping import Progress
from air_core.workspace import Workspace
from pages import cached
from pages.cached import Place, Runs
from pages.components.strength.refinery import Refinery
from pages.filters import Texts
from pages.standing import Standing

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
    return None if folder is None else cached.workspace(_place(folder))


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
    place = _here()
    runs = _runs_stamp(place.folder / "runs", model)
    return cached.fit(place, model, runs, _extracted(place))


def default_detector() -> str:
    """The consensus where it was asked about these features; AIR's margin before that."""
    names = pipeline.default_detectors(require_workspace())
    return next((name for name in names if fit(model_of(name)) is not None), "air-margin")


def ranking(detector: str | None = None) -> Ranking | None:
    """The ranking of a detector from the latest fit; None before the first fit of its model.

    Parameters
    ----------
    detector : str, optional
        :func:`default_detector` by default.
    """
    detector = detector or default_detector()
    current = fit(model_of(detector))
    return None if current is None else cached.rank(_here(), detector, current.run_id, current)


def detectors() -> dict[str, str]:
    """Titles of the audit's detectors, fitted or not, and of all others that were run.

    The default one comes first.
    """
    place = _here()
    others = cached.others_run(place, _stamp(place.folder, "runs"), _extracted(place))
    titles = {**pipeline.DETECTORS, **{name: pipeline.detector_title(name) for name in others}}
    first = default_detector()
    return {first: titles.pop(first), **titles}


def standing() -> Standing:
    """The decisions in force; costs what has changed since it was last asked for."""
    opened = require_workspace()
    return cached.ledger(_place(opened.root)).at(opened.labels.current())


def queue(reviewer: str) -> tuple[str, ...]:
    """Items that a reviewer has still to look at, in the order they were handed out."""
    # Most audits hand nothing out, and then what everybody said need not be worked out.
    if not require_workspace().labels.assignments():
        return ()
    return tuple(task.item_id for task in reviews().queue(reviewer))


def progress() -> Progress:
    """How far the review is by the stopping rule; of a large dataset up to a minute old."""
    opened = require_workspace()
    return cached.gauge(_place(opened.root)).read(opened, standing())


def reviews() -> Reviews:
    """All that reviewers have said up to now, worked out once for all who look."""
    opened = require_workspace()
    events = opened.labels.events()
    return cached.reviews(_place(opened.root), events[-1].hash if events else "", events)


def corrections() -> Corrections:
    """The labels as reviewers have changed them up to now."""
    opened = require_workspace()
    events = opened.labels.events()
    return cached.corrections(_place(opened.root), events[-1].hash if events else "")


def export_files(format: str, **choice: Any) -> dict[str, bytes]:
    """A label file and what goes with it, by name; see :meth:`Workspace.export_files`.

    Raises
    ------
    ExportError
        If the labels cannot be written in that format, or reviewers differ.
    """
    events, current = reviews().events, fit(model_of(default_detector()))
    newest, run = events[-1].hash if events else "", current.run_id if current else ""
    return cached.export_files(_here(), newest, run, format, tuple(choice.items()), ranking())


def source_edits() -> tuple[str, ...]:
    """What was edited in the source after it was opened, as it was half a minute ago."""
    return cached.source_edits(_here())


def texts() -> Texts:
    """What the search reads."""
    return cached.texts(_here())


def features() -> Features:
    """The features of the images.

    Raises
    ------
    WorkspaceError
        If there are none of the current images.
    """
    place = _here()
    return cached.features(place, _extracted(place))


def noise() -> NoiseFacts | None:
    """Wrong labels by class, with the verdicts so far; None before it was estimated."""
    opened, place = require_workspace(), _here()
    verdicts = len(opened.labels.events())  # the log only ever grows
    return cached.noise(place, _runs_stamp(place.folder / "runs", "ridge"), verdicts)


def copies() -> Copies | None:
    """Copies and odd images; None before they were looked for."""
    place = _here()
    return cached.copies(place, _runs_stamp(place.folder / "runs", "ridge"))


def path(group: str = "image_class", lambda_1: float = 1e-6) -> PathRun | None:
    """The stored λ_g path of these settings, cancelled or complete; None before it is begun."""
    place = _here()
    runs = _runs_stamp(place.folder / "runs", "path")
    return cached.path(place, _extracted(place), runs, group, lambda_1)


def path_seconds(group: str = "image_class", lambda_1: float = 1e-6) -> float:
    """About how long it takes to solve, or go on solving, that path on this machine."""
    done = path(group, lambda_1)
    points = 0 if done is None else len(done.points)
    return cached.path_seconds(_here(), features().digest, group, lambda_1, points)


def refinery(run: PathRun) -> Refinery:
    """Solves between the values of a path; holds the features in memory once it was used."""
    return cached.refinery(_here(), run.run_id, run)


def ranking_at(run: PathRun, detector: str, opinion: Opinion) -> Ranking:
    """The ranking of a detector at one λ_g of a path."""
    at, exact = opinion.lambda_scale, opinion.exact
    return cached.rank_at(_here(), run.run_id, detector, at, exact, opinion)


def neighbours() -> CosineIndex:
    """Finds the images most alike to one."""
    found = features()
    return cached.neighbours(found.digest, found)


def region_maps() -> RegionMaps:
    """Tells which regions of an image feed a class; the network is built once.

    Raises
    ------
    FeatureError
        If the backbone cannot tell, or its weights cannot be had.
    """
    return cached.region_maps(features().backbone)


def _extracted(place: Place) -> int:
    return _stamp(place.folder / "features", "current.txt")


def _here() -> Place:
    return _place(require_workspace().root)


def _place(folder: Path) -> Place:
    return Place(folder, _stamp(folder))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _stamp(folder: Path, name: str = "workspace.json") -> int:
    try:
        return (folder / name).stat().st_mtime_ns
    except OSError:
        return 0


def _runs_stamp(folder: Path, model: str) -> Runs:
    found = []
    for path in (folder, folder / f"current-{model}.txt"):
        try:
            stat = path.stat()
        except OSError:
            found.append(0)
        else:
            found += [stat.st_mtime_ns, stat.st_ino]
    return tuple(found)
