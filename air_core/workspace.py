"""The folder that holds one audit: items, thumbnails, features, runs and decisions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from air_core.dataset import parse_tags, tags_text
from air_core.errors import DecisionError
from air_core.export import Choice, Exporter, ExportSummary, labels_in_force
from air_core.formats import FILE_FORMATS, ReadOptions
from air_core.intake import import_source
from air_core.items import SourceInfo, write_manifest
from air_core.labels.models import Decision, LabelEvent
from air_core.progress import ProgressCallback, silent
from air_core.quarantine import QuarantinedImage
from air_core.reviewers import Reviews
from air_core.runs import feature_digest_of
from air_core.team_database import open_shared, reach
from air_core.workspace_folder import WorkspaceFolder

if TYPE_CHECKING:
    from air_core.labels.store import LabelStore

__all__ = ["ExportSummary", "HowToRead", "QuarantinedImage", "SourceInfo", "Workspace"]


class HowToRead(TypedDict, total=False):
    """What the user knows of a source; nothing where it can be found out.

    Parameters
    ----------
    format : str
        Name of the format, where it cannot be told from the source.
    labels : path
        Label file for the images below the source, or in it.
    path_column, label_column : str
        Columns of the label file, where their names do not tell.
    separator : str
        What parts the tags of an image in a cell; naming it says that there may be several.
    database : str
        Where decisions shall go; see :meth:`Workspace.use_database`.
    """

    format: str | None
    labels: Path | str | None
    path_column: str | None
    label_column: str | None
    separator: str | None
    database: str | None


class Workspace(WorkspaceFolder):
    """One audit on disk. Made by :meth:`create`, found again by :meth:`open`.

    Attributes
    ----------
    root : Path
        The workspace folder.
    dataset : Dataset
        The images that can be audited, with the labels they came with.
    info : SourceInfo
        Where they came from.
    quarantined : tuple of QuarantinedImage
        What was listed but cannot be audited, and why.
    notes : tuple of str
        What the import passed over and may surprise.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._store: LabelStore | None = None
        self._lock = threading.Lock()
        self._feature_digests: dict[str, str] = {}

    # -- making and finding --------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        root: Path | str,
        source: Path | str,
        *,
        format: str | None = None,
        labels: Path | str | None = None,
        path_column: str | None = None,
        label_column: str | None = None,
        separator: str | None = None,
        database: str | None = None,
        progress: ProgressCallback = silent,
    ) -> Workspace:
        """Import a source, or bring an earlier import of it up to date.

        Every image is decoded once; unchanged files (by size and time) are not opened again.
        Decisions are kept. A run that was killed continues where it was.

        Parameters
        ----------
        root : path
            The workspace folder; made if it is missing.
        source : path
            A label file, a folder of images, a zip or tar archive of one, or an address of
            fsspec (``s3://…``, ``https://…``). What is not on this machine is fetched, and
            archives are unpacked, into the workspace.
        format, labels, path_column, label_column, separator, database : optional
            See :class:`HowToRead`.
        progress : callable
            Called after each image; may raise to stop.

        Raises
        ------
        SourceError
            If the source cannot be read as asked or holds no usable image.
        WorkspaceError
            If the workspace belongs to another source, is the folder of the source itself, or
            cannot be written.
        """
        folder = Path(root).resolve()
        asked = ReadOptions(
            labels=None if labels is None else Path(labels),
            path_column=path_column,
            label_column=label_column,
            separator=separator,
        )
        if database is not None:
            # Before anything is imported, or decisions would go astray into a log of its own.
            reach(database)
        import_source(folder, source, format, asked, database=database, progress=progress)
        workspace = cls(folder)
        if database is not None:
            workspace.use_database(database)
        return workspace

    @classmethod
    def open(cls, root: Path | str) -> Workspace:
        """Open a workspace; no image is touched.

        Raises
        ------
        WorkspaceError
            If there is none, it is damaged, or a newer version wrote it.
        """
        return cls(Path(root))

    def close(self) -> None:
        """Close the log of decisions; it is opened again when needed."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    # -- what it holds -------------------------------------------------------------------------

    @property
    def labels(self) -> LabelStore:
        """The log of decisions, opened on first use."""
        from air_core.labels.store import LabelStore

        with self._lock:
            if self._store is None:
                self._store = LabelStore(self._manifest.log(self.root))
            return self._store

    def use_database(self, url: str) -> None:
        """Keep decisions in a database that a team shares, from now on.

        Those made so far go along. Colleagues with the same images name the same database in
        their own workspaces.

        Parameters
        ----------
        url : str
            ``postgresql://USER@HOST:PORT/DATABASE``. A password in it serves this object only; it
            is not stored: set ``PGPASSWORD`` or ``~/.pgpass``.

        Raises
        ------
        WorkspaceError
            If the database cannot be opened or holds decisions on other images.
        DecisionError
            If it holds other decisions than those made here so far.
        """
        from air_core.labels.store import without_password

        shared, address = open_shared(url, self.dataset), without_password(url)
        try:
            if address != self._manifest.database:
                before = self._manifest.log(self.root)
                if not isinstance(before, Path) or before.exists():
                    shared.restore(self.labels.events())
                manifest = replace(self._manifest, database=address)
                write_manifest(self.root, manifest)
                self._manifest = manifest
        except BaseException:
            shared.close()
            raise
        self.close()
        with self._lock:
            self._store = shared

    # -- decisions -----------------------------------------------------------------------------

    def decide(
        self,
        decisions: Sequence[Decision],
        *,
        reviewer: str,
        expected: Mapping[str, int | None] | None = None,
        operation_id: str | None = None,
    ) -> tuple[LabelEvent, ...]:
        """Record a batch of decisions; all of them are on disk when this returns.

        See :meth:`air_core.labels.store.LabelStore.record`.

        Raises
        ------
        DecisionError
            If an item is not of this workspace, a label is none of its classes, or the log
            refuses; nothing is recorded then.
        StaleLabelError
            If an item has another decision in force than ``expected``.
        """
        dataset = self.dataset
        for decision in decisions:
            if decision.item_id not in dataset:
                raise DecisionError(
                    f"Expected an item of this workspace, got id {decision.item_id!r}."
                )
        decisions = [
            replace(decision, label=self.stored_label(decision.label))
            if decision.action == "relabel" and decision.label is not None
            else decision
            for decision in decisions
        ]
        given = {d.item_id: dataset.given_text(dataset.row_of(d.item_id)) for d in decisions}
        return self.labels.record(
            [self._with_features(decision) for decision in decisions],
            reviewer=reviewer,
            old_labels=given,
            expected=expected,
            operation_id=operation_id,
        )

    def _with_features(self, decision: Decision) -> Decision:
        """The decision with the digest of the features that its run was fitted on."""
        run = decision.run_id
        if not run or decision.feature_digest:
            return decision
        if run not in self._feature_digests:
            self._feature_digests[run] = feature_digest_of(self.root / "runs", run)
        return replace(decision, feature_digest=self._feature_digests[run])

    def stored_label(self, label: str) -> str:
        """A label that a person gave, as the log keeps it; of tags see :func:`parse_tags`.

        Raises
        ------
        DecisionError
            If it is none of the classes.
        """
        known = self.dataset.class_names
        tags = parse_tags(label, known) if self.dataset.multilabel else None
        for name in [label] if tags is None else tags:
            if name not in known:
                raise DecisionError(
                    f"Expected one of the classes {', '.join(known)}, got {name!r}."
                )
        return label if tags is None else tags_text(tags)

    def reviewed(self) -> dict[str, LabelEvent]:
        """The decision in force of each reviewed item, by item id."""
        return {i: event for i, event in self.labels.current().items() if i in self.dataset}

    def reviews(self) -> Reviews:
        """What all reviewers have said so far, and who was asked to look at what."""
        return Reviews(self.dataset, self.labels.events())

    def current_labels(self) -> NDArray[np.intp]:
        """Label indices (n,) with the relabels in force applied; a new array at each call.

        ``UNLABELLED`` throughout for tags.
        """
        return labels_in_force(self.dataset, self.reviewed())

    def excluded(self) -> NDArray[np.bool_]:
        """Which items (n,) are excluded by the decision in force."""
        mask = np.zeros(len(self.dataset), dtype=np.bool_)
        for item, event in self.reviewed().items():
            mask[self.dataset.row_of(item)] = event.action == "exclude"
        return mask

    # -- export --------------------------------------------------------------------------------

    def export(
        self, format: str, out: Path | str, *, overwrite: bool = False, **choice: Unpack[Choice]
    ) -> ExportSummary:
        """Write the cleaned labels, with ``audit.jsonl`` and ``changes.csv`` beside them.

        A label file in the source's own format differs from it in the changed cells and the
        excluded rows only. An image folder gets copies of the images.

        Parameters
        ----------
        format : str
            See :data:`air_core.formats.FORMAT_TITLES`.
        out : path
            A file or a folder. An earlier export is replaced unless somebody has changed it.
        overwrite : bool
            Replace the file ``out`` whatever it is; never one of the source or the workspace.
        labels_by, unresolved, ranking
            See :class:`air_core.export.Choice`.

        Returns
        -------
        ExportSummary
            Its ``notes`` say if the source was edited after it was opened.

        Raises
        ------
        ExportError
            If it cannot be written there or in that format, or reviewers differ. The source is
            never written to.
        """
        return self._exporter().write(
            format, Path(out), self.reviews(), overwrite=overwrite, **choice
        )

    def export_files(self, format: str, **choice: Unpack[Choice]) -> dict[str, bytes]:
        """A label file as bytes, by name, and behind it what its format has beside it.

        Raises
        ------
        ExportError
            For a format that is not a single file, or if reviewers differ; see :meth:`export`.
        """
        return self._exporter().files(format, self.reviews(), **choice)

    def export_bytes(self, format: str | None = None, **choice: Unpack[Choice]) -> bytes:
        """The label file alone, in the source's format (CSV for an image folder) by default.

        Takes and raises the same as :meth:`export_files`.
        """
        name = format or (self.info.format if self.info.format in FILE_FORMATS else "csv")
        return next(iter(self.export_files(name, **choice).values()))

    def source_edits(self) -> tuple[str, ...]:
        """What was edited in the source after it was opened, as sentences; an export lacks it."""
        return self._exporter().source_edits()

    def _exporter(self) -> Exporter:
        return Exporter(self.root, self._manifest, self.dataset, self.source, self.source_places())
