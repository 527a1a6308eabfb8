"""The way in: nothing of the audit before it, and a name that cannot be changed behind it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from air_core.workspace import Workspace
from pages import access
from pages.components.grid import Basis, GridOperation, ItemDecision
from pages.components.markdown import literal
from pages.decisions import Receipts, commit
from tests.pages.logins import ANA, SECRETS, secrets_file

PAGE = "../../pages/main.py"
PAGES = ["explore", "review", "compare", "history", "export"]


@pytest.fixture
def login(tmp_path, monkeypatch):
    with secrets_file(tmp_path, SECRETS, monkeypatch):
        yield


def visit(claims=None, page=None):
    app = AppTest.from_file(PAGE, default_timeout=30)
    app.user = claims or {}
    app.run()
    if page:
        app.switch_page(f"{page}.py").run()
    assert not app.exception
    return app


def shown(app):
    """All text on the page."""
    kinds = ("title", "markdown", "caption", "error", "subheader", "button", "metric")
    return " ".join(str(getattr(e, "label", "")) + str(e.value) for k in kinds for e in app.get(k))


@pytest.mark.parametrize("page", [None, *PAGES])
def test_before_the_login_no_page_shows_anything(imported, login, page):
    app = visit(page=page)
    assert [title.value for title in app.title] == ["Log in to review"]
    assert [button.label for button in app.button] == ["Log in"]
    assert "shapes" not in shown(app)
    assert not app.dataframe
    assert "air.reviewer" not in app.session_state


@pytest.mark.parametrize("page", [None, *PAGES])
def test_who_is_not_named_sees_nothing_either(imported, login, page):
    app = visit({**ANA, "email": "eve@evil.org"}, page)
    assert [title.value for title in app.title] == ["You may not open this audit"]
    assert literal("eve@evil.org") in app.markdown[0].value
    assert [button.label for button in app.button] == ["Log out"]
    assert "shapes" not in shown(app)


def test_whoever_is_named_comes_in_and_cannot_change_the_name(imported, login):
    app = visit(ANA)
    assert "**shapes**" in app.markdown[0].value
    assert any(f"Logged in as **{literal('ana@lab.org')}**" in text.value for text in app.markdown)
    assert not [box for box in app.text_input if box.label == "Decisions are signed with"]
    assert "Log out" in [button.label for button in app.button]


@pytest.mark.parametrize("page", [None, *PAGES])
def test_a_login_that_is_not_set_up_keeps_everybody_out(imported, tmp_path, monkeypatch, page):
    broken = SECRETS.replace('client_secret = "x"', "")
    with secrets_file(tmp_path, broken, monkeypatch):
        app = visit(ANA, page)
    assert "lacks client_secret" in app.error[0].value
    assert "shapes" not in shown(app)


def test_without_a_login_reviewers_say_who_they_are(imported, tmp_path, monkeypatch):
    with secrets_file(tmp_path, None, monkeypatch):
        app = visit()
    assert [box for box in app.text_input if box.label == "Decisions are signed with"]


def test_nobody_signs_as_somebody_else(imported, login, monkeypatch):
    workspace, receipts = Workspace.open(imported), Receipts()
    kept = ItemDecision(str(workspace.dataset.item_ids[0]), "keep")

    def send(number, reviewer):
        made = GridOperation("c", number, "decide", Basis(reviewer), (kept,))
        assert commit(workspace, [made], receipts) == ""

    monkeypatch.setattr(access, "identity", lambda: access.Identity("ana@lab.org", True))
    send(1, "ben@lab.org")
    assert "made by ben@lab.org, and you are ana@lab.org" in receipts.rejected["c:1"]
    send(2, "ana@lab.org")
    monkeypatch.setattr(access, "identity", lambda: None)
    send(3, "ana@lab.org")
    assert "log in" in receipts.rejected["c:3"]
    assert [event.reviewer for event in workspace.labels.history()] == ["ana@lab.org"]
