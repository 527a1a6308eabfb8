"""Copies and odd images of a workspace, found once and kept."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from air_core.atomic import atomic_write
from air_core.duplicates import RULES, Group, find_pairs, group, nearest, oddness
from air_core.errors import WorkspaceError
from air_core.fitting import current_features
from air_core.progress import ProgressCallback, silent
from air_core.runs import fit_key
from air_core.workspace import Workspace

# Robust standard deviations above the median; the usual bound for an outlier (Iglewicz and
# Hoaglin, 1993).
_ODD = 3.5


@dataclass(frozen=True, slots=True)
class Copies:
    """What is alike and what is alone.

    Parameters
    ----------
    groups : tuple of Group
        Copies of one picture, groups with conflicting labels first.
    oddness : ndarray of shape (n,)
        Mean 1 − cosine to the ten most similar images.
    """

    groups: tuple[Group, ...]
    oddness: NDArray[np.float64]

    @property
    def conflicts(self) -> tuple[Group, ...]:
        """Groups whose given labels differ."""
        return tuple(one for one in self.groups if one.conflicting)

    @property
    def odd(self) -> NDArray[np.intp]:
        """Rows that lie far from all others, the oddest first.

        Far is more than 3.5 robust standard deviations (1.4826 times the median absolute
        deviation) above the median of the logarithm.
        """
        logs = np.log(np.maximum(self.oddness, 1e-9))
        middle = np.median(logs)
        spread = 1.4826 * float(np.median(np.abs(logs - middle)))
        order = np.argsort(-logs, kind="stable")
        return np.asarray(order[logs[order] > middle + _ODD * max(spread, 1e-9)])


def copies(workspace: Workspace, *, progress: ProgressCallback = silent) -> Copies:
    """Find copies and odd images by the current features, or read what was found.

    A search that was stopped goes on where it was.

    Raises
    ------
    WorkspaceError
        If there are no features.
    """
    found = stored_copies(workspace)
    if found is not None:
        return found
    features = current_features(workspace)
    file = _file(workspace)
    partial = file.with_suffix(".partial")
    ids = workspace.dataset.item_ids

    def load(row: int) -> Image.Image:
        # A thumbnail has all that a hash looks at, and is decoded in no time.
        return Image.open(io.BytesIO(workspace.thumbnail(str(ids[row]))))

    near = nearest(features.array, partial=partial, progress=progress)
    pairs = find_pairs(near, workspace.dataset.digests, load, progress=progress)
    with atomic_write(file) as out:
        np.savez(out, pairs=pairs, oddness=oddness(near))
    shutil.rmtree(partial, ignore_errors=True)
    made = stored_copies(workspace)
    assert made is not None  # written just now
    return made


def stored_copies(workspace: Workspace) -> Copies | None:
    """What was found with the current features, if the search was made."""
    dataset = workspace.dataset
    try:
        with np.load(_file(workspace), allow_pickle=False) as stored:
            pairs, far = stored["pairs"], stored["oddness"]
    except (OSError, ValueError, KeyError, EOFError, WorkspaceError):
        return None
    labels = [dataset.given_text(row) for row in range(len(dataset))]
    return Copies(tuple(group(pairs, dataset.digests, labels)), far)


def _file(workspace: Workspace) -> Path:
    digest = current_features(workspace).digest
    key = fit_key("copies", digest, workspace.dataset.images_digest(), {"rules": RULES})
    return workspace.runs_dir / f"copies-{key}.npz"
