"""Where the interface and the sample data lie: beside the package in a checkout, inside a wheel."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from air_core.errors import WorkspaceError

_PACKAGE = Path(__file__).resolve().parent


def app_root() -> Path:
    """Folder that holds ``app.py``, ``pages`` and ``sample_data``.

    Raises
    ------
    WorkspaceError
        If the installation lacks them.
    """
    for folder in (_PACKAGE / "_bundle", _PACKAGE.parent):
        if (folder / "app.py").is_file() and (folder / "sample_data").is_dir():
            return folder
    raise WorkspaceError(
        "Expected app.py and sample_data in the installation, found neither.",
        hint="Install air-audit again.",
    )


def sample_source() -> Path:
    """The sample's label file: 1,200 images, one label in ten wrong."""
    return app_root() / "sample_data" / "labels.csv"


def sample_truth() -> Path:
    """The sample's true labels, for scoring only: nothing that ranks may read them."""
    return app_root() / "sample_data" / "truth.csv"


def workspaces_folder() -> Path:
    """Where workspaces go when nobody names a folder.

    ``AIR_AUDIT_HOME`` if set, else ``workspaces`` in the current folder.
    """
    return Path(os.environ.get("AIR_AUDIT_HOME", "workspaces")).resolve()


def versions() -> dict[str, str]:
    """Versions of the libraries that decide the numbers, for the record of a run."""
    found = {}
    for name in ("air-audit", "torch", "torchvision", "numpy", "scikit-learn", "pillow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
