"""One export: the labels, what belongs to them, and what explains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from air_core.atomic import atomic_write
from air_core.changes import AUDIT, CHANGES, is_ours
from air_core.errors import ExportError
from air_core.export.earlier import EarlierExports
from air_core.export.targets import not_written, write_file, write_folder
from air_core.formats import FILE_FORMATS, FOLDER_FORMATS, Accompanied, CleanLabels


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What an export wrote.

    Parameters
    ----------
    path : Path
        The file or folder.
    rows : int
        Images in it.
    changed : int
        Of these, how many have another label than they came with.
    excluded : int
        Images left out by decision.
    format : str
        Name of the format.
    unlabelled : int
        Images left out because a folder of classes has no place for them.
    beside : tuple of Path
        ``audit.jsonl`` and ``changes.csv``: the log that made it, and what it changed.
    notes : tuple of str
        What may surprise, such as label files that were edited after they were opened.
    """

    path: Path
    rows: int
    changed: int
    excluded: int
    format: str
    unlabelled: int = 0
    beside: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def label_files(format: str, clean: CleanLabels) -> dict[str, bytes]:
    """The label file of a format of one file, as ``labels`` with its suffix, and what goes with it.

    Raises
    ------
    ExportError
        For a format that is not a single file.
    """
    if format not in FILE_FORMATS:
        raise ExportError(
            f"Expected a format of one file ({', '.join(FILE_FORMATS)}), got {format!r}."
        )
    chosen = FILE_FORMATS[format]
    return {f"labels{chosen.suffix}": chosen.compose(clean), **_accompanying(format, clean)}


def _accompanying(format: str, clean: CleanLabels) -> Mapping[str, bytes]:
    chosen: object = FILE_FORMATS.get(format)
    return chosen.companions(clean) if isinstance(chosen, Accompanied) else {}


def write_export(
    format: str,
    clean: CleanLabels,
    out: Path,
    *,
    audit: bytes,
    changes: bytes,
    source: Sequence[Path],
    workspace: Path,
    overwrite: bool = False,
    notes: Sequence[str] = (),
) -> ExportSummary:
    """Write labels, and beside them the log that made them and what it changed.

    Parameters
    ----------
    format : str
        Name of a format.
    clean : CleanLabels
        The labels.
    out : Path
        A file or folder; an earlier export that nobody has changed is replaced.
    audit, changes : bytes
        What ``audit.jsonl`` and ``changes.csv`` will hold.
    source : sequence of Path
        Folders and files of the source, never written to.
    workspace : Path
        The workspace folder, in which nothing is replaced.
    overwrite : bool
        Replace the file ``out`` whatever it is. Files beside it and folders are never replaced
        unless they are from an earlier export.
    notes : sequence of str
        For the summary.

    Raises
    ------
    ExportError
        If something may not or cannot be written.
    """
    beside = _beside(out, audit, source)
    companions = _companions(format, clean, out)
    earlier, rows = EarlierExports(workspace), len(clean.items)
    if format in FOLDER_FORMATS:
        rows = write_folder(FOLDER_FORMATS[format], clean, out, protected=source, earlier=earlier)
    else:
        write_file(
            FILE_FORMATS[format].compose(clean),
            out,
            protected=[*source, workspace],
            earlier=earlier,
            overwrite=overwrite,
        )
    for file, data in (*zip(beside, (audit, changes), strict=True), *companions.items()):
        try:
            with atomic_write(file) as opened:
                opened.write(data)
        except OSError as error:
            raise not_written(file, error) from error
    return ExportSummary(
        path=out,
        rows=rows,
        changed=len(clean.changed()),
        excluded=len(clean.excluded),
        format=format,
        unlabelled=len(clean.items) - rows,
        beside=(*beside, *companions),
        notes=tuple(notes),
    )


def _companions(format: str, clean: CleanLabels, out: Path) -> dict[Path, bytes]:
    """What else a format writes beside its label file, if nothing of others is there."""
    chosen: object = FILE_FORMATS.get(format)
    files = {out.parent / name: data for name, data in _accompanying(format, clean).items()}
    for file, data in files.items():
        try:
            there = file.read_bytes() if file.exists() else data
        except OSError as error:
            raise not_written(file, error) from error
        known = isinstance(chosen, Accompanied) and chosen.is_companion(there)
        if file == out or not (there == data or known):
            raise ExportError(
                f"Expected {file} to be from an earlier export, got another file.",
                hint="Export to another name and folder: what is not ours is never overwritten.",
            )
    return files


def _beside(out: Path, audit: bytes, source: Sequence[Path]) -> tuple[Path, ...]:
    """Where the log and the changes go, if nothing else is there by that name."""
    if out.name in (AUDIT, CHANGES):
        raise ExportError(
            f"Expected a name other than {AUDIT} and {CHANGES}, which go beside it, got {out}.",
            hint="Write to another name.",
        )
    beside = (out.parent / AUDIT, out.parent / CHANGES)
    for file in beside:
        try:
            ours = not file.exists() or (
                file.resolve() not in source and is_ours(file.name, file.read_bytes(), audit)
            )
        except OSError as error:
            raise not_written(file, error) from error
        if not ours:
            raise ExportError(
                f"Expected {file} to be from an earlier export of this audit, got another file.",
                hint="Export to another folder: what is not ours is never overwritten.",
            )
    return beside
