"""Logging in with a provider, from the closed door to a signed decision."""

from __future__ import annotations

import re
from http.client import HTTPConnection

import pytest

from air_core.workspace import Workspace
from tests.e2e.conftest import Server, settled, stored
from tests.e2e.provider import CLIENT, provider

LOGIN = """
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{secret}"
client_id = "{client}"
client_secret = "x"
server_metadata_url = "{url}/.well-known/openid-configuration"

[access]
allow = ["*@lab.org"]
"""


@pytest.fixture
def door(audit, tmp_path):
    """An interface with a login, and the provider behind it."""
    with provider() as running:
        file = tmp_path / "login.toml"
        file.write_text(LOGIN.format(secret="0123456789abcdef" * 4, client=CLIENT, url=running.url))
        server = Server(audit, environment={"AIR_AUDIT_LOGIN": str(file)}).start()
        yield server, running
        server.stop()


def fetched(page, url):
    """Status of a request that a page makes, with its cookies."""
    return page.evaluate("async url => (await fetch(url, {cache: 'no-store'})).status", url)


def test_a_login_opens_the_audit_to_those_who_are_named_and_signs_for_them(page, door, audit):
    server, someone = door
    item = str(Workspace.open(audit).dataset.item_ids[0])
    page.goto(f"{server.url}/review")
    page.get_by_role("heading", name="Log in to review").wait_for()
    assert page.get_by_text("images").count() == 0
    assert fetched(page, f"/air/thumb/{item}") == 401

    someone.email = "eve@evil.org"
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="You may not open this audit").wait_for()
    assert page.get_by_text(re.compile("eve@.evil.org")).is_visible()
    assert fetched(page, f"/air/thumb/{item}") == 403
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("heading", name="Log in to review").wait_for()

    someone.email = "ana@lab.org"
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Review").click()
    page.locator("[data-testid=stApp]").get_by_role(
        "button", name=re.compile("ana@.lab.org")
    ).click()
    page.get_by_text("Decisions are signed with this name").wait_for()
    assert page.get_by_role("textbox", name="Decisions are signed with").count() == 0
    assert fetched(page, f"/air/thumb/{item}") == 200
    page.keyboard.press("Escape")
    page.locator(".tile").first.click()
    page.keyboard.press("k")
    (event,) = stored(audit, 1)
    assert event.reviewer == "ana@lab.org"
    settled(page)


def test_pages_elsewhere_get_nothing(untouched):
    """What a browser would send for a page of another site or a rebound name."""

    def ask(path, method="GET", **headers):
        connection = HTTPConnection("127.0.0.1", untouched.port, timeout=10)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        connection.close()
        return answer.status, {name.lower() for name in answer.headers}

    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }  # fmt: skip
    assert ask("/_stcore/stream", **upgrade, Origin=untouched.url)[0] == 101
    assert ask("/_stcore/stream", **upgrade, Origin="https://evil.example")[0] == 403
    assert ask("/_stcore/stream", **upgrade, Host="evil.example")[0] == 403
    assert ask("/_stcore/upload_file/1/2", "PUT", Origin="https://evil.example")[0] in (400, 403)
    assert ask("/_stcore/metrics")[0] == 404
    assert ask("/", Host="evil.example")[0] == 421
    status, headers = ask("/", Origin="https://evil.example")
    assert status == 200
    assert "access-control-allow-origin" not in headers
