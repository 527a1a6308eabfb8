"""Copies among the images, and images unlike all others. Neither ever enters a label's score."""

from __future__ import annotations

from air_core.duplicates.groups import RULES, Group, find_pairs, group
from air_core.duplicates.neighbours import COUNT, Neighbours, nearest, oddness

__all__ = ["COUNT", "RULES", "Group", "Neighbours", "find_pairs", "group", "nearest", "oddness"]
