"""The database of a team, before decisions go there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from air_core.dataset import Dataset
from air_core.errors import WorkspaceError

if TYPE_CHECKING:
    from air_core.labels.store import LabelStore


def reach(url: str) -> None:
    """Open a database once.

    Raises
    ------
    WorkspaceError
        If that fails.
    """
    _open(url).close()


def open_shared(url: str, dataset: Dataset) -> LabelStore:
    """Open a database for the decisions on a dataset.

    Raises
    ------
    WorkspaceError
        If it cannot be opened or holds decisions on other images only.
    """
    from air_core.labels.store import without_password

    shared = _open(url)
    try:
        decided = {event.item_id for event in shared.history()}
        if decided and not any(item in dataset for item in decided):
            raise WorkspaceError(
                f"The database {without_password(url)} holds decisions on other images.",
                hint="Make another database for these.",
            )
    except BaseException:
        shared.close()
        raise
    return shared


def _open(url: str) -> LabelStore:
    # Loads SQLAlchemy, which a look at a workspace does without.
    from air_core.labels.store import LabelStore

    if "://" not in url:
        raise WorkspaceError(
            f"Expected the address of a database, got {url!r}.",
            hint="Write postgresql://USER@HOST/NAME.",
        )
    return LabelStore(url)
