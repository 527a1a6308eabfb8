"""Bringing a source into a workspace: fetch it, find its format, list it, import it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from air_core.errors import WorkspaceError
from air_core.formats import ReadOptions, find_format
from air_core.importer import as_before, check_apart, classes_decided_on, import_listing
from air_core.items import MANIFEST, read_manifest
from air_core.progress import ProgressCallback
from air_core.sources import archive_of, is_url, localize, source_name
from air_core.watched import watch


def import_source(
    folder: Path,
    source: Path | str,
    format: str | None,
    asked: ReadOptions,
    *,
    database: str | None,
    progress: ProgressCallback,
) -> None:
    """Write the files of a workspace; see :meth:`air_core.workspace.Workspace.create`.

    Parameters
    ----------
    folder : Path
        The workspace folder, resolved.
    source : path
        A file, a folder, an archive or an address.
    format : str or None
        None to find out.
    asked : ReadOptions
        What the user said about the source.
    database : str or None
        Where decisions shall go, if they go elsewhere.
    progress : callable
    """
    name = source_name(source)
    if not is_url(name):
        check_apart(folder, Path(name))
    before = read_manifest(folder) if (folder / MANIFEST).exists() else None
    if before is not None:
        # Before another source is brought in the place of the earlier one.
        format, _ = as_before(folder, before.info, name, format, ReadOptions())
    try:
        local = localize(source, folder / "source", progress, whole=format == "webdataset")
    except OSError as error:
        raise _not_imported(name, folder, error) from error
    origin = local.path
    options = replace(
        asked,
        labels=None if asked.labels is None else _below(origin, asked.labels),
        unpack=folder / "unpacked",
        ignore=frozenset([folder]),
    )
    needed: list[str] = []
    if before is not None:
        format, options = as_before(folder, before.info, name, format, options)
        log = database or before.log(folder)
        needed = classes_decided_on(log, multilabel=before.info.multilabel)
    chosen = find_format(origin, format, options)
    try:
        listing = chosen.read(origin, options)
        folder.mkdir(parents=True, exist_ok=True)
        watched = watch(listing, origin, archive_of(source, origin))
        listing = replace(listing, rejected=(*local.rejected, *listing.rejected))
        import_listing(
            folder,
            name,
            chosen.name,
            listing,
            watched=watched,
            before=before,
            needed_classes=needed,
            progress=progress,
        )
    except OSError as error:
        raise _not_imported(name, folder, error) from error


def _below(source: Path, labels: Path) -> Path:
    """A label file, found in the source if it is not where it says."""
    inside = source / labels
    return (inside if not labels.exists() and inside.is_file() else labels).resolve()


def _not_imported(source: str, folder: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"The import of {source} into {folder} failed: {error}.",
        hint="Check the free space and permissions and run it again; it will continue.",
    )
