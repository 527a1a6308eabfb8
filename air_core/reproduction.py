"""The paper's table and figures, computed here: how they are found and run."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from air_core.errors import SourceError
from air_core.installation import app_root
from air_core.progress import ProgressCallback, silent

WHATS = {
    "table1": "Table 1: AIR against the SVM, half-flipped labels and noisy MNIST",
    "fig1": "Figure 1: a t-SNE map of five classes with both boundaries",
    "fig2": "Figure 2: CIFAR-10, last layers against networks with and without learned noise",
    "fig3": "Figure 3: activations of right and wrong labels along the epochs",
    "fig4": "Figure 4: ranked grids of a class",
    "fig5": "Figure 5: precision and recall of user tags, four methods",
    "fig6": "Figure 6: top-5 tags of sample images",
    "e2e": "The paper's future work: AIR with gradients through inner layers",
    "all": "all of them",
}


def reproduce(
    what: str,
    data: Path,
    out: Path,
    *,
    progress: ProgressCallback = silent,
    **settings: Any,
) -> tuple[Path, list[Any]]:
    """Compute one of :data:`WHATS` and write the report.

    Parameters
    ----------
    what : str
    data : Path
        Folder of data sets.
    out : Path
        Folder of results; finished parts in it are not computed again.
    progress : callable
    **settings
        ``backbone``, ``weights``, ``device``, ``download``, ``images``.

    Returns
    -------
    Path
        ``report.html``, with everything that has been computed into this folder.
    list of Section
        What this run was asked for.

    Raises
    ------
    SourceError
        If there is no such thing to reproduce, or no data.
    """
    if what not in WHATS:
        raise SourceError(f"Expected one of {', '.join(WHATS)}, got {what!r}.")
    if not data.is_dir():
        raise SourceError(f"Expected a folder of data sets, found none at {data}.")
    if out.exists() and not out.is_dir():
        raise SourceError(f"Expected a folder for the results, {out} is a file.")
    root = str(app_root())
    if root not in sys.path:
        sys.path.insert(0, root)
    found = importlib.import_module("benchmarks.reproduce")
    context = found.Context(data.resolve(), out.resolve(), progress=progress, **settings)
    report: tuple[Path, list[Any]] = found.reproduce(what, context)
    return report
