"""What passes the gate: hosts, what needs a login, what is served to nobody."""

from __future__ import annotations

import pytest
import streamlit as st
from starlette.responses import PlainTextResponse

from pages.gate import Gate
from pages.routes import ROUTES
from tests.pages.asgi import HERE, ask, is_accepted
from tests.pages.logins import ANA, SECRETS, cookies_for, secrets_file

PUBLIC = ("/", "/review", "/_stcore/health", "/static/js/index.js", "/auth/login")
PRIVATE = (
    "/air/thumb/0123456789abcdef",
    "/air/image/0123456789abcdef",
    "/air/points/0123456789abcdef",
    "/air/why/1",
    "/media/0123.csv",
    "/_stcore/upload_file/1/2",
    "//air/thumb/0123456789abcdef",
    "/%61ir/thumb/0123456789abcdef",
)
CLOSED = ("/_stcore/metrics", "/_stcore/agent/openapi.json", "/app/static/x")


async def behind(scope, receive, send):
    """Answers everything."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await PlainTextResponse("behind")(scope, receive, send)


APP = Gate(behind)


def status(path, method="GET", cookies=(), **headers):
    pairs = "; ".join(f"{name}={value}" for name, value in dict(cookies).items())
    return ask(APP, path, method=method, headers={**HERE, "Cookie": pairs, **headers}).status


@pytest.fixture
def login(tmp_path, monkeypatch):
    with secrets_file(tmp_path, SECRETS, monkeypatch):
        yield


@pytest.mark.parametrize("path", [*PUBLIC, *PRIVATE])
def test_without_a_login_this_machine_sees_everything(path):
    assert status(path) == 200


@pytest.mark.parametrize("path", CLOSED)
def test_what_is_of_no_use_is_closed(path):
    assert status(path) == 404


@pytest.mark.parametrize("path", PRIVATE)
def test_with_a_login_nothing_of_the_audit_is_served_before_it(login, path):
    answer = ask(APP, path)
    assert (answer.status, answer.body) == (401, b"Log in first.")
    assert answer.headers["cache-control"] == "private, no-store"
    for method in ("PUT", "POST", "DELETE", "HEAD"):
        assert status(path, method) == 401
    assert status(path, cookies={"_streamlit_user": "forged"}) == 401


@pytest.mark.parametrize("base", ["air", "x", "media", "_stcore"])
@pytest.mark.parametrize("path", PRIVATE)
def test_no_address_of_a_proxy_opens_the_gate(login, monkeypatch, base, path):
    before = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda name: base if name == "server.baseUrlPath" else before(name)
    )
    assert status(path) == 401
    assert status(f"/{base}{path}") == 401


@pytest.mark.parametrize("path", PRIVATE)
def test_whoever_is_logged_in_sees_it_and_whoever_is_not_named_does_not(login, path):
    assert status(path, cookies=cookies_for({**ANA, "email": "eve@evil.org"})) == 403
    assert status(path, cookies=cookies_for(ANA)) == 200


@pytest.mark.parametrize("path", PUBLIC)
def test_the_way_to_the_login_is_open(login, path):
    assert status(path) == 200


def test_every_route_of_ours_lies_where_the_gate_looks():
    assert all(route.path.startswith("/air/") for route in ROUTES)


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        *(("localhost:8501", True), ("127.0.0.1", True), ("[::1]:8501", True)),
        *(("LOCALHOST", True), ("evil.example", False), ("evil.example:8501", False)),
        *(("127.0.0.1.evil.example", False), ("localhost.evil.example", False)),
        *(("", False), ("127.0.0.1@evil.example", False), ("[::1", False), ("10.0.0.7", False)),
    ],
)
def test_a_page_elsewhere_cannot_call_this_server_by_its_own_name(host, passes):
    assert status("/air/thumb/1", Host=host) == (200 if passes else 421)
    assert is_accepted(APP, "/_stcore/stream", {"Host": host}) is passes


def test_the_names_that_are_given_pass(login, monkeypatch):
    assert status("/", Host="audit.lab.org") == 200, "that of the login"
    assert status("/", Host="other.lab.org") == 421
    options = {"server.allowedHosts": ["*.lab.org", "One.org"]}
    before = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: options.get(name) or before(name))
    for host, passes in (("other.lab.org", True), ("one.org", True), ("lab.org", False)):
        assert status("/", Host=host) == (200 if passes else 421)


def test_no_page_elsewhere_may_read_or_frame_or_guess():
    headers = ask(APP, "/", headers={**HERE, "Origin": "https://evil.example"}).headers
    assert "access-control-allow-origin" not in headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
