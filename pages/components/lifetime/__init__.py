"""The module that a browser imports for one component."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["browser_module"]

_LIFETIME = Path(__file__).parent / "lifetime.js"


def browser_module(files: Iterable[Path]) -> str:
    """Join a component's scripts into one module that knows how long an instance lives.

    Parameters
    ----------
    files : iterable of Path
        In the order the parts need each other; the last has the default export, which calls
        ``mounted(root, make, component)`` of ``lifetime.js`` and returns what that returns.

    Returns
    -------
    str
        JavaScript, for ``st.components.v2.component``.
    """
    return "\n".join(file.read_text("utf-8") for file in (_LIFETIME, *files))
