"""What every request passes before anything answers it.

Pages ask for the login themselves (``pages/main.py``). What a browser fetches beside them knows
of no page, so that it is asked for here, in one place: pictures, points and evidence of ``/air/``,
files that Streamlit holds for a download, uploads.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages import access

PRIVATE = ("/air/", "/media/", "/_stcore/upload_file")
"""Served to those who are logged in, if there is a login."""

CLOSED = ("/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check", "/app/static")
"""Streamlit's, and of no use here: served to nobody."""

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
}


class Gate:
    """ASGI middleware; ``app`` is what lies behind it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what may not pass, and let the rest through."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = refuse(HTTPConnection(scope))
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, _with_headers(send))


def refuse(request: HTTPConnection) -> Response | None:
    """Why a request may not pass, as its answer; None if it may."""
    found = access.login()
    if not _is_our_name(request.headers.get("host", ""), found):
        return _answer(
            421,
            "This server does not answer to that name. Name it in "
            "STREAMLIT_SERVER_ALLOWED_HOSTS if it should.",
        )
    paths = _as_routes_see(str(request.scope["path"]))
    if any(path.startswith(CLOSED) for path in paths):
        return _answer(404, "Not found")
    if found is None or not any(path.startswith(PRIVATE) for path in paths):
        return None
    who = access.identity_of_cookies(request.cookies, found)
    if who is None:
        return _answer(401, "Log in first.")
    return None if who.allowed else _answer(403, "You may not see this.")


def _as_routes_see(path: str) -> tuple[str, ...]:
    """A decoded path; and below the address that a proxy may put in front, if it lies there.

    Our own routes know of no such address, Streamlit's do: what either would answer is asked for.
    """
    path = "/" + path.lstrip("/")
    base = "/" + str(st.get_option("server.baseUrlPath")).strip("/")
    if base == "/" or not f"{path}/".startswith(f"{base}/"):
        return (path,)
    return (path, "/" + path[len(base) :].lstrip("/"))


def _is_our_name(host: str, found: access.Login | None) -> bool:
    """Whether a Host header names this server.

    A page elsewhere can let its own name point to 127.0.0.1 and then read what we answer, as its
    own; but it cannot make the browser ask for another name.
    """
    names = {name.lower() for name in st.get_option("server.allowedHosts")}
    if not names and st.get_option("server.address") not in access.LOOPBACK:
        return True  # open to others by whoever started it: under what names, only they know
    if "*" in names:
        return True
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if found is not None and found.origin:
        names.add(urlsplit(found.origin).hostname or "")
    ends = tuple(name[1:] for name in names if name.startswith("*."))
    return name in names | access.LOOPBACK or name.endswith(ends or ("\0",))


def _answer(status: int, text: str) -> Response:
    return PlainTextResponse(text, status, headers={"Cache-Control": "private, no-store"})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _ALWAYS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
