"""The folder that holds one audit: items, thumbnails, features, runs and decisions."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from air_core.changes import audit_jsonl, changes_csv
from air_core.dataset import Dataset, parse_tags, tags_text
from air_core.errors import DecisionError, ExportError, WorkspaceError
from air_core.export import ExportSummary, clean_labels, labels_in_force, write_export
from air_core.formats import (
    FILE_FORMATS,
    CleanLabels,
    ReadOptions,
    get_format,
)
from air_core.images import load_rgb
from air_core.importer import PACK
from air_core.intake import import_source
from air_core.items import SourceInfo, read_items, read_manifest, write_manifest
from air_core.labels.models import Decision, LabelEvent
from air_core.originals import read_originals
from air_core.progress import ProgressCallback, silent
from air_core.quarantine import QuarantinedImage, locate
from air_core.ranking import Ranking
from air_core.reviewers import Reviews, Rule, Unresolved
from air_core.runs import feature_digest_of
from air_core.sources import local_path
from air_core.thumbnails import ThumbnailPack, encode_webp

if TYPE_CHECKING:
    from air_core.labels.store import LabelStore

__all__ = ["ExportSummary", "QuarantinedImage", "SourceInfo", "Workspace"]


class Workspace:
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
        self.root = root.resolve()
        self._manifest = read_manifest(self.root)
        self._items = read_items(self.root, self._manifest)
        self._pack = ThumbnailPack(self.root / PACK)
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
        format : str, optional
            Name of the format, where it cannot be told from the source.
        labels : path, optional
            Label file for the images below ``source``, or in it.
        path_column, label_column : str, optional
            Columns of the label file, where their names do not tell.
        separator : str, optional
            What parts the tags of an image in a cell; naming it says that there may be several.
        database : str, optional
            Where decisions shall go; see :meth:`use_database`.
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
            _reach(database)
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
    def dataset(self) -> Dataset:
        """The images that can be audited."""
        return self._items.dataset

    @property
    def info(self) -> SourceInfo:
        """Where the images came from."""
        return self._manifest.info

    @property
    def quarantined(self) -> tuple[QuarantinedImage, ...]:
        """What cannot be audited, and why."""
        return self._manifest.quarantined

    @property
    def notes(self) -> tuple[str, ...]:
        """What the import passed over."""
        return self._manifest.notes

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
        from air_core.labels.store import LabelStore, without_password

        _check_address(url)
        address = without_password(url)
        shared = LabelStore(url)
        try:
            decided = {event.item_id for event in shared.history()}
            if decided and not any(item in self.dataset for item in decided):
                raise WorkspaceError(
                    f"The database {address} holds decisions on other images.",
                    hint="Make another database for these.",
                )
            if address != self._manifest.database:
                before = self._manifest.log(self.root)
                if not isinstance(before, Path) or before.exists():
                    shared.restore(self.labels.history(), self.labels.assignments())
                manifest = replace(self._manifest, database=address)
                write_manifest(self.root, manifest)
                self._manifest = manifest
        except BaseException:
            shared.close()
            raise
        self.close()
        with self._lock:
            self._store = shared

    @property
    def features_dir(self) -> Path:
        """Folder of cached features."""
        return self._folder("features")

    @property
    def runs_dir(self) -> Path:
        """Folder of fitted models."""
        return self._folder("runs")

    @property
    def projections_dir(self) -> Path:
        """Folder of maps."""
        return self._folder("projections")

    def _folder(self, name: str) -> Path:
        path = self.root / name
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"The folder {path} cannot be made: {error.strerror}.",
                hint="Allow writing to the workspace folder, or copy it to where you may write.",
            ) from error
        return path

    def thumbnail(self, item_id: str) -> bytes:
        """WebP of at most 192 pixels a side; SourceError for an unknown item."""
        row = self.dataset.row_of(item_id)
        return self._pack.read(int(self._items.offsets[row]), int(self._items.lengths[row]))

    def picture(self, item_id: str, max_side: int = 1024) -> bytes:
        """WebP made from the source file as it is now, turned upright.

        Raises
        ------
        SourceError
            For an unknown item, or a file that has gone or been damaged since the import.
        """
        root = Path(self._manifest.image_root)
        file = self.dataset.files[self.dataset.row_of(item_id)]
        # Located again: a link may have been put in its place since.
        image = load_rgb(locate(root, str(file.relative_to(root))))
        return encode_webp(image, max_side=max_side, quality=90)

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
        # In this order: an adjudication is asked for before it is decided.
        history = self.labels.history()
        return Reviews(self.dataset, history, self.labels.assignments())

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

    def source_places(self) -> list[Path]:
        """Files and folders of the source, in which nothing is ever written."""
        places = [
            Path(self._manifest.image_root),
            local_path(self.info.source, self.root / "source"),
        ]
        labels = self.info.labels_file
        return places if labels is None else [*places, Path(labels)]

    # -- export --------------------------------------------------------------------------------

    def export(
        self,
        format: str,
        out: Path | str,
        *,
        labels_by: Rule | None = None,
        unresolved: Unresolved = "refuse",
        ranking: Ranking | None = None,
    ) -> ExportSummary:
        """Write the cleaned labels, with ``audit.jsonl`` and ``changes.csv`` beside them.

        A label file in the source's own format differs from it in the changed cells and the
        excluded rows only. An image folder gets copies of the images.

        Parameters
        ----------
        format : str
            See :data:`air_core.formats.FORMAT_TITLES`.
        out : path
            A file (an earlier export is replaced) or a new or empty folder.
        labels_by : {"latest", "majority", "adjudicated"}, optional
            Whose decision counts where reviewers differ; needed where they did so blindly. See
            :func:`air_core.reviewers.conflicts.decisions_by`.
        unresolved : {"refuse", "given"}
            What happens to images that this does not decide.
        ranking : Ranking, optional
            Its suggestions go into formats that have a place for them.

        Raises
        ------
        ExportError
            If it cannot be written there or in that format, or reviewers differ. The source is
            never written to.
        """
        get_format(format)
        reviews = self.reviews()
        decisions = reviews.decisions(labels_by, unresolved=unresolved)
        source = self.source_places()
        return write_export(
            format,
            self._clean(format, decisions, ranking),
            Path(out),
            audit=audit_jsonl(reviews.history),
            changes=changes_csv(self.dataset, decisions),
            source=source,
            workspace=self.root,
        )

    def export_bytes(
        self,
        format: str | None = None,
        *,
        labels_by: Rule | None = None,
        unresolved: Unresolved = "refuse",
        ranking: Ranking | None = None,
    ) -> bytes:
        """A label file as bytes, in the source's format (CSV for an image folder) by default.

        Raises
        ------
        ExportError
            For a format that is not a single file, or if reviewers differ; see :meth:`export`.
        """
        name = format or (self.info.format if self.info.format in FILE_FORMATS else "csv")
        if name not in FILE_FORMATS:
            raise ExportError(
                f"Expected a format of one file ({', '.join(FILE_FORMATS)}), got {name!r}."
            )
        decisions = self.reviews().decisions(labels_by, unresolved=unresolved)
        return FILE_FORMATS[name].compose(self._clean(name, decisions, ranking))

    def _clean(
        self, format: str, decisions: Mapping[str, LabelEvent], ranking: Ranking | None
    ) -> CleanLabels:
        info, originals, source = self.info, {}, None
        if format == info.format:
            source = local_path(info.source, self.root / "source")
            if self._manifest.original is not None:
                originals = read_originals(self.root / self._manifest.original)
        options = ReadOptions(
            labels=None if info.labels_file is None else Path(info.labels_file),
            path_column=info.path_column,
            label_column=info.label_column,
            separator=info.separator,
        )
        return clean_labels(
            self.dataset, decisions, originals, options, source=source, ranking=ranking
        )


def _check_address(url: str) -> None:
    if "://" not in url:
        raise WorkspaceError(
            f"Expected the address of a database, got {url!r}.",
            hint="Write postgresql://USER@HOST/NAME.",
        )


def _reach(url: str) -> None:
    """Open a database once; WorkspaceError if that fails."""
    from air_core.labels.store import LabelStore

    _check_address(url)
    LabelStore(url).close()
