"""Everybody can use every page: axe-core finds nothing serious."""

from __future__ import annotations

import pytest

pytest.importorskip("axe_playwright_python")
from benchmarks.ui_access import GRAVE, violations


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(browser, untouched, scheme):
    grave = [v for v in violations(browser, untouched.url, scheme=scheme) if v["impact"] in GRAVE]
    assert not grave
