"""Who may come in, and under which name: the identity that ``st.login`` has verified.

Without an ``[auth]`` section in the server's secrets there is no login: the server answers this
machine only, and reviewers say who they are. With one, nobody gets past the login page who is
not named in ``[access]``, and nobody signs as somebody else.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from air_core.errors import AirError
from air_core.server import LOGIN

_KEYS = ("client_id", "client_secret", "server_metadata_url")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_OTHER_NAMES = ("preferred_username", "name")
_SHORTEST_SECRET = 32

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Addresses that only this machine can call."""


class AccessError(AirError):
    """Something was asked for that needs a login."""


@dataclass(frozen=True, slots=True)
class Login:
    """How people log in here.

    Parameters
    ----------
    providers : tuple of str
        Names of the identity providers; an empty one for the only one.
    allow : tuple of str
        E-mail addresses that may come in, with ``*`` for anything.
    origin : str
        ``https://host`` of the address that people open.
    problem : str
        Why nobody can log in; empty if they can.
    trust_email : bool
        Whether an address counts of which the provider does not say that it has verified it.
    """

    providers: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    origin: str = ""
    problem: str = ""
    trust_email: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom a provider has verified.

    Parameters
    ----------
    name : str
        What decisions are signed with: the e-mail address in lower case, or the account's name with
        its number.
    allowed : bool
        Whether they may come in.
    """

    name: str
    allowed: bool


def login() -> Login | None:
    """How people log in; None if this server has no login.

    What cannot be read counts as a login that nobody gets past.
    """
    try:
        auth, rules = st.secrets.get("auth"), st.secrets.get("access") or {}
    except Exception as error:  # Streamlit has many words for what is missing or broken
        broken = [file for file in st.get_option("secrets.files") if Path(file).exists()]
        if broken:
            return Login(problem=f"{' and '.join(broken)} cannot be read: {type(error).__name__}.")
        auth = rules = None
    if auth is None:
        required = bool(os.environ.get(LOGIN))
        return Login(problem="There is no [auth] section in the secrets.") if required else None
    if not isinstance(auth, Mapping) or not isinstance(rules, Mapping):
        return Login(problem="[auth] and [access] have to be sections of their own.")
    return _checked(auth, rules)


def _checked(auth: Mapping[str, Any], rules: Mapping[str, Any]) -> Login:
    providers = {
        name: section
        for name, section in auth.items()
        if isinstance(section, Mapping) and name != "client_kwargs"
    }
    if "client_id" in auth:
        providers[""] = auth
    lacking = [key for section in providers.values() for key in _KEYS if not section.get(key)]
    allow = rules.get("allow")
    named = isinstance(allow, list | tuple) and all(isinstance(each, str) for each in allow)
    address = str(auth.get("redirect_uri", "")).replace("{port}", str(st.get_option("server.port")))
    parts = urlsplit(address)
    if find_spec("authlib") is None:
        problem = "Authlib is missing. Install it with: pip install 'air-audit[auth]'"
    elif lacking or not providers:
        problem = f"[auth] lacks {', '.join(lacking or _KEYS)}."
    elif not parts.netloc or not parts.path.endswith("/oauth2callback"):
        problem = "[auth] needs a redirect_uri such as https://HOST/oauth2callback."
    elif len(str(auth.get("cookie_secret", ""))) < _SHORTEST_SECRET:
        problem = f"[auth] needs a cookie_secret of {_SHORTEST_SECRET} random characters or more."
    elif not allow or not named:
        problem = '[access] has to name who may come in: allow = ["ana@example.org", "*@lab.org"].'
    else:
        problem = ""
    return Login(
        providers=tuple(sorted(providers)),
        allow=() if problem or allow is None else tuple(each.strip().lower() for each in allow),
        origin=f"{parts.scheme}://{parts.netloc}",
        problem=problem,
        trust_email=rules.get("trust_email") is True,
    )


def only_this_machine() -> bool:
    """Whether whoever sees this server could as well sit at its machine."""
    return (
        login() is None
        and st.get_option("server.address") in LOOPBACK
        and not st.get_option("server.allowedHosts")
    )


def identify(claims: Mapping[str, Any], found: Login) -> Identity | None:
    """Whom a provider speaks of; None for nobody.

    Only an e-mail address that the provider has verified is one: anybody can have any. Without it
    the name is what the provider calls the account, together with the subject, which is nobody
    else's; it can never be read as somebody's address.

    Parameters
    ----------
    claims : mapping of str to object
        Those of the identity token, and ``is_logged_in``.
    found : Login
        How people log in here.
    """
    if claims.get("is_logged_in") is not True:
        return None
    said = {key: str(value).strip() for key, value in claims.items() if isinstance(value, str)}
    email = said.get("email", "").lower()
    verified = claims.get("email_verified", found.trust_email) in (True, "true")
    if verified and _EMAIL.fullmatch(email):
        allowed = any(fnmatchcase(email, pattern) for pattern in found.allow)
        return Identity(email, allowed and not found.problem)
    if not (subject := said.get("sub", "")):
        return None
    called = next((said[key] for key in _OTHER_NAMES if said.get(key)), "account")
    issuer = urlsplit(said.get("iss", "")).netloc
    name = f"{called.replace('@', ' at ')} (#{subject}{' of ' if issuer else ''}{issuer})"
    return Identity(name, "*" in found.allow and not found.problem)


def identity_of_cookies(cookies: Mapping[str, str], found: Login) -> Identity | None:
    """Whom the cookie that ``st.login`` has set speaks of; None if it is missing or not genuine.

    Pages have ``st.user``; this is for what is fetched beside them. It reads the cookie as
    Streamlit does, with the functions it has for it.
    """
    try:
        from streamlit.auth_util import get_cookie_with_chunks
        from streamlit.web.server.server_util import get_cookie_secret
        from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
        from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
    except ImportError:  # another version of Streamlit: better nobody than anybody
        return None

    def one(name: str) -> bytes | None:
        value = cookies.get(name)
        return decode_signed_value(get_cookie_secret(), name, value) if value else None

    try:
        claims = json.loads(get_cookie_with_chunks(one, USER_COOKIE_NAME) or b"null")
    except ValueError:
        return None
    if not isinstance(claims, dict) or claims.get("origin") != found.origin:
        return None
    return identify(claims, found)


def identity() -> Identity | None:
    """Who looks at this page; None without a login, and before it."""
    found = login()
    return None if found is None else identify(st.user.to_dict(), found)


def owner() -> str:
    """Whose decisions a browser may hold for later: a queue for each who logs in, else one for all.

    Where nobody logs in each decision carries its reviewer's name, and any of them may send it.
    """
    return verified_name() or ""


def verified_name() -> str | None:
    """What this session has to sign with; None where reviewers say who they are.

    Raises
    ------
    AccessError
        If there is a login and nobody has come past it.
    """
    if login() is None:
        return None
    who = identity()
    if who is None or not who.allowed:
        raise AccessError("Nobody is logged in.", hint="Load the page again and log in.")
    return who.name
