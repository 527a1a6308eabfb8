"""HTTP routes beside Streamlit's own: pictures by item id, and the points of the map.

An id is looked up in the workspace; nothing a client sends is ever used as a path.
"""

from __future__ import annotations

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from air_core.errors import AirError
from pages import resources
from pages.components.map.points import route as points
from pages.evidence_routes import ROUTES as evidence
from pages.headers import CACHED, NOT_CACHED, SAFE
from pages.live_routes import live

_ITEM_ID = re.compile(r"[0-9a-f]{16}")


async def thumbnail(request: Request) -> Response:
    """``/air/thumb/{item}``: the small picture of the grid."""
    return await run_in_threadpool(_picture, request, "thumbnail")


async def picture(request: Request) -> Response:
    """``/air/image/{item}``: the large picture, re-encoded from the source."""
    return await run_in_threadpool(_picture, request, "picture")


def _picture(request: Request, size: str) -> Response:
    item = request.path_params["item"]
    try:
        workspace = resources.workspace()
        if workspace is None or not _ITEM_ID.fullmatch(item) or item not in workspace.dataset:
            return _missing()
        content = workspace.thumbnail(item) if size == "thumbnail" else workspace.picture(item)
    except (AirError, OSError):
        # The image may have moved since it was imported; the grid shows a placeholder.
        return _missing()
    versioned = request.query_params.get("v") == resources.version(workspace)
    cache = CACHED if versioned else NOT_CACHED
    return Response(content, media_type="image/webp", headers={**SAFE, "Cache-Control": cache})


def _missing() -> Response:
    return Response(
        "Not found", status_code=404, media_type="text/plain",
        headers={**SAFE, "Cache-Control": NOT_CACHED},
    )  # fmt: skip


ROUTES: list[BaseRoute] = [
    Route("/air/thumb/{item}", thumbnail),
    Route("/air/image/{item}", picture),
    points,
    *evidence,
    live,
]
"""Everything that app.py serves beside the pages; GET and HEAD only."""
