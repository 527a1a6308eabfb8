"""The files that say what a workspace holds, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.dataset import UNLABELLED, Dataset, FilesBelow, index_tags
from air_core.errors import WorkspaceError
from air_core.quarantine import QuarantinedImage
from air_core.scan import ScannedImage
from air_core.text_column import TextColumn
from air_core.watched import WatchedFile

WORKSPACE_VERSION = 1
MANIFEST = "workspace.json"
ITEMS = "items.parquet"
LOG = "labels.sqlite"
_KIND = "air-audit workspace"
_READ = (
    "item_id",
    "path",
    "file",
    "given_label",
    "digest",
    "thumbnail_offset",
    "thumbnail_length",
)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Where the images and labels came from and how they were read."""

    source: str
    format: str
    path_column: str | None
    label_column: str | None
    labels_file: str | None
    created_at: str
    separator: str | None = None
    multilabel: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``workspace.json`` says.

    ``import_id`` ties it to the ``items.parquet`` beside it; ``original`` names the archive of
    the source's label files; ``database`` is the address, without the password, of the database
    that decisions go to, None for a file in the workspace; ``watched`` are the source's label
    files as they were read.
    """

    info: SourceInfo
    image_root: str
    class_names: tuple[str, ...]
    quarantined: tuple[QuarantinedImage, ...]
    notes: tuple[str, ...]
    import_id: str
    original: str | None
    database: str | None = None
    watched: tuple[WatchedFile, ...] = ()

    def log(self, root: Path) -> Path | str:
        """Where the decisions are."""
        return self.database or root / LOG


@dataclass(frozen=True, slots=True)
class Items:
    """The sound images of a workspace and where their thumbnails lie in the pack."""

    dataset: Dataset
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]


def write_manifest(root: Path, manifest: Manifest) -> None:
    """Write ``workspace.json``."""
    content = {"kind": _KIND, "version": WORKSPACE_VERSION, **asdict(manifest)}
    with atomic_write(root / MANIFEST) as file:
        file.write(json.dumps(content, indent=1).encode())


def read_manifest(root: Path) -> Manifest:
    """Read ``workspace.json``.

    Raises
    ------
    WorkspaceError
        If it is missing, damaged or of a newer version.
    """
    path = root / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = content["version"] if content["kind"] == _KIND else None
    except FileNotFoundError:
        raise WorkspaceError(
            f"Expected a workspace in {root}, got no {MANIFEST}.",
            hint="Make one with: air-audit open SOURCE --workspace DIR",
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    if isinstance(version, int) and version > WORKSPACE_VERSION:
        raise WorkspaceError(
            f"{path} has version {version}, this program reads up to {WORKSPACE_VERSION}.",
            hint="Install a newer air-audit.",
        )
    try:
        return Manifest(
            info=SourceInfo(**content["info"]),
            image_root=str(content["image_root"]),
            class_names=tuple(content["class_names"]),
            quarantined=tuple(QuarantinedImage(**entry) for entry in content["quarantined"]),
            notes=tuple(content["notes"]),
            import_id=str(content["import_id"]),
            original=content["original"],
            database=content.get("database"),
            watched=tuple(WatchedFile(**entry) for entry in content.get("watched", ())),
        )
    except (KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def write_items(
    root: Path,
    item_ids: NDArray[np.str_],
    paths: Sequence[str],
    labels: Sequence[str | None],
    scanned: Sequence[ScannedImage],
    import_id: str,
) -> None:
    """Write ``items.parquet``, one row an item."""
    table = pa.table(
        {
            "item_id": pa.array(item_ids.tolist(), pa.string()),
            "path": pa.array(paths, pa.string()),
            "file": pa.array([s.file for s in scanned], pa.string()),
            "given_label": pa.array(labels, pa.string()),
            "digest": pa.array([s.digest for s in scanned], pa.string()),
            "size": pa.array([s.size for s in scanned], pa.int64()),
            "mtime_ns": pa.array([s.mtime_ns for s in scanned], pa.int64()),
            "thumbnail_offset": pa.array([s.offset for s in scanned], pa.int64()),
            "thumbnail_length": pa.array([s.length for s in scanned], pa.int64()),
        }
    ).replace_schema_metadata({"import_id": import_id})
    with atomic_write(root / ITEMS) as file:
        pq.write_table(table, file)


def read_items(root: Path, manifest: Manifest) -> Items:
    """Read the items that belong to a manifest.

    Raises
    ------
    WorkspaceError
        If the file is missing, damaged or of another import than the manifest.
    """
    table = _read_table(root, _READ)
    if (table.schema.metadata or {}).get(b"import_id") != manifest.import_id.encode():
        raise WorkspaceError(
            f"{root / ITEMS} does not belong to {MANIFEST}: an import was interrupted.",
            hint="Open the source again with the same workspace; decisions are kept.",
        )
    texts, classes = table["given_label"], manifest.class_names
    several = manifest.info.multilabel
    try:
        dataset = Dataset(
            item_ids=np.array(table["item_id"].to_pylist(), dtype="<U16"),
            paths=TextColumn(table["path"]),
            files=FilesBelow(Path(manifest.image_root), TextColumn(table["file"])),
            given_labels=np.full(len(texts), UNLABELLED) if several else _indices(texts, classes),
            class_names=classes,
            digests=TextColumn(table["digest"]),
            tags=index_tags(texts.to_pylist(), classes) if several else None,
        )
        return Items(
            dataset,
            offsets=table["thumbnail_offset"].to_numpy(),
            lengths=table["thumbnail_length"].to_numpy(),
        )
    except KeyError as error:
        raise _damaged(root / ITEMS, error) from error


def _indices(texts: pa.ChunkedArray, classes: Sequence[str]) -> NDArray[np.intp]:
    """Like :func:`air_core.dataset.index_labels`, without a string for each image."""
    found = pc.index_in(texts, value_set=pa.array(classes, pa.string()))
    if found.null_count != texts.null_count:
        raise KeyError("a label that is none of the classes")
    return np.asarray(found.fill_null(UNLABELLED).to_numpy(), dtype=np.intp)


def read_scanned(root: Path) -> dict[str, ScannedImage]:
    """What the last import found in each file; empty if there was none."""
    if not (root / ITEMS).exists():
        return {}
    table = _read_table(root)
    columns = ("file", "size", "mtime_ns", "digest", "thumbnail_offset", "thumbnail_length")
    rows = zip(*(table[name].to_pylist() for name in columns), strict=True)
    return {row[0]: ScannedImage(*row) for row in rows}


def _read_table(root: Path, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        # Not `read_table`, which brings pyarrow's machinery for data sets of many files.
        with pq.ParquetFile(root / ITEMS) as file:
            table = file.read(columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException) as error:
        raise _damaged(root / ITEMS, error) from error
    # Parquet passes over columns that it does not have.
    if missing := set(columns or ()) - set(table.column_names):
        lacking = WorkspaceError(f"no column {', '.join(sorted(missing))}")
        raise _damaged(root / ITEMS, lacking)
    return table


def _damaged(path: Path, error: Exception) -> WorkspaceError:
    detail = str(error) or type(error).__name__
    return WorkspaceError(
        f"{path} cannot be read ({detail}).",
        hint="Restore it, or import the source into a new workspace folder and copy "
        "labels.sqlite into it to keep the decisions.",
    )
