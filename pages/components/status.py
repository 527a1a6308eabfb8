"""How far the audit on screen is, counted from what is on disk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from air_core.errors import AirError
from air_core.facts import Copies, noise_applies
from air_core.maps import kept_projections
from air_core.ranking import Ranking
from air_core.stopping import Progress
from air_core.workspace import Workspace
from pages import resources
from pages.components.checklist import WORST, Status
from pages.components.stopping import TARGET, in_words
from pages.jobs import registry
from pages.recipes import AUDIT, FACTS


def status_of(
    workspace: Workspace,
    ranking: Ranking | None,
    copies: Copies | None,
    decided: NDArray[np.bool_],
) -> Status:
    """Count what the checklist goes by.

    Parameters
    ----------
    workspace : Workspace
    ranking : Ranking or None
        The default one.
    copies : Copies or None
    decided : ndarray of shape (n,), dtype bool
        Which images have a decision.
    """
    worst = worst_rows(ranking)
    conflicts = () if copies is None else copies.conflicts
    noise_known = not noise_applies(workspace.dataset) or resources.noise() is not None
    progress = resources.progress() if decided.any() else None
    return Status(
        images=len(workspace.dataset),
        quarantined=len(workspace.quarantined),
        features=_has_features(),
        ranked=ranking is not None,
        checked=copies is not None and noise_known,
        mapped=bool(kept_projections(workspace)),
        auditing=_live(workspace, AUDIT),
        checking=_live(workspace, FACTS),
        conflicts=len(conflicts),
        conflicts_left=sum(not decided[list(one.rows)].all() for one in conflicts),
        flagged=0 if ranking is None else int(ranking.flagged.sum()),
        worst=len(worst),
        worst_left=int((~decided[worst]).sum()),
        decided=int(decided.sum()),
        advice=_advice(progress),
        stop=progress is not None and _may_stop(progress),
    )


def worst_rows(ranking: Ranking | None) -> NDArray[np.intp]:
    """Rows of the first stretch of the review: the most suspicious of the flagged images."""
    if ranking is None:
        return np.zeros(0, dtype=np.intp)
    order = ranking.order
    return np.asarray(order[ranking.flagged[order]][:WORST])


def _advice(progress: Progress | None) -> str:
    """Short: the reasons behind it are one click away, in the review."""
    if progress is None or progress.left is None:
        return ""
    line = in_words(progress, TARGET / 100)
    return f"{line[:1].upper()}{line[1:]}."


def _may_stop(progress: Progress) -> bool:
    if progress.left is None:
        return progress.reviewed == progress.images
    return progress.may_stop(TARGET / 100)


def _has_features() -> bool:
    try:
        return len(resources.features().array) > 0
    except AirError:
        return False


def _live(workspace: Workspace, kind: str) -> bool:
    job = registry.find(workspace.root, kind)
    return job is not None and job.live
