"""What every benchmark shares: its report, its targets, and how it is found and printed."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from air_core.atomic import atomic_write
from air_core.errors import SourceError
from air_core.installation import app_root, versions
from air_core.progress import ProgressCallback, silent

Row = dict[str, Any]
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda value, target: value >= target,
    "<=": lambda value, target: value <= target,
    ">": lambda value, target: value > target,
    "<": lambda value, target: value < target,
}


@dataclass(frozen=True, slots=True)
class Target:
    """One figure that was asked for, and what was reached."""

    name: str
    value: float
    op: str
    target: float
    ok: bool


@dataclass(slots=True)
class Report:
    """What a benchmark found.

    Parameters
    ----------
    bench : str
    environment : dict
    targets : list of Target
    tables : dict of str to list of rows
    figures : dict of str to bytes
        PNG images by name; saved beside the JSON file.
    """

    bench: str
    environment: dict[str, Any]
    targets: list[Target] = field(default_factory=list)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    figures: dict[str, bytes] = field(default_factory=dict)

    def expect(self, name: str, value: float, op: str, target: float) -> None:
        """Hold a figure against its target."""
        value = float(value)
        self.targets.append(Target(name, value, op, target, _OPERATORS[op](value, target)))

    def add(self, table: str, **row: Any) -> None:
        """Add a row to a table."""
        self.tables.setdefault(table, []).append(row)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, in the documented order."""
        return {
            "bench": self.bench,
            "environment": self.environment,
            "targets": [asdict(target) for target in self.targets],
            "tables": self.tables,
        }

    def save(self, path: Path) -> list[Path]:
        """Write the report as JSON and its figures beside it; returns every file written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {path: json.dumps(self.as_dict(), indent=1, ensure_ascii=False).encode()}
        for name, image in self.figures.items():
            content[path.with_name(f"{path.stem}-{name}.png")] = image
        for target, data in content.items():
            with atomic_write(target) as file:
                file.write(data)
        return list(content)


def environment() -> dict[str, Any]:
    """The machine and the libraries that figures belong to."""
    from air_core.features import accelerator_name

    found = versions()
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "gpu": accelerator_name(),
        "python": platform.python_version(),
        "torch": found["torch"],
        "commit": _commit(),
        "versions": found,
    }


def names() -> list[str]:
    """Benchmarks that this installation has."""
    folder = app_root() / "benchmarks"
    return sorted(path.stem for path in folder.glob("bench_*.py"))


def run_bench(
    name: str, data: Path, *, progress: ProgressCallback = silent, **settings: Any
) -> Report:
    """Run a benchmark on the data sets in a folder.

    Raises
    ------
    SourceError
        If there is no such benchmark or data folder.
    """
    known = [stem.removeprefix("bench_") for stem in names()]
    if name not in known:
        raise SourceError(f"Expected a benchmark among {', '.join(known)}, got {name!r}.")
    if not data.is_dir():
        raise SourceError(f"Expected a folder of data sets, found none at {data}.")
    root = str(app_root())
    if root not in sys.path:
        sys.path.insert(0, root)
    report = Report(name, environment())
    importlib.import_module(f"benchmarks.bench_{name}").run(
        report, data.resolve(), progress=progress, **settings
    )
    return report


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names_ = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names_, platform.machine())


def _commit() -> str | None:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=app_root(), capture_output=True, text=True
    )
    return done.stdout.strip() or None
