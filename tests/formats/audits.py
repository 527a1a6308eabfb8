"""An audit from source to export, as a curator does it: open, decide, export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from air_core.labels import Decision
from air_core.workspace import Workspace

BESIDE = {"audit.jsonl", "changes.csv"}
"""What every export writes beside the labels."""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its path, without what every export writes."""
    files = (f for f in folder.rglob("*") if f.is_file() and f.name not in BESIDE)
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


def decide(
    workspace: Workspace, labels: Mapping[str, str], excluded: Iterable[str] = ()
) -> Workspace:
    """Relabel and exclude images by path."""
    ids = dict(zip(workspace.dataset.paths, workspace.dataset.item_ids.tolist(), strict=True))
    decisions = [Decision(ids[path], "relabel", label=label) for path, label in labels.items()]
    decisions += [Decision(ids[path], "exclude") for path in excluded]
    workspace.decide(decisions, reviewer="ana")
    return workspace


def round_trip(
    source: Path,
    folder: Path,
    labels: Mapping[str, str] | None = None,
    excluded: Iterable[str] = (),
    **options: Any,
) -> Path:
    """What is exported in the source's own format after some decisions."""
    workspace = Workspace.create(folder / "audit", source, **options)
    decide(workspace, labels or {}, excluded)
    out = folder / f"out{source.suffix if source.is_file() else ''}"
    workspace.export(workspace.info.format, out)
    return out


def rows(workspace: Workspace) -> dict[str, str | None]:
    """Given labels by path."""
    dataset = workspace.dataset
    return {path: dataset.given_text(row) for row, path in enumerate(dataset.paths)}
