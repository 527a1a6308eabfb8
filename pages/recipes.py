"""Long work that can be asked for again after a restart: what each kind of job does."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from air_core import facts, pipeline
from air_core.errors import SolverError
from air_core.progress import ProgressCallback
from air_core.recents import remember_workspace
from air_core.workspace import Workspace
from pages import access
from pages.jobs import Job, registry

OPEN, AUDIT, FACTS, REFINE, DETECT = "open", "audit", "facts", "refine", "detect"
PUBLISHED = "published-features"


def start_opening(source: str, folder: Path, *, audit: bool = False, **how: str | None) -> Job:
    """Import a source into a workspace, and audit it afterwards if asked to.

    Parameters
    ----------
    source : str
        A path or an address.
    folder : Path
        The workspace; made when missing.
    audit : bool
    **how
        ``format``, ``labels``, ``path_column``, ``label_column``, ``separator``.

    Raises
    ------
    AccessError
        Where others can reach this server: they could read whatever it can.
    """
    if not access.only_this_machine():
        raise access.AccessError(
            "Expected a server that only this machine can reach.",
            hint="Whoever runs it opens images with: air-audit open",
        )
    chosen = {name: value for name, value in how.items() if value}
    return registry.start(
        folder, OPEN, f"Opening {Path(source).name or source}", source=source, audit=audit, **chosen
    )


def start_audit(workspace: Workspace) -> Job:
    """Compute features, fit both models and ask the consensus, in the background."""
    return registry.start(workspace.root, AUDIT, "Auditing the images")


def start_facts(folder: Path) -> Job:
    """Estimate the noise and look for copies in the background."""
    return registry.start(folder, FACTS, "Estimating the noise, finding copies")


def start_refining(folder: Path) -> Job:
    """Train the backbone's last blocks in the background."""
    return registry.start(folder, REFINE, "Refining features and ranking")


def start_going_back(folder: Path) -> Job:
    """Make the published features the current ones again, and the fits on them."""
    return registry.start(folder, PUBLISHED, "Going back to the published features")


def start_detector(workspace: Workspace, name: str, *, reviewed: bool = False) -> Job:
    """Run a detector in the background, on labels as given or as reviewed so far."""
    title = f"Running {pipeline.detector_title(name)}"
    return registry.start(workspace.root, DETECT, title, detector=name, reviewed=reviewed)


def jobs_of(folder: Path) -> list[Job]:
    """Jobs of a workspace, with those to take up again; its import is followed elsewhere."""
    return [job for job in registry.of(folder) if job.kind != OPEN]


def _consensus(workspace: Workspace, progress: ProgressCallback) -> None:
    """The default ranking; AIR's stands in for it where there are too few labels."""
    with contextlib.suppress(SolverError):
        pipeline.rank(workspace, progress=progress)


@registry.recipe(OPEN)
def _open(folder: Path, arguments: Mapping[str, Any], progress: ProgressCallback) -> None:
    how = {name: value for name, value in arguments.items() if name not in ("source", "audit")}
    workspace = pipeline.open_source(arguments["source"], folder, progress=progress, **how)
    workspace.close()
    remember_workspace(folder)
    if arguments.get("audit"):
        start_audit(workspace)


@registry.recipe(AUDIT)
def _audit(folder: Path, arguments: Mapping[str, Any], progress: ProgressCallback) -> None:
    workspace = Workspace.open(folder)
    pipeline.audit(workspace, progress=progress)
    _consensus(workspace, progress)
    workspace.close()
    start_facts(folder)


@registry.recipe(FACTS)
def _facts(folder: Path, arguments: Mapping[str, Any], progress: ProgressCallback) -> None:
    workspace = Workspace.open(folder)
    facts.copies(workspace, progress=progress)
    if facts.noise_applies(workspace.dataset):
        facts.noise(workspace, progress=progress)
    workspace.close()


@registry.recipe(REFINE)
def _refine(folder: Path, arguments: Mapping[str, Any], progress: ProgressCallback) -> None:
    workspace = Workspace.open(folder)
    pipeline.refine(workspace, progress=progress)
    _consensus(workspace, progress)
    workspace.close()


@registry.recipe(PUBLISHED)
def _published(folder: Path, arguments: Mapping[str, Any], progress: ProgressCallback) -> None:
    workspace = Workspace.open(folder)
    pipeline.audit(workspace, progress=progress)
    _consensus(workspace, progress)
    workspace.close()


@registry.recipe(DETECT)
def _detect(folder: Path, arguments: Mapping[str, Any], progress: ProgressCallback) -> None:
    workspace = Workspace.open(folder)
    reviewed = bool(arguments.get("reviewed"))
    pipeline.rank(workspace, arguments["detector"], reviewed=reviewed, progress=progress)
    workspace.close()
