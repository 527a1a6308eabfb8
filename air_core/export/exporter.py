"""Exports of one workspace: whose decisions, in which format, from which source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from air_core.changes import audit_jsonl, changes_csv
from air_core.dataset import Dataset
from air_core.errors import AirError
from air_core.export.labels import clean_labels
from air_core.export.steps import ExportSummary, label_files, write_export
from air_core.formats import CLASS_FOLDERS, SUGGESTING, CleanLabels, ReadOptions, get_format
from air_core.items import Manifest
from air_core.labels.models import LabelEvent
from air_core.originals import read_originals
from air_core.ranking import Ranking
from air_core.reviewers import Reviews, Rule, Unresolved
from air_core.watched import edited, moved

_OPEN_AGAIN = "To take that in, open the source again with the same workspace; decisions are kept."


class Choice(TypedDict, total=False):
    """What makes the final labels.

    ``labels_by`` ("latest", "majority" or "adjudicated") says whose decision counts where
    reviewers differ, see :func:`air_core.reviewers.conflicts.decisions_by`; it is needed where
    they did so blindly. ``unresolved`` ("refuse" or "given") says what happens to images that
    this leaves open. The suggestions of ``ranking`` go into formats that have a place for them.
    """

    labels_by: Rule | None
    unresolved: Unresolved
    ranking: Ranking | None


@dataclass(frozen=True, slots=True)
class Exporter:
    """Writes cleaned labels of a workspace.

    Parameters
    ----------
    root : Path
        The workspace folder.
    manifest : Manifest
        What was imported.
    dataset : Dataset
        The images.
    source : Path
        What was read, on this machine.
    protected : sequence of Path
        Files and folders of the source, never written to.
    """

    root: Path
    manifest: Manifest
    dataset: Dataset
    source: Path
    protected: Sequence[Path]

    def write(
        self,
        format: str,
        out: Path,
        reviews: Reviews,
        *,
        overwrite: bool,
        labels_by: Rule | None = None,
        unresolved: Unresolved = "refuse",
        ranking: Ranking | None = None,
    ) -> ExportSummary:
        """See :meth:`air_core.workspace.Workspace.export`."""
        get_format(format)
        decisions = reviews.decisions(labels_by, unresolved=unresolved)
        return write_export(
            format,
            self._clean(format, decisions, ranking),
            out,
            audit=audit_jsonl(reviews.events),
            changes=changes_csv(self.dataset, decisions),
            source=self.protected,
            workspace=self.root,
            overwrite=overwrite,
            notes=self.source_edits(),
        )

    def files(
        self,
        format: str,
        reviews: Reviews,
        *,
        labels_by: Rule | None = None,
        unresolved: Unresolved = "refuse",
        ranking: Ranking | None = None,
    ) -> dict[str, bytes]:
        """See :meth:`air_core.workspace.Workspace.export_files`."""
        decisions = reviews.decisions(labels_by, unresolved=unresolved)
        return label_files(format, self._clean(format, decisions, ranking))

    def source_edits(self) -> tuple[str, ...]:
        """See :meth:`air_core.workspace.Workspace.source_edits`."""
        notes = edited(self.manifest.watched, self._originals())
        if self.manifest.info.format in CLASS_FOLDERS and self.source.is_dir():
            options = replace(self._read_options(), ignore=frozenset([self.root]))
            set_aside = (bad.path for bad in self.manifest.quarantined)
            try:
                listing = get_format(self.manifest.info.format).read(self.source, options)
                notes += moved(listing, [*self.dataset.paths, *set_aside])
            except AirError as error:
                notes += (f"{self.source} cannot be read any more: {error}",)
        return (*notes, _OPEN_AGAIN) if notes else ()

    def _clean(
        self, format: str, decisions: Mapping[str, LabelEvent], ranking: Ranking | None
    ) -> CleanLabels:
        own = format == self.manifest.info.format
        return clean_labels(
            self.dataset,
            decisions,
            self._originals() if own else {},
            self._read_options(),
            source=self.source if own else None,
            # Nowhere else is there a place for them, and a million take their time.
            ranking=ranking if format in SUGGESTING else None,
        )

    def _originals(self) -> dict[str, bytes]:
        name = self.manifest.original
        return {} if name is None else read_originals(self.root / name)

    def _read_options(self) -> ReadOptions:
        info = self.manifest.info
        return ReadOptions(
            labels=None if info.labels_file is None else Path(info.labels_file),
            path_column=info.path_column,
            label_column=info.label_column,
            separator=info.separator,
        )
