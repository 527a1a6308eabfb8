"""From a source to the files of a workspace; interrupted at any point, it can go on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from air_core.dataset import stable_item_ids, tags_of
from air_core.errors import SourceError, WorkspaceError
from air_core.formats import Listing, ReadOptions
from air_core.items import (
    Manifest,
    SourceInfo,
    read_scanned,
    write_items,
    write_manifest,
)
from air_core.locks import alone
from air_core.originals import write_originals
from air_core.progress import ProgressCallback
from air_core.quarantine import QuarantinedImage, locate
from air_core.scan import Journal, ScannedImage, scan_images
from air_core.thumbnails import ThumbnailPack
from air_core.watched import WatchedFile

PACK = "thumbnails.pack"
_SHOWN_REASONS = 3


def import_listing(
    folder: Path,
    origin: Path | str,
    format: str,
    listing: Listing,
    *,
    watched: tuple[WatchedFile, ...],
    before: Manifest | None,
    needed_classes: Sequence[str],
    progress: ProgressCallback,
) -> None:
    """Look at every listed image and write what a workspace is opened from.

    Parameters
    ----------
    folder : Path
        The workspace folder.
    origin : path or str
        The source, for the record.
    format : str
        Name of the format that made ``listing``.
    listing : Listing
        What the source lists.
    watched : tuple of WatchedFile
        Its label files.
    before : Manifest or None
        What an earlier import of the same source wrote.
    needed_classes : sequence of str
        Classes that decisions name; they stay even if the source has lost them.
    progress : callable
        Called after each image.

    Raises
    ------
    SourceError
        If no listed image is usable.
    WorkspaceError
        If another import into this workspace is running.
    """
    with alone(folder):
        files, reasons = _locate_all(listing)
        pack, journal = ThumbnailPack(folder / PACK), Journal(folder / "import.journal")
        scanned = scan_images(
            listing.root,
            list(dict.fromkeys(files.values())),
            pack=pack,
            journal=journal,
            known=read_scanned(folder),
            progress=progress,
        )
        for path, file in files.items():
            if scanned[file].reason:
                reasons[path] = scanned[file].reason
        quarantined = [QuarantinedImage(*entry) for entry in listing.rejected]
        quarantined += [QuarantinedImage(p, reasons[p]) for p in listing.paths if p in reasons]
        _write(
            folder,
            listing,
            [None if path in reasons else scanned[files[path]] for path in listing.paths],
            SourceInfo(
                source=str(origin),
                format=format,
                path_column=listing.path_column,
                label_column=listing.label_column,
                labels_file=None if listing.labels_file is None else str(listing.labels_file),
                created_at=before.info.created_at if before else _now(),
                separator=listing.separator,
                multilabel=listing.multilabel,
            ),
            tuple(quarantined),
            needed_classes,
            before.database if before else None,
            watched,
        )
        journal.discard()


def as_before(
    folder: Path, info: SourceInfo, origin: str, format: str | None, options: ReadOptions
) -> tuple[str, ReadOptions]:
    """How the source was read before; WorkspaceError if it shall be read differently now."""
    asked = {
        "source": (origin, info.source),
        "format": (format, info.format),
        "label file": (options.labels and str(options.labels), info.labels_file),
        "path column": (options.path_column, info.path_column),
        "label column": (options.label_column, info.label_column),
        "separator": (options.separator, info.separator),
    }
    for what, (now, then) in asked.items():
        if now is not None and now != then:
            raise WorkspaceError(
                f"The workspace {folder} was made with the {what} {then}, not {now}.",
                hint="Choose another workspace folder.",
            )
    same = replace(
        options,
        labels=None if info.labels_file is None else Path(info.labels_file),
        path_column=info.path_column,
        label_column=info.label_column,
        separator=info.separator,
    )
    return info.format, same


def check_apart(folder: Path, source: Path) -> None:
    """Refuse to put the workspace's files among those of the source; a sub-folder is fine."""
    if folder == (source if source.is_dir() else source.parent):
        raise WorkspaceError(
            f"Expected a workspace apart from the source, got {folder} for both.",
            hint=f"Choose another folder, for instance {folder / 'audit'}.",
        )


def classes_decided_on(log: Path | str, *, multilabel: bool) -> list[str]:
    """Classes or tags that standing decisions give to items."""
    if isinstance(log, Path) and not log.exists():
        return []
    from air_core.labels.store import LabelStore

    store = LabelStore(log)
    try:
        standing = store.current().values()
    finally:
        store.close()
    labels = [event.new_label for event in standing if event.new_label is not None]
    return [tag for label in labels for tag in tags_of(label)] if multilabel else labels


def _locate_all(listing: Listing) -> tuple[dict[str, str], dict[str, str]]:
    """File below the root by listed path, and why the other paths have none."""
    files: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for path in dict.fromkeys(listing.paths):
        try:
            files[path] = locate(listing.root, path).relative_to(listing.root).as_posix()
        except SourceError as error:
            reasons[path] = str(error)
    return files, reasons


def _write(
    folder: Path,
    listing: Listing,
    scanned: Sequence[ScannedImage | None],
    info: SourceInfo,
    quarantined: tuple[QuarantinedImage, ...],
    needed_classes: Sequence[str],
    database: str | None,
    watched: tuple[WatchedFile, ...],
) -> None:
    # Ids count every listed occurrence, so that an image leaving quarantine shifts no other id.
    ids = stable_item_ids(listing.paths)
    rows = [row for row, image in enumerate(scanned) if image is not None]
    if not rows:
        raise _nothing_usable(info.source, quarantined)
    paths = [listing.paths[row] for row in rows]
    labels = [listing.labels[row] for row in rows]
    images = [image for image in scanned if image is not None]
    lost = sorted(set(needed_classes) - set(listing.class_names))
    import_id = _digest(paths, labels, images, listing.originals)
    name = None
    if listing.originals:
        name = f"original-{import_id[:8]}.zip"
        write_originals(folder / name, listing.originals)
    write_items(folder, ids[rows], paths, labels, images, import_id)
    manifest = Manifest(
        info=info,
        image_root=str(listing.root),
        class_names=(*listing.class_names, *lost),
        quarantined=quarantined,
        notes=listing.notes,
        import_id=import_id,
        original=name,
        database=database,
        watched=watched,
    )
    write_manifest(folder, manifest)
    for stale in folder.glob("original-*"):
        if stale.name != name:
            stale.unlink()


def _digest(
    paths: Sequence[str],
    labels: Sequence[str | None],
    images: Sequence[ScannedImage],
    originals: Mapping[str, bytes],
) -> str:
    """Digest of an import: equal imports are equal, so that repeating one changes nothing."""
    digest = hashlib.blake2b(b"".join(originals.values()), digest_size=16)
    for path, label, image in zip(paths, labels, images, strict=True):
        digest.update(f"{path}\0{label}\0{image.file}\0{image.digest}\0{image.offset}\n".encode())
    return digest.hexdigest()


def _nothing_usable(source: str, quarantined: Sequence[QuarantinedImage]) -> SourceError:
    if not quarantined:
        return SourceError(
            f"Expected images in {source}, got none.",
            hint="Check that it is the right folder and that the images have the usual endings.",
        )
    shown = " ".join(f"{q.path}: {q.reason}" for q in quarantined[:_SHOWN_REASONS])
    return SourceError(
        f"Expected at least one usable image in {source}; all {len(quarantined)} are unusable. "
        f"{shown}",
        hint="Correct the paths or the files and open it again.",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
