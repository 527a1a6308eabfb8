"""A server with a login, and the cookie that Streamlit sets for whoever has come back from it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from starlette.responses import Response
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_auth_routes import _set_auth_cookie

ORIGIN = "https://audit.lab.org"
ANA = {
    "is_logged_in": True,
    "origin": ORIGIN,
    "email": "ana@lab.org",
    "email_verified": True,
    "sub": "1",
}
SECRETS = f"""
[auth]
redirect_uri = "{ORIGIN}/oauth2callback"
cookie_secret = "{"s3cr3t" * 8}"
client_id = "air-audit"
client_secret = "x"
server_metadata_url = "https://id.lab.org/.well-known/openid-configuration"

[access]
allow = ["*@lab.org", "Guest@Elsewhere.org"]
"""


@contextmanager
def secrets_file(folder: Path, text: str | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Streamlit read these secrets and no others; without a text there is no file."""
    file = folder / "login.toml"
    if text is not None:
        file.write_text(text)
    before = config.get_option
    for place in (config, st):
        monkeypatch.setattr(
            place,
            "get_option",
            lambda name: [str(file)] if name == "secrets.files" else before(name),
        )
    secrets_singleton._reset()
    try:
        yield
    finally:
        secrets_singleton._reset()


def cookies_for(claims: dict[str, Any]) -> dict[str, str]:
    """The cookies of somebody with these claims, as Streamlit itself signs and splits them."""
    response = Response()
    asyncio.run(_set_auth_cookie(response, claims, {}))
    jar: SimpleCookie = SimpleCookie()
    for name, value in response.raw_headers:
        if name == b"set-cookie":
            jar.load(value.decode())
    return {name: morsel.value for name, morsel in jar.items()}
