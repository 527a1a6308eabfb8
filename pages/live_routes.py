"""The grid at any λ_g over HTTP: while the slider moves, no page has to run anew.

A page publishes how it makes its tiles from a ranking and gets an address that cannot be guessed;
the slider asks there for one λ_g after another and hands the tiles to the grid.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from air_core.errors import AirError
from pages.headers import NOT_CACHED, SAFE

PATH = "/air/live"
_KEPT = 32  # pages that are looked at, at once

Answer = Callable[[float, bool], dict[str, Any]]
"""Takes λ_g as a multiple of 1/p, and whether to solve there rather than to read the path."""


class Shelf:
    """The pages that can be asked, by token; those asked longest ago go first."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def put(self, answer: Answer, instead_of: str = "") -> str:
        """Publish how a page answers, in place of what it published before; return the token."""
        token = secrets.token_urlsafe(18)
        with self._lock:
            self._answers.pop(instead_of, None)
            self._answers[token] = answer
            while len(self._answers) > self._kept:
                self._answers.popitem(last=False)
        return token

    def get(self, token: str) -> Answer | None:
        """How the page of a token answers; None if it is gone."""
        with self._lock:
            if token in self._answers:
                self._answers.move_to_end(token)
            return self._answers.get(token)


shelf = Shelf()
"""The pages of this process."""


async def serve(request: Request) -> Response:
    """``/air/live/{token}?scale=…[&refine=1]``: flagged images and tiles at that λ_g, as JSON."""
    return await run_in_threadpool(_answer, request)


def _answer(request: Request) -> Response:
    answer = shelf.get(request.path_params["token"])
    if answer is None:
        return _refusal("This page was drawn anew since.", 404)
    try:
        scale = float(request.query_params.get("scale", ""))
    except ValueError:
        scale = float("nan")
    if not 1e-6 <= scale <= 1e9:
        return _refusal("Expected scale as a number above 0.", 400)
    try:
        content = answer(scale, request.query_params.get("refine") == "1")
    except AirError as error:
        return _refusal(str(error), 409)
    return JSONResponse(content, headers={**SAFE, "Cache-Control": NOT_CACHED})


def _refusal(sentence: str, status: int) -> Response:
    headers = {**SAFE, "Cache-Control": NOT_CACHED}
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


live = Route(f"{PATH}/{{token}}", serve, methods=["GET"])
