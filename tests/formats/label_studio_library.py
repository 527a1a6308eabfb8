"""Exports that Label Studio's own converter makes, and what it makes of ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.formats.interop import foreign

_CONVERT = """
import json, sys
from label_studio_sdk.converter import Converter
converter = Converter(config=sys.argv[1], project_dir=None)
for tasks, folder, format in json.loads(sys.argv[2]):
    converter.convert(tasks, folder, format, is_dir=False)
print("null")
"""

_CONFIG = """
import json, sys
from label_studio_sdk.label_interface import LabelInterface
interface = LabelInterface(open(sys.argv[1], encoding="utf-8").read())
control = interface.get_control(sys.argv[2])
tasks = json.load(open(sys.argv[3], encoding="utf-8"))
parts = [(t, a) for t in tasks for a in t.get("annotations", [])]
parts += [(t, p) for t in tasks for p in t.get("predictions", [])]
valid = [interface.validate_region(r) for _, p in parts for r in p["result"]]
print(json.dumps([list(control.labels), control.attr.get("choice"), all(valid)]))
"""


def convert(config: Path, jobs: Sequence[tuple[Path, Path, str]]) -> None:
    """Export tasks into a folder as ``JSON_MIN``, ``CSV`` or ``TSV``, as Label Studio does."""
    foreign(_CONVERT, config, json.dumps([list(map(str, job)) for job in jobs]))


def check_config(config: Path, control: str, tasks: Path) -> tuple[list[str], str, bool]:
    """Labels and kind of a control, and whether all results of tasks are valid under it."""
    labels, kind, valid = foreign(_CONFIG, config, control, tasks)
    found: Any = (labels, kind, valid)
    return found
