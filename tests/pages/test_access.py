"""Who may come in: what the secrets say, what a provider says, what a cookie proves."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace

import pytest

from air_core.server import LOGIN
from pages import access
from tests.pages.logins import ANA, ORIGIN, SECRETS, cookies_for, secrets_file


@pytest.fixture
def found(tmp_path, monkeypatch):
    """A server with a login."""
    with secrets_file(tmp_path, SECRETS, monkeypatch):
        yield access.login()


def test_without_secrets_there_is_no_login(tmp_path, monkeypatch):
    with secrets_file(tmp_path, None, monkeypatch):
        assert access.login() is None
        assert access.verified_name() is None
    with secrets_file(tmp_path, "[other]\nkey = 1\n", monkeypatch):
        assert access.login() is None


def test_a_login_that_was_asked_for_and_is_missing_lets_nobody_in(tmp_path, monkeypatch):
    monkeypatch.setenv(LOGIN, "1")
    for text in (None, "[other]\nkey = 1\n"):
        with secrets_file(tmp_path, text, monkeypatch):
            assert "no [auth] section" in access.login().problem


def test_secrets_that_cannot_be_read_let_nobody_in(tmp_path, monkeypatch):
    with secrets_file(tmp_path, SECRETS + "\nnot toml", monkeypatch):
        broken = access.login()
        assert "cannot be read" in broken.problem
        assert access.identify(ANA, broken).allowed is False


def test_a_login_as_it_should_be(found):
    assert (found.problem, found.providers, found.origin) == ("", ("",), ORIGIN)
    assert found.allow == ("*@lab.org", "guest@elsewhere.org")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('client_id = "air-audit"', "", "lacks client_id"),
        ('client_secret = "x"', "", "lacks client_secret"),
        ("/oauth2callback", "/", "needs a redirect_uri"),
        (f"{ORIGIN}/", "/", "needs a redirect_uri"),
        ("s3cr3t" * 8, "short", "needs a cookie_secret"),
        ("[access]", "[acces]", "has to name who may come in"),
        ('["*@lab.org", "Guest@Elsewhere.org"]', '"*@lab.org"', "has to name who may come in"),
        ('["*@lab.org", "Guest@Elsewhere.org"]', "[]", "has to name who may come in"),
        ('["*@lab.org", "Guest@Elsewhere.org"]', "[1]", "has to name who may come in"),
    ],
)
def test_what_is_missing_is_said_and_lets_nobody_in(tmp_path, monkeypatch, old, new, words):
    assert old in SECRETS
    with secrets_file(tmp_path, SECRETS.replace(old, new), monkeypatch):
        login = access.login()
        assert words in login.problem
        who = access.identify(ANA, login)
        assert who is None or not who.allowed


def test_several_providers_have_sections_of_their_own(tmp_path, monkeypatch):
    text = SECRETS.replace('client_id = "air-audit"', '[auth.campus]\nclient_id = "air-audit"')
    with secrets_file(tmp_path, text, monkeypatch):
        assert access.login().providers == ("campus",)
        assert access.login().problem == ""


@pytest.mark.parametrize(
    ("claims", "name", "allowed"),
    [
        ({"email": "ana@lab.org", "email_verified": True}, "ana@lab.org", True),
        ({"email": "Ana@LAB.org", "email_verified": True}, "ana@lab.org", True),
        ({"email": "guest@elsewhere.org", "email_verified": "true"}, "guest@elsewhere.org", True),
        ({"email": "eve@evil.org", "email_verified": True, "name": "Eve"}, "eve@evil.org", False),
        ({"email": "eve@evil.org\n@lab.org", "email_verified": True}, "account (#7)", False),
        ({"email": "eve@evil@lab.org", "email_verified": True}, "account (#7)", False),
        ({"email": "ana@lab.org", "email_verified": False}, "account (#7)", False),
        ({"email": "ana@lab.org", "email_verified": "false"}, "account (#7)", False),
        ({"email": "ana@lab.org"}, "account (#7)", False),
        ({"preferred_username": "ana@lab.org"}, "ana at lab.org (#7)", False),
        ({"name": "Ana", "iss": "https://id.lab.org/x"}, "Ana (#7 of id.lab.org)", False),
        ({"email": ["ana@lab.org"]}, "account (#7)", False),
    ],
)
def test_whom_a_provider_speaks_of(found, claims, name, allowed):
    who = access.identify({"is_logged_in": True, "sub": "7", **claims}, found)
    assert (who.name, who.allowed) == (name, allowed)


def test_an_unverified_address_is_nobodys_even_where_everybody_may_come_in(found):
    everybody = replace(found, allow=("*",))
    eve = {
        "is_logged_in": True,
        "sub": "9",
        "email": "ana@lab.org",
        "preferred_username": "ana@lab.org",
    }
    who = access.identify(eve, everybody)
    assert (who.name, who.allowed) == ("ana at lab.org (#9)", True)
    trusting = access.identify(eve, replace(everybody, trust_email=True))
    assert trusting.name == "ana@lab.org"
    denied = access.identify({**eve, "email_verified": False}, replace(found, trust_email=True))
    assert not denied.allowed


def test_nobody_is_nobody(found):
    assert access.identify({}, found) is None
    assert access.identify({"is_logged_in": "yes", "email": "ana@lab.org"}, found) is None
    assert access.identify({"is_logged_in": True}, found) is None


def test_the_cookie_that_streamlit_sets_is_believed(found):
    assert access.identity_of_cookies(cookies_for(ANA), found).name == "ana@lab.org"
    long = {**ANA, "groups": [secrets.token_hex() for _ in range(90)]}  # does not fit one cookie
    cookies = cookies_for(long)
    assert len(cookies) > 2
    assert access.identity_of_cookies(cookies, found).allowed
    del cookies["_streamlit_user_2"]
    assert access.identity_of_cookies(cookies, found) is None


def test_no_other_cookie_is(found, tmp_path, monkeypatch):
    good = cookies_for(ANA)["_streamlit_user"]
    for value in ("", "x", good[:-1], good[:-4] + "AAAA", good.replace(".", "", 1), "ü", "null"):
        assert access.identity_of_cookies({"_streamlit_user": value}, found) is None
    assert access.identity_of_cookies({"_streamlit_user_tokens": good}, found) is None
    assert access.identity_of_cookies({}, found) is None
    for claims in ({**ANA, "origin": "https://other.org"}, {**ANA, "is_logged_in": False}):
        assert access.identity_of_cookies(cookies_for(claims), found) is None
    other = SECRETS.replace("s3cr3t" * 8, "0th3r" * 10)
    with secrets_file(tmp_path, other, monkeypatch):
        assert access.identity_of_cookies({"_streamlit_user": good}, access.login()) is None


def test_a_cookie_goes_off(found, monkeypatch):
    good, now = cookies_for(ANA), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 40 * 24 * 3600)
    assert access.identity_of_cookies(good, found) is None
