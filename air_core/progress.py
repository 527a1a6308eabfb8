"""How long work reports itself: one callable, no dependency on any interface."""

from __future__ import annotations

from collections.abc import Callable

ProgressCallback = Callable[[int, int, str], None]
"""``progress(done, total, note)``. It may raise :class:`air_core.errors.Cancelled` to stop."""


def silent(done: int, total: int, note: str) -> None:
    """Report nothing."""
