"""``air-audit bench scale``: a workspace of a million images, in a real browser."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from air_core import pipeline
from air_core.baselines.approximate import LikeGraph
from air_core.bench import Report
from air_core.installation import workspaces_folder
from air_core.progress import ProgressCallback, silent
from air_core.projection import METHODS, MapSettings
from air_core.projection import project as lay_out
from air_core.workspace import Workspace
from benchmarks import data as sets
from benchmarks import scale_browser, ui_workspace

SECTIONS = ("browser", "process", "maps", "neighbours")
IMAGES = 1_000_000
CLASSES, P = 100, 128
DECIDED = 1_000
SAMPLE, PLACED = 10_000, 10_000
LOOKED_UP, NEIGHBOURS, ASKED = 200_000, 50, 1_000


def run(
    report: Report,
    data: Path,
    *,
    progress: ProgressCallback = silent,
    only: tuple[str, ...] = (),
    images: int = IMAGES,
) -> None:
    """Fill the report; ``only`` names some of :data:`SECTIONS`.

    The workspace is made once, below ``AIR_AUDIT_HOME/bench/scale``; nothing is decided in it.
    """
    chosen = [name for name in SECTIONS if not only or name in only]
    for number, name in enumerate(chosen):
        progress(number, len(chosen), f"bench scale: {name}")
        globals()[f"_{name}"](report, data, images)
    progress(len(chosen), len(chosen), "bench scale")


def _made(report: Report, images: int) -> Path:
    started = time.perf_counter()
    folder = workspaces_folder() / "bench" / "scale" / f"{images}"
    audit = ui_workspace.make(
        folder,
        images,
        classes=CLASSES,
        p=P,
        store="float16",
        projections=True,
        decided=DECIDED,
    )
    if "the workspace" not in report.tables:
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        report.add(
            "the workspace",
            images=images,
            classes=CLASSES,
            p=P,
            decided=DECIDED,
            gb_on_disk=size / 1e9,
            made_in_s=time.perf_counter() - started,
        )
    return audit


def _browser(report: Report, data: Path, images: int) -> None:
    found = scale_browser.measure(_made(report, images))
    changes = found.pop("change")
    for row in changes:
        report.add("filter and sort, ms to the first picture of the new page", **row)
    for name, value in found.items():
        report.add("in the browser, ms", what=name, value=value)
    what = f"{images:,} images"
    report.expect(f"{what}: open, s", found["open"] / 1000, "<=", 5)
    report.expect(f"{what}: first grid, s", found["first_grid"] / 1000, "<=", 2)
    took = [row["ms"] / 1000 for row in changes]
    report.expect(f"{what}: filter or sort, s, median", statistics.median(took), "<=", 1)
    report.expect(f"{what}: filter or sort, s, slowest", max(took), "<=", 1)
    report.expect(f"{what}: memory of the server, GiB, at most", found["server_gib"], "<=", 4)


def _process(report: Report, data: Path, images: int) -> None:
    """The same steps without the interface."""
    audit = _made(report, images)
    seconds: dict[str, float] = {}

    def timed(what: str, do: Any) -> Any:
        started = time.perf_counter()
        made = do()
        seconds[what] = time.perf_counter() - started
        return made

    workspace = timed("open", lambda: Workspace.open(audit))
    timed("rank", lambda: pipeline.rank(workspace, "air-margin"))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "labels.csv"
        timed("export", lambda: workspace.export("csv", out))
    workspace.close()
    for what, took in seconds.items():
        report.add("in one process, s", step=what, seconds=took)


def _maps(report: Report, data: Path, images: int) -> None:
    """Both maps: a sample laid out, and others placed among it."""
    workspace = Workspace.open(_made(report, images))
    features = pipeline.current_features(workspace).array[: SAMPLE + PLACED]
    for method in METHODS:
        marks: list[float] = []
        seen: list[str] = []

        def told(
            done: int, total: int, note: str, marks: list[float] = marks, seen: list[str] = seen
        ) -> None:
            if note == "Placing the other images" and not seen:
                seen.append(note)
                marks.append(time.perf_counter())

        started = time.perf_counter()
        lay_out(features, MapSettings(method, sample=SAMPLE), progress=told)
        ended = time.perf_counter()
        report.add(
            "maps: a sample laid out, the others placed among it",
            method=METHODS[method],
            sample=SAMPLE,
            laid_out_in_s=marks[0] - started,
            placed=PLACED,
            placed_a_second=PLACED / (ended - marks[0]),
            minutes_for_all=(marks[0] - started + (images - SAMPLE) * (ended - marks[0]) / PLACED)
            / 60,
        )


def _neighbours(report: Report, data: Path, images: int) -> None:
    """Neighbours found along a graph against all pairs compared."""
    rng = np.random.default_rng(0)
    centres = np.abs(rng.standard_normal((CLASSES, P), dtype=np.float32))
    noise = rng.standard_normal((LOOKED_UP, P), dtype=np.float32)
    synthetic = np.maximum(0, 0.6 * centres[rng.integers(0, CLASSES, LOOKED_UP)] + noise - 0.3)
    cifar = sets.load(data, "cifar10n", "worst").features
    for name, features in (("cifar10n", cifar), ("synthetic", synthetic)):
        x = np.asarray(features, dtype=np.float32)
        x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
        started = time.perf_counter()
        graph = LikeGraph(x)
        built = time.perf_counter()
        asked = np.sort(np.random.default_rng(0).permutation(len(x))[:ASKED])
        found, _ = graph.nearest(x[asked], NEIGHBOURS)
        looked = time.perf_counter()
        exact = [np.argpartition(-(x @ x[row]), NEIGHBOURS)[:NEIGHBOURS] for row in asked]
        ended = time.perf_counter()
        recall = np.mean([np.isin(e, f).mean() for e, f in zip(exact, found, strict=True)])
        report.add(
            f"the {NEIGHBOURS} most alike: a graph against all pairs, {ASKED} questions",
            features=name,
            images=len(x),
            p=x.shape[1],
            built_in_s=built - started,
            questions_a_second=ASKED / (looked - built),
            compared_a_second=ASKED / (ended - looked),
            recall=float(recall),
        )
        report.expect(f"recall at {NEIGHBOURS}, {name}", float(recall), ">=", 0.95)


if __name__ == "__main__":
    import argparse
    import json

    from air_core.bench import environment

    parser = argparse.ArgumentParser(description=run.__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--images", type=int, default=IMAGES)
    asked = vars(parser.parse_args())
    made = Report("scale", environment())
    run(made, asked["data"], only=tuple(asked["only"]), images=asked["images"])
    print(json.dumps(made.as_dict(), indent=1))
