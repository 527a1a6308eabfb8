"""Decisions of people into a workspace: from a sheet, as an adjudication, from a copied log."""

from air_core.decisions.applying import Applied, apply_decisions
from air_core.decisions.fitting import check_fit
from air_core.decisions.settling import settle
from air_core.decisions.sheet import SHEET_COLUMNS, item_at, items_by_path

__all__ = [
    "SHEET_COLUMNS",
    "Applied",
    "apply_decisions",
    "check_fit",
    "item_at",
    "items_by_path",
    "settle",
]
