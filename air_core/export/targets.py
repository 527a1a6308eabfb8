"""Putting an export where it was asked for, and never over anything else."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from air_core.atomic import atomic_write
from air_core.errors import ExportError
from air_core.export.earlier import EarlierExports
from air_core.formats import CleanLabels, FolderFormat


def write_file(
    data: bytes,
    out: Path,
    *,
    protected: Sequence[Path],
    earlier: EarlierExports | None = None,
    overwrite: bool = False,
) -> None:
    """Write a file in one step.

    Parameters
    ----------
    data : bytes
        The whole file.
    out : Path
        Missing folders above it are made.
    protected : sequence of Path
        Folders in which no existing file is replaced.
    earlier : EarlierExports, optional
        What may be replaced; None if the caller has looked already.
    overwrite : bool
        Replace any file, but for the protected ones.

    Raises
    ------
    ExportError
        If ``out`` may not or cannot be written.
    """
    if out.is_dir():
        raise ExportError(
            f"Expected a file to write, got the folder {out}.", hint="Add a file name."
        )
    real = out.resolve()
    if out.exists() and any(real.is_relative_to(folder) for folder in protected):
        raise ExportError(
            f"Expected a new name, got {out}, a file of the source or the workspace.",
            hint="Write to another name; the source is never overwritten.",
        )
    try:
        if earlier is not None:
            if not (overwrite or not out.exists() or _may_go(out, data, earlier)):
                raise ExportError(
                    f"Expected a new name or an earlier export of this audit, got {out}, a file "
                    "that is neither or was changed since.",
                    hint="Write to another name, or add --overwrite to replace it.",
                )
            earlier.remember_file(data, real)
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(out) as file:
            file.write(data)
    except OSError as error:
        raise not_written(out, error) from error


def _may_go(out: Path, data: bytes, earlier: EarlierExports) -> bool:
    return out.is_file() and (earlier.hold_file(out) or out.read_bytes() == data)


def write_folder(
    chosen: FolderFormat,
    clean: CleanLabels,
    out: Path,
    *,
    protected: Sequence[Path],
    earlier: EarlierExports,
) -> int:
    """Fill a new folder beside its final place, then move it there.

    Parameters
    ----------
    chosen : FolderFormat
        What to write.
    clean : CleanLabels
        The labels.
    out : Path
        Must be missing, empty, or an earlier export that nobody has changed.
    protected : sequence of Path
        Folders that ``out`` may not be or lie in.
    earlier : EarlierExports
        What may be replaced.

    Returns
    -------
    int
        Images written.

    Raises
    ------
    ExportError
        If ``out`` may not or cannot be written; nothing of it is left then.
    """
    real = out.resolve()
    for folder in protected:
        if real.is_relative_to(folder):
            raise ExportError(
                f"Expected a folder apart from {folder}, got {out}.",
                hint="Export to a folder elsewhere.",
            )
    temporary = real.with_name(f".{real.name}.{uuid.uuid4().hex[:8]}.tmp")
    replaced = temporary.with_suffix(".old")
    try:
        empty = out.is_dir() and not any(out.iterdir())
        if out.exists() and not empty and not earlier.hold_folder(real):
            raise ExportError(
                f"Expected a new or empty folder, or an earlier export as it was, got {out}.",
                hint="Choose another or empty it; what a folder holds is never overwritten.",
            )
        temporary.mkdir(parents=True)
        written = chosen.fill(temporary, clean)
        earlier.remember_folder(temporary, real)
        if real.exists():
            real.rename(replaced)
        temporary.rename(real)
    except OSError as error:
        if replaced.exists() and not real.exists():
            replaced.rename(real)
        raise not_written(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(replaced, ignore_errors=True)
    return written


def not_written(out: Path, error: OSError) -> ExportError:
    """What to tell when a file or folder cannot be written."""
    return ExportError(
        f"{out} could not be written: {error.strerror or error}.",
        hint="Check the free space and permissions, or choose another place.",
    )
