"""Datasets that datumaro itself writes and reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.formats.interop import foreign

_WRITE = """
import json, sys
import datumaro as dm
folder, image, format, rows, classes = sys.argv[1:]
items = [
    dm.DatasetItem(
        name, subset=subset, media=dm.Image.from_file(image),
        annotations=[dm.Label(n) for n in labels],
    )
    for subset, name, labels in json.loads(rows)
]
dataset = dm.Dataset.from_iterable(items, categories=json.loads(classes))
dataset.export(folder, format, save_media=True)
print("null")
"""

_READ = """
import json, sys
import datumaro as dm
folder, format = sys.argv[1:]
dataset = dm.Dataset.import_from(folder, format)
names = [label.name for label in dataset.categories()[dm.AnnotationType.label]]
rows = []
for item in dataset:
    assert item.media.data.shape[2] == 3, item.id
    rows.append([item.subset, item.id, [names[a.label] for a in item.annotations]])
print(json.dumps([names, rows]))
"""

Row = tuple[str, str, Sequence[int]]


def write_with_datumaro(
    folder: Path, image: Path, format: str, rows: Sequence[Row], classes: Sequence[str]
) -> Path:
    """Export (subset, item name, label indices) rows; every item gets a copy of one image."""
    foreign(_WRITE, folder, image, format, json.dumps(rows), json.dumps(list(classes)))
    return folder


def read_with_datumaro(folder: Path, format: str) -> tuple[list[str], dict[str, Any]]:
    """Class names, and labels by ``subset/item name``; every image is decoded."""
    names, rows = foreign(_READ, folder, format)
    return names, {f"{subset}/{name}": labels for subset, name, labels in rows}
