"""Asking an application as a server would, without one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from starlette.types import ASGIApp

HERE = {"Host": "127.0.0.1:8501"}


class Answer(NamedTuple):
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    app: ASGIApp, path: str, query: str = "", method: str = "GET",
    headers: Mapping[str, str] = HERE,
) -> Answer:  # fmt: skip
    """Send a request and read the answer."""
    sent = _run(app, {"type": "http", "method": method, **_scope(path, query, headers)})
    answered = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], answered, b"".join(part.get("body", b"") for part in sent[1:]))


def is_accepted(app: ASGIApp, path: str, headers: Mapping[str, str] = HERE) -> bool:
    """Whether a websocket is let in; a refusal has to be a violation of policy."""
    (first, *_) = _run(app, {"type": "websocket", "subprotocols": [], **_scope(path, "", headers)})
    assert first["type"] == "websocket.accept" or first.get("code") == 1008
    return first["type"] == "websocket.accept"


def _scope(path: str, query: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 8501), "root_path": "",
        "client": ("127.0.0.1", 5000),
    }  # fmt: skip


def _run(app: ASGIApp, scope: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    kind = "websocket.connect" if scope["type"] == "websocket" else "http.request"

    async def receive() -> dict[str, Any]:
        return {"type": kind, "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        await app(scope, receive, send)

    asyncio.run(run())
    return sent
