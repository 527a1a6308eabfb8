"""What the formats' own libraries find in an export: the independent judge of a round trip.

Some of them pin older versions of what we use. They live in an environment of their own, made by
``make interop``, and are asked there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
from torchvision.datasets import CIFAR10, MNIST
from torchvision.datasets import ImageFolder as TorchImageFolder

from air_core.installation import app_root

INTEROP = app_root() / ".venv-interop" / "bin" / "python"

APART = {"datasets", "datumaro", "label-studio-sdk", "webdataset"}
"""Libraries that live there."""

Found = dict[str, list[str]]
"""Labels by the stem of the image's name, or by its place where the format keeps no names."""


def run_apart(script: str, *arguments: Path | str) -> Any:
    """Run a script where the other libraries are; what it prints last, read as JSON."""
    done = subprocess.run(
        [str(INTEROP), "-W", "ignore", "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout.strip().splitlines()[-1])


def _by_stem(rows: list[tuple[str, list[str]]]) -> Found:
    return {Path(name).stem: sorted(labels) for name, labels in rows}


def _by_place(rows: list[list[str]]) -> Found:
    return {str(place): sorted(labels) for place, labels in enumerate(rows)}


def _tags(cell: Any) -> list[str]:
    if isinstance(cell, list | np.ndarray):
        return [str(tag) for tag in cell]
    text = str(cell)
    return [str(tag) for tag in json.loads(text)] if text.startswith("[") else [text]


def _class_folders(export: Path) -> Found:
    found = TorchImageFolder(str(export))
    for place in range(len(found)):
        found[place]  # decodes the picture
    return _by_stem([(name, [found.classes[label]]) for name, label in found.samples])


def _split_folders(export: Path) -> Found:
    return {k: v for split in sorted(export.iterdir()) for k, v in _class_folders(split).items()}


def _delimited(delimiter: str) -> Callable[[Path], Found]:
    def read(export: Path) -> Found:
        table = pd.read_csv(export, sep=delimiter, dtype=str)
        return _by_stem([(row.path, _tags(row.label)) for row in table.itertuples()])

    return read


def _json_lines(export: Path) -> Found:
    table = pd.read_json(export, lines=True, dtype=False)
    return _by_stem([(row.path, _tags(row.label)) for row in table.itertuples()])


def _parquet(export: Path) -> Found:
    table = pd.read_parquet(export)
    return _by_stem([(row.path, _tags(row.label)) for row in table.itertuples()])


def _fiftyone(export: Path) -> Found:
    # As its importer has it: https://docs.voxel51.com, FiftyOneImageClassificationDataset.
    stored = json.loads((export / "labels.json").read_text("utf-8"))
    names, rows = stored.get("classes"), []
    for key, target in stored["labels"].items():
        assert list((export / "data").glob(f"{key}.*")) or (export / "data" / key).exists(), key
        targets = target if isinstance(target, list) else [target]
        texts = [t["label"] if isinstance(t, dict) else t for t in targets]
        rows.append((f"{key}.x", [names[t] if isinstance(t, int) else t for t in texts]))
    return _by_stem(rows)


def _nus_wide(export: Path) -> Found:
    (listed,) = export.rglob("*[Ii]mage[Ll]ist*.txt")
    names = listed.read_text("utf-8").split("\n")[:-1]
    labels: Found = {Path(name.strip().replace("\\", "/")).stem: [] for name in names}
    for file in export.rglob("*Labels_*.txt"):
        concept = file.stem.split("Labels_")[1].removesuffix("_Train").removesuffix("_Test")
        for stem, has in zip(labels, np.loadtxt(file, dtype=int), strict=True):
            labels[stem] += [concept] * int(has)
    return {stem: sorted(found) for stem, found in labels.items()}


class _Cifar(CIFAR10):  # type: ignore[misc]
    """torchvision's reader without the sums of the published files, which any change breaks."""

    train_list = tuple((name, None) for name, _ in CIFAR10.train_list)
    test_list = tuple((name, None) for name, _ in CIFAR10.test_list)
    meta = CIFAR10.meta | {"md5": None}


def _cifar(export: Path) -> Found:
    found = _Cifar(str(export))
    return _by_place([[found.classes[label]] for label in found.targets])


def _mnist(export: Path) -> Found:
    found = MNIST(str(export))
    return _by_place([[str(int(label))] for label in found.targets])


_DATUMARO = """
import json, sys
import datumaro as dm
found = dm.Dataset.import_from(sys.argv[1], sys.argv[2])
names = [label.name for label in found.categories()[dm.AnnotationType.label]]
rows = []
for item in found:
    assert item.media.data.shape[2] == 3, item.id
    rows.append([item.id + ".x", [names[a.label] for a in item.annotations]])
print(json.dumps(rows))
"""
_DATASETS = """
import json, sys, tempfile
from datasets import load_dataset
cache = tempfile.mkdtemp()
rows = []
for split in load_dataset(sys.argv[1], cache_dir=cache).values():
    feature = split.features["label"]
    inner = getattr(feature, "feature", feature)
    names = getattr(inner, "names", None)
    for place, row in enumerate(split):
        row["image"].load()
        labels = row["label"] if isinstance(row["label"], list) else [row["label"]]
        rows.append([names[x] if names and isinstance(x, int) else x for x in labels])
print(json.dumps(rows))
"""
_WEBDATASET = """
import json, pathlib, sys, webdataset
rows, file = [], pathlib.Path(sys.argv[1], "classnames.txt")
names = file.read_text("utf-8").splitlines() if file.exists() else []
for shard in sorted(map(str, pathlib.Path(sys.argv[1]).glob("*.tar*"))):
    for sample in webdataset.WebDataset(shard, shardshuffle=False):
        if "cls" in sample:
            rows.append([names[int(sample["cls"])]])
        else:
            stored = json.loads(sample["json"])
            rows.append(next(stored[k] for k in ("labels", "label", "tags") if k in stored))
print(json.dumps(rows))
"""
_LABEL_STUDIO = """
import json, pathlib, sys, tempfile
from label_studio_sdk.converter import Converter
tasks, config = sys.argv[1:]
out = pathlib.Path(tempfile.mkdtemp())
Converter(config=config, project_dir=None).convert(tasks, str(out), "JSON_MIN", is_dir=False)
(made,) = out.glob("*.json")
rows = []
for row in json.loads(made.read_text("utf-8")):
    choice = next((row[k] for k in ("choice", "choices", "label") if k in row), [])
    labels = choice["choices"] if isinstance(choice, dict) else choice
    rows.append([row["image"], labels if isinstance(labels, list) else [labels]])
print(json.dumps(rows))
"""


def _apart(script: str, *more: str) -> Callable[[Path], Found]:
    return lambda export: _by_stem(run_apart(script, export, *more))


def _label_studio(export: Path) -> Found:
    (config,) = export.parent.glob("*.xml")
    return _by_address(run_apart(_LABEL_STUDIO, export, config))


def _by_address(rows: list[tuple[str, list[str]]]) -> Found:
    return _by_stem([(unquote(name.split("?d=")[-1]), labels) for name, labels in rows])


def _choices(cell: Any) -> list[str]:
    choice = json.loads(cell) if isinstance(cell, str) and cell.startswith("{") else cell
    labels = choice["choices"] if isinstance(choice, dict) else choice
    return labels if isinstance(labels, list) else [str(labels)]


def _label_studio_min(export: Path) -> Found:
    rows = json.loads(export.read_text("utf-8"))
    return _by_address([(row["image"], _choices(row["choice"])) for row in rows])


def _label_studio_csv(export: Path) -> Found:
    table = pd.read_csv(export, dtype=str)
    return _by_address([(row.image, _choices(row.choice)) for row in table.itertuples()])


def _coco(export: Path) -> Found:
    """In the folders that its tools expect: ``annotations`` and ``images``, by subset."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        (home / "annotations").mkdir()
        shutil.copy(export, home / "annotations" / "labels_train.json")
        shutil.copytree(export.parent / "images", home / "images" / "train" / "images")
        return _by_stem(run_apart(_DATUMARO, home, "coco_labels"))


def _cvat(export: Path) -> Found:
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        shutil.copy(export, home / "train.xml")
        shutil.copytree(export.parent / "images", home / "images" / "images")
        return _by_stem(run_apart(_DATUMARO, home, "cvat"))


LIBRARIES: dict[str, tuple[str, Callable[[Path], Found]]] = {
    "csv": ("pandas", _delimited(",")),
    "tsv": ("pandas", _delimited("\t")),
    "jsonl": ("pandas", _json_lines),
    "parquet": ("pandas", _parquet),
    "imagefolder": ("torchvision", _class_folders),
    "yolo-cls": ("torchvision, a split at a time", _split_folders),
    "cifar": ("torchvision", _cifar),
    "mnist": ("torchvision", _mnist),
    "hf-imagefolder": ("datasets", lambda export: _by_place(run_apart(_DATASETS, export))),
    "hf-parquet": ("datasets", lambda export: _by_place(run_apart(_DATASETS, export))),
    "webdataset": ("webdataset", lambda export: _by_place(run_apart(_WEBDATASET, export))),
    "datumaro": ("datumaro", _apart(_DATUMARO, "datumaro")),
    "cvat-images": ("datumaro", _cvat),
    "coco-cls": ("datumaro", _coco),
    "imagenet-txt": ("datumaro", _apart(_DATUMARO, "imagenet_txt")),
    "label-studio": ("label-studio-sdk", _label_studio),
    "label-studio-min": ("json, as documented", _label_studio_min),
    "label-studio-csv": ("pandas, as documented", _label_studio_csv),
    "fiftyone": ("its published schema", _fiftyone),
    "nus-wide": ("numpy, as published", _nus_wide),
}
"""By format: who reads it, and how."""
