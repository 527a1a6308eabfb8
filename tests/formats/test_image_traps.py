"""Images of every kind, sound or not, from a source to an export."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from air_core.workspace import Workspace
from tests.formats.audits import contents, round_trip, rows
from tests.formats.test_traps import table
from tests.test_images import png_header


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _noise(mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(1).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return _saved(_noise(), "JPEG", exif=exif)


def _deep() -> Image.Image:
    return Image.fromarray(np.arange(384, dtype=np.uint16).reshape(16, 24) * 170)


def _palette() -> bytes:
    return _saved(_noise("P"), "PNG", transparency=0)


def _animated() -> bytes:
    return _saved(_noise("P"), "GIF", save_all=True, append_images=[_noise("P").rotate(90)])


USABLE: dict[str, Callable[[], bytes]] = {
    "cmyk.jpg": lambda: _saved(_noise("CMYK"), "JPEG"),
    "deep.png": lambda: _saved(_deep(), "PNG"),
    "palette.png": _palette,
    "animated.gif": _animated,
    "turned.jpg": _turned,
    "dot.png": lambda: _saved(Image.new("RGB", (1, 1)), "PNG"),
}
UNUSABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut.png": (lambda: _saved(_noise(), "PNG")[:-200], "cut short"),
    "empty.png": (bytes, "empty"),
    "other.png": (lambda: _saved(_noise(), "JPEG"), "ends in .png but the content is JPEG"),
    "text.jpg": (lambda: b"not an image at all", "not an image"),
    "huge.png": (lambda: png_header(25_000, 25_000), "625 megapixels"),
}


@pytest.mark.parametrize("kind", ["imagefolder", "csv"])
def test_images_of_every_kind_are_taken_or_set_aside(tmp_path: Path, kind: str) -> None:
    names = USABLE | {name: make for name, (make, _) in UNUSABLE.items()}
    folder = tmp_path / "in"
    for name, make in names.items():
        place = folder / "x" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(make())
    source = folder
    if kind == "csv":
        source = folder / "labels.csv"
        source.write_text(table({f"x/{name}": "x" for name in names}))
    audit = Workspace.create(tmp_path / "ws", source)
    assert sorted(rows(audit)) == sorted(f"x/{name}" for name in USABLE)
    reasons = {q.path.removeprefix("x/"): q.reason for q in audit.quarantined}
    assert sorted(reasons) == sorted(UNUSABLE)
    for name, (_, reason) in UNUSABLE.items():
        assert reason in reasons[name]
    ids = dict(zip(audit.dataset.paths, audit.dataset.item_ids.tolist(), strict=True))
    turned = Image.open(io.BytesIO(audit.thumbnail(ids["x/turned.jpg"])))
    assert turned.height > turned.width
    out = round_trip(source, tmp_path / "y")
    if kind == "csv":
        assert out.read_bytes() == source.read_bytes()  # rows of bad images stay
    else:
        before = contents(folder)
        assert contents(out) == {f"x/{name}": before[f"x/{name}"] for name in USABLE}
