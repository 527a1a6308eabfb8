"""Items of a workspace that is made up: painted pictures, shared by as many paths as wanted."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from air_core.dataset import stable_item_ids
from air_core.importer import PACK
from air_core.items import Manifest, SourceInfo, write_items, write_manifest
from air_core.originals import write_originals
from air_core.progress import ProgressCallback
from air_core.scan import ScannedImage
from air_core.thumbnails import PackWriter, ThumbnailPack, make_thumbnail

PICTURES = 256  # about: as many of each class
SIDE = 96
TOLD = 20_000


class Base(NamedTuple):
    """Features, given and true labels that everything is drawn from."""

    features: NDArray[np.float32]
    given: NDArray[np.intp]
    clean: NDArray[np.intp]
    names: tuple[str, ...]


def make_items(folder: Path, n: int, base: Base, seed: int, progress: ProgressCallback) -> None:
    """Write the source and the files that a workspace of n images is opened from."""
    source, audit = folder / "source", folder / "audit"
    (source / "images").mkdir(parents=True, exist_ok=True)
    audit.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    writer = PackWriter(ThumbnailPack(audit / PACK), keep=0)
    shared = []
    classes = len(base.names)
    pictures = classes * max(1, PICTURES // classes)
    for number in range(pictures):
        picture, name = _paint(number % classes, rng), f"images/{number:04d}.png"
        picture.save(source / name)
        thumbnail = make_thumbnail(picture)
        stat = (source / name).stat()
        at = (stat.st_size, stat.st_mtime_ns, writer.append(thumbnail), len(thumbnail))
        shared.append((name, *at))
    writer.close()
    rows = np.arange(n) % len(base.given)
    paths = [f"images/{i:07d}.png" for i in range(n)]
    given = [base.names[label] for label in base.given[rows]]
    clean = [base.names[label] for label in base.clean[rows]]
    originals = {"labels.csv": _table(paths, given)}
    (source / "labels.csv").write_bytes(originals["labels.csv"])
    (source / "truth.csv").write_bytes(_table(paths, clean))
    import_id = f"{seed:08x}{n:024x}"
    scanned = []
    for i, label in enumerate(base.clean[rows].tolist()):
        # A picture of the true class.
        name, size, mtime, offset, length = shared[(label + classes * i) % pictures]
        scanned.append(ScannedImage(name, size, mtime, f"{seed:08x}{i:024x}", offset, length))
        if not i % TOLD:
            progress(i, n, "Listing images")
    write_items(audit, stable_item_ids(paths), paths, given, scanned, import_id)
    write_originals(audit / f"original-{import_id[:8]}.zip", originals)
    write_manifest(
        audit,
        Manifest(
            info=SourceInfo(
                source=str(source / "labels.csv"),
                format="csv",
                path_column="path",
                label_column="label",
                labels_file=str(source / "labels.csv"),
                created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            ),
            image_root=str(source),
            class_names=base.names,
            quarantined=(),
            notes=(),
            import_id=import_id,
            original=f"original-{import_id[:8]}.zip",
        ),
    )


def _table(paths: list[str], labels: list[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(
        [("path", "label"), *zip(paths, labels, strict=True)]
    )
    return text.getvalue().encode()


def _paint(kind: int, rng: np.random.Generator) -> Image.Image:
    """A picture that tells its class: waves of one direction and hue."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    angle = np.pi * kind / 10 + rng.normal(0, 0.05)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(12, 20) + rng.uniform(0, 6))
    hue = np.cos(2 * np.pi * (kind * 0.618 + np.array([0.0, 1 / 3, 2 / 3])))
    pixels = 128 + 60 * hue + 50 * wave[:, :, None] + rng.normal(0, 10, (SIDE, SIDE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
