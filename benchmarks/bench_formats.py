"""``air-audit bench formats``: every format there and back, and its own library as the judge."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from air_core.bench import Report
from air_core.dataset import tags_of
from air_core.errors import ExportError
from air_core.formats import FORMAT_TITLES
from air_core.labels import Decision
from air_core.progress import ProgressCallback, silent
from air_core.workspace import Workspace
from benchmarks.format_fuzz import fuzz
from benchmarks.format_libraries import APART, INTEROP, LIBRARIES, Found
from benchmarks.format_samples import workspace_of, write_sample

FUZZ_INPUTS = 10_000
BESIDE = ("audit.jsonl", "changes.csv")


def run(
    report: Report,
    data: Path,
    *,
    progress: ProgressCallback = silent,
    inputs: int = FUZZ_INPUTS,
) -> None:
    """Fill the report; the samples are made here, ``data`` is not read."""
    names = list(FORMAT_TITLES)
    total = len(names)
    failed, equal = [], 0
    for number, format in enumerate(names):
        progress(number, total, "bench formats: there and back")
        for multilabel in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                row = _there_and_back(Path(folder), format, multilabel)
            if row is None:
                continue
            report.add("there and back", **row)
            good = all(row[k] for k in ("detected", "same_bytes", "opened", "changed_only"))
            equal += good
            failed += [] if good else [f"{format} {row['labels']}"]
    progress(total, total, "bench formats: there and back")
    report.expect("formats that did not come back equal", len(failed), "<=", 0)
    report.expect("formats, single- and multi-label, that came back equal", equal, ">=", 30)
    failures = 0
    title = f"bench formats: {inputs} broken inputs a reader"
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for number, row in enumerate(pool.map(partial(_broken, inputs=inputs), names)):
            progress(number, total, title)
            failures += int(row["failures"])
            report.add("broken inputs", **row)
    progress(total, total, title)
    report.expect("broken inputs a reader", inputs, ">=", 10_000)
    report.expect("tracebacks, hangs over 1 s, files touched elsewhere", failures, "<=", 0)


def _broken(format: str, *, inputs: int) -> dict[str, Any]:
    """One row of the table of broken inputs."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        workspace = workspace_of(home, multilabel=False, grey=format == "mnist")
        sample = write_sample(workspace, format, home / "sample")
        (home / "scratch").mkdir()
        outcome = fuzz(format, sample, home / "scratch", inputs=inputs)
    return {
        "format": format,
        "inputs": outcome.inputs,
        "refused": outcome.refused,
        "slowest_s": outcome.slowest,
        "failures": len(outcome.failures),
        "first": outcome.failures[0] if outcome.failures else "",
        "seconds": time.perf_counter() - started,
    }


def _there_and_back(home: Path, format: str, multilabel: bool) -> dict[str, object] | None:
    """One row of the table; None where the format cannot hold such labels."""
    first = workspace_of(home, multilabel=multilabel, grey=format == "mnist")
    try:
        sample = write_sample(first, format, home / "one")
    except ExportError:
        if multilabel:
            return None
        raise
    opened = Workspace.create(home / "two", sample)
    again = write_sample(opened, format, home / "again")
    library, read = LIBRARIES[format]
    row: dict[str, object] = {
        "format": format,
        "labels": "several" if multilabel else "one",
        "images": len(opened.dataset),
        "detected": opened.info.format == format,
        "same_bytes": _files(home / "one") == _files(home / "again"),
        "library": library,
    }
    if library in APART and not INTEROP.exists():
        return row | {"library": f"{library}: missing, make interop", "opened": False,
                      "changed_only": False}  # fmt: skip
    found = read(again)
    row["opened"] = found == _expected(opened, found) and _same_labels(first, opened)
    items = opened.dataset.item_ids.tolist()
    label = opened.dataset.class_names[-1]
    opened.decide([Decision(items[1], "relabel", label=label)], reviewer="bench")
    opened.decide([Decision(items[3], "exclude")], reviewer="bench")
    decided = read(write_sample(opened, format, home / "decided"))
    row["changed_only"] = decided == _expected(opened, decided)
    return row


def _same_labels(one: Workspace, other: Workspace) -> bool:
    """Whether images have the same labels: by name, or in order where a format keeps no names."""
    first, second = _by_stem(one), _by_stem(other)
    if set(first) == set(second):
        return first == second
    return list(first.values()) == list(second.values())


def _by_stem(workspace: Workspace) -> dict[str, list[str]]:
    """Labels of each image; one label and a single tag are the same to some formats."""
    dataset = workspace.dataset
    texts = [dataset.given_text(row) for row in range(len(dataset))]
    found = [sorted(tags_of(text)) if dataset.multilabel else [text or ""] for text in texts]
    # Some formats cannot have a dot in a name.
    stems = (Path(path).stem.replace(".", "_") for path in dataset.paths)
    return dict(zip(stems, found, strict=True))


def _files(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.name not in BESIDE)
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def _expected(workspace: Workspace, found: Found) -> Found:
    """What a library should find: final labels by stem, or by place where it counts."""
    dataset, reviewed = workspace.dataset, workspace.reviewed()
    by_stem: Found = {}
    for row, item in enumerate(dataset.item_ids.tolist()):
        event = reviewed.get(item)
        if event is not None and event.action == "exclude":
            continue
        text = event.new_label if event is not None else dataset.given_text(row)
        labels = tags_of(text) if dataset.multilabel else [text or ""]
        by_stem[Path(dataset.paths[row]).stem] = sorted(labels)
    if set(found) == set(by_stem):
        return by_stem
    return {str(place): labels for place, labels in enumerate(by_stem.values())}
