from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from air_core.errors import WorkspaceError
from air_core.thumbnails import PackWriter, ThumbnailPack, encode_webp, make_thumbnail


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    assert image.format == "WEBP"
    return image.convert("RGB")


def test_small_pictures_are_kept_pixel_by_pixel() -> None:
    image = noise(96, 28)
    assert np.array_equal(np.asarray(decoded(make_thumbnail(image))), np.asarray(image))


def test_large_pictures_are_shrunk_to_fit() -> None:
    assert decoded(make_thumbnail(noise(1000, 500))).size == (192, 96)
    assert decoded(make_thumbnail(noise(5000, 2))).size == (192, 1)


def test_pictures_are_not_enlarged() -> None:
    assert decoded(encode_webp(noise(150, 100), max_side=1024)).size == (150, 100)


def test_a_pack_gives_back_what_went_in(tmp_path: Path) -> None:
    pack = ThumbnailPack(tmp_path / "pack")
    writer = PackWriter(pack, keep=0)
    offsets = [writer.append(data) for data in (b"one", b"three")]
    writer.close()
    assert (offsets, pack.size) == ([0, 3], 8)
    assert [pack.read(0, 3), pack.read(3, 5)] == [b"one", b"three"]


def test_a_pack_drops_what_an_interrupted_run_left(tmp_path: Path) -> None:
    pack = ThumbnailPack(tmp_path / "pack")
    (tmp_path / "pack").write_bytes(b"keephalf")
    writer = PackWriter(pack, keep=4)
    assert writer.append(b"new") == 4
    writer.close()
    assert (tmp_path / "pack").read_bytes() == b"keepnew"


def test_a_short_or_missing_pack_is_said(tmp_path: Path) -> None:
    pack = ThumbnailPack(tmp_path / "pack")
    with pytest.raises(WorkspaceError, match="Import the images again"):
        pack.read(0, 1)
    (tmp_path / "pack").write_bytes(b"ab")
    with pytest.raises(WorkspaceError, match="Expected 3 bytes"):
        pack.read(0, 3)
