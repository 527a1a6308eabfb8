"""What the first page will need, read while the browser is still on its way."""

from __future__ import annotations

import threading
from contextlib import suppress

from air_core.errors import AirError
from pages import resources


def begin() -> None:
    """Open the workspace that the server was started with, beside whatever else goes on."""
    threading.Thread(target=_read, name="air-warm", daemon=True).start()


def _read() -> None:
    with suppress(AirError):  # the page says what is wrong with it
        if resources.workspace() is not None:
            resources.ranking()
            resources.progress()
            resources.texts().path_order  # noqa: B018 - kept once it was asked for
