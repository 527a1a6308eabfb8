"""What was asked for survives the server; what runs elsewhere is left alone."""

from __future__ import annotations

import pytest

from air_core.errors import WorkspaceError
from air_core.orders import FOLDER, Order, at_work, forget, remember, unfinished


def test_an_order_is_remembered_until_it_is_forgotten(tmp_path):
    order = Order("audit", "Auditing", {"device": "cpu", "sizes": [1, 2]})
    remember(tmp_path, order)
    assert unfinished(tmp_path) == [order]
    failed = Order("audit", "Auditing", {}, "failed", "no room")
    remember(tmp_path, failed)
    assert unfinished(tmp_path) == [failed]
    forget(tmp_path, "audit")
    forget(tmp_path, "audit")
    assert unfinished(tmp_path) == []


def test_an_order_that_somebody_works_on_is_not_unfinished(tmp_path):
    remember(tmp_path, Order("facts", "Estimating"))
    with at_work(tmp_path, "facts"):
        assert unfinished(tmp_path) == []
        with pytest.raises(WorkspaceError, match="Another process"), at_work(tmp_path, "facts"):
            pass
    assert [order.kind for order in unfinished(tmp_path)] == ["facts"]


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", '{"kind": "other", "title": ""}', '{"kind": "audit"}',
        '{"kind": "audit", "title": "", "state": "done"}', "\ud800",
        '{"kind": "audit", "title": "", "arguments": [1]}',
    ],
)  # fmt: skip
def test_a_damaged_order_is_passed_over(tmp_path, content):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "audit.json").write_text(content, "utf-8", "surrogatepass")
    assert unfinished(tmp_path) == []


def test_no_order_no_folder(tmp_path):
    assert unfinished(tmp_path / "nowhere") == []
