"""Writing cleaned labels to disk without ever touching the source."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from air_core.atomic import atomic_write
from air_core.changes import AUDIT, CHANGES, is_ours
from air_core.dataset import UNLABELLED, Dataset
from air_core.errors import ExportError
from air_core.formats import (
    FILE_FORMATS,
    FOLDER_FORMATS,
    Accompanied,
    CleanItem,
    CleanLabels,
    FolderFormat,
    ReadOptions,
    Review,
    Suggestion,
)
from air_core.labels.models import LabelEvent
from air_core.ranking import Ranking


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
    """

    path: Path
    rows: int
    changed: int
    excluded: int
    format: str
    unlabelled: int = 0
    beside: tuple[Path, ...] = ()


def labels_in_force(dataset: Dataset, standing: Mapping[str, LabelEvent]) -> NDArray[np.intp]:
    """Given labels (n,) with the relabels among the standing decisions applied; a new array."""
    labels = dataset.given_labels.copy()
    if dataset.multilabel:
        return labels
    index = {name: i for i, name in enumerate(dataset.class_names)}
    for item, event in standing.items():
        if event.action == "relabel" and event.new_label is not None:
            labels[dataset.row_of(item)] = index.get(event.new_label, UNLABELLED)
    return labels


def clean_labels(
    dataset: Dataset,
    standing: Mapping[str, LabelEvent],
    originals: Mapping[str, bytes],
    options: ReadOptions,
    *,
    source: Path | None = None,
    ranking: Ranking | None = None,
) -> CleanLabels:
    """What the decisions leave to export, with the suggestions of a ranking if there is one."""
    excluded = {item for item, event in standing.items() if event.action == "exclude"}
    items = []
    for row, item in enumerate(dataset.item_ids.tolist()):
        if item in excluded:
            continue
        given, event = dataset.given_text(row), standing.get(item)
        relabelled = event is not None and event.action == "relabel"
        items.append(
            CleanItem(
                item_id=item,
                path=dataset.paths[row],
                file=dataset.files[row],
                given_label=given,
                label=event.new_label if event is not None and relabelled else given,
                review=None
                if event is None
                else Review(event.action, event.reviewer, event.created_at, event.reason),
                suggestion=None if ranking is None else _suggestion(dataset, ranking, row),
            )
        )
    return CleanLabels(
        items=tuple(items),
        class_names=dataset.class_names,
        excluded=excluded,
        originals=originals,
        options=options,
        multilabel=dataset.multilabel,
        source=source,
    )


def _suggestion(dataset: Dataset, ranking: Ranking, row: int) -> Suggestion | None:
    score = float(ranking.scores[row])
    if np.isnan(score):
        return None  # an image without a label has none to doubt
    return Suggestion(
        label=ranking.suggested_text(row, dataset.class_names),
        confidence=float(ranking.confidences[row]),
        score=score,
        detector=ranking.detector,
    )


def write_export(
    format: str,
    clean: CleanLabels,
    out: Path,
    *,
    audit: bytes,
    changes: bytes,
    source: Sequence[Path],
    workspace: Path,
) -> ExportSummary:
    """Write labels, and beside them the log that made them and what it changed.

    Parameters
    ----------
    format : str
        Name of a format.
    clean : CleanLabels
        The labels.
    out : Path
        A file (an earlier export is replaced) or a new or empty folder.
    audit, changes : bytes
        What ``audit.jsonl`` and ``changes.csv`` will hold.
    source : sequence of Path
        Folders and files of the source, never written to.
    workspace : Path
        The workspace folder, in which nothing is replaced.

    Raises
    ------
    ExportError
        If something may not or cannot be written.
    """
    beside = _beside(out, audit, source)
    companions = _companions(format, clean, out)
    rows = len(clean.items)
    if format in FOLDER_FORMATS:
        rows = write_folder(FOLDER_FORMATS[format], clean, out, protected=source)
    else:
        write_file(FILE_FORMATS[format].compose(clean), out, protected=[*source, workspace])
    for file, data in (*zip(beside, (audit, changes), strict=True), *companions.items()):
        try:
            with atomic_write(file) as opened:
                opened.write(data)
        except OSError as error:
            raise _not_written(file, error) from error
    return ExportSummary(
        path=out,
        rows=rows,
        changed=len(clean.changed()),
        excluded=len(clean.excluded),
        format=format,
        unlabelled=len(clean.items) - rows,
        beside=(*beside, *companions),
    )


def _companions(format: str, clean: CleanLabels, out: Path) -> dict[Path, bytes]:
    """What else a format writes beside its label file, if nothing of others is there."""
    chosen: object = FILE_FORMATS.get(format)
    if not isinstance(chosen, Accompanied):
        return {}
    files = {out.parent / name: data for name, data in chosen.companions(clean).items()}
    for file, data in files.items():
        try:
            there = file.read_bytes() if file.exists() else data
        except OSError as error:
            raise _not_written(file, error) from error
        if file == out or not (there == data or chosen.is_companion(there)):
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
            raise _not_written(file, error) from error
        if not ours:
            raise ExportError(
                f"Expected {file} to be from an earlier export of this audit, got another file.",
                hint="Export to another folder: what is not ours is never overwritten.",
            )
    return beside


def write_file(data: bytes, out: Path, *, protected: Sequence[Path]) -> None:
    """Write a label file, replacing an earlier export in one step.

    Parameters
    ----------
    data : bytes
        The whole file.
    out : Path
        Missing folders above it are made.
    protected : sequence of Path
        Folders in which no existing file is replaced.

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
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(out) as file:
            file.write(data)
    except OSError as error:
        raise _not_written(out, error) from error


def write_folder(
    chosen: FolderFormat, clean: CleanLabels, out: Path, *, protected: Sequence[Path]
) -> int:
    """Fill a new folder beside its final place, then move it there.

    Parameters
    ----------
    chosen : FolderFormat
        What to write.
    clean : CleanLabels
        The labels.
    out : Path
        Must be missing or empty.
    protected : sequence of Path
        Folders that ``out`` may not be or lie in.

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
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ExportError(
            f"Expected a new or empty folder, got {out}.", hint="Choose another or empty it."
        )
    temporary = real.with_name(f".{real.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        temporary.mkdir(parents=True)
        written = chosen.fill(temporary, clean)
        if real.exists():
            real.rmdir()
        temporary.rename(real)
    except OSError as error:
        raise _not_written(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return written


def _not_written(out: Path, error: OSError) -> ExportError:
    return ExportError(
        f"{out} could not be written: {error.strerror or error}.",
        hint="Check the free space and permissions, or choose another place.",
    )
