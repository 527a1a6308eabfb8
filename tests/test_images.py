from __future__ import annotations

import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from air_core.errors import SourceError
from air_core.images import IMAGE_EXTENSIONS, load_rgb


def photo(width: int = 64, height: int = 48) -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def png_header(width: int, height: int) -> bytes:
    """A valid PNG of that size whose pixels, all black, compress to next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    header = chunk(b"IHDR", size + bytes([1, 0, 0, 0, 0]))
    rows = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        load_rgb(path)
    return str(caught.value)


@pytest.mark.parametrize("suffix", sorted(IMAGE_EXTENSIONS - {".pgm"}))
def test_every_kind_that_is_taken_for_an_image_can_be_read(tmp_path: Path, suffix: str) -> None:
    photo().save(tmp_path / f"a{suffix}")
    assert (load_rgb(tmp_path / f"a{suffix}").mode, load_rgb(tmp_path / f"a{suffix}").size) == (
        "RGB",
        (64, 48),
    )


def test_one_pixel(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), "red").save(tmp_path / "a.png")
    assert load_rgb(tmp_path / "a.png").getpixel((0, 0)) == (255, 0, 0)


def test_the_picture_outlives_its_file(tmp_path: Path) -> None:
    photo().save(tmp_path / "a.png")
    image = load_rgb(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    assert np.array_equal(np.asarray(image), np.asarray(photo()))


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    upright = Image.new("RGB", (40, 20), "white")
    upright.paste("black", (0, 0, 40, 5))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the stored picture has to turn clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
    turned = load_rgb(tmp_path / "a.png")
    assert turned.size == (40, 20)
    assert turned.getpixel((20, 1)) == (0, 0, 0)
    assert turned.getpixel((20, 18)) == (255, 255, 255)


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (255, 0, 0, 0))
    image.save(tmp_path / "rgba.png")
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "palette.png", transparency=bytes([255, 0]))
    for name in ("rgba.png", "palette.png"):
        assert load_rgb(tmp_path / name).getpixel((0, 0)) == (255, 0, 0)
        assert load_rgb(tmp_path / name).getpixel((1, 0)) == (255, 255, 255)


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red, green, blue = load_rgb(tmp_path / "a.jpg").getpixel((8, 8))  # type: ignore[misc]
    assert red > 230
    assert max(green, blue) < 40


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_keep_their_brightness(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"a{suffix}")
    assert np.asarray(load_rgb(tmp_path / f"a{suffix}"))[0, :, 0].tolist() == [0, 128, 255]


def test_floats_use_their_own_range(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-5, 0, 5]], dtype=np.float32)).save(tmp_path / "a.tif")
    assert np.asarray(load_rgb(tmp_path / "a.tif"))[0, :, 0].tolist() == [0, 128, 255]


def test_black_and_white(tmp_path: Path) -> None:
    Image.new("1", (3, 3), 1).save(tmp_path / "a.png")
    assert load_rgb(tmp_path / "a.png").getpixel((1, 1)) == (255, 255, 255)


def test_the_first_frame_of_an_animation_is_used(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (9, 9), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert load_rgb(tmp_path / "a.gif").getpixel((4, 4)) == (255, 0, 0)


def test_truncated_jpeg(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    photo().save(buffer, "JPEG")
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    assert "cut short" in refusal(tmp_path / "a.jpg")
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_every_truncation_of_a_png_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    photo(16, 16).save(buffer, "PNG")
    end = buffer.getvalue().index(b"IEND") - 8
    for cut in range(1, end, 37):
        (tmp_path / "a.png").write_bytes(buffer.getvalue()[:cut])
        assert refusal(tmp_path / "a.png")


def test_what_is_not_an_image_is_said_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture here")
    (tmp_path / "page.png").write_text("<!DOCTYPE html><html>404</html>")
    (tmp_path / "noise.png").write_bytes(bytes(range(128, 256)))
    (tmp_path / "empty.png").touch()
    assert "not an image but text" in refusal(tmp_path / "text.png")
    assert "web page" in refusal(tmp_path / "page.png")
    assert "not an image of a known kind" in refusal(tmp_path / "noise.png")
    assert "empty (0 bytes)" in refusal(tmp_path / "empty.png")
    assert "missing" in refusal(tmp_path / "absent.png")
    assert "not a file" in refusal(tmp_path)


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    assert "not a file" in refusal(tmp_path / "a.png")


def test_content_of_another_kind_says_how_to_mend_it(tmp_path: Path) -> None:
    photo().save(tmp_path / "cat.png", "JPEG")
    assert refusal(tmp_path / "cat.png") == (
        "The name ends in .png but the content is JPEG. "
        "Rename it to cat.jpg or save it again as PNG."
    )


def test_a_name_without_a_known_ending_is_no_contradiction(tmp_path: Path) -> None:
    photo().save(tmp_path / "0001", "JPEG")
    assert load_rgb(tmp_path / "0001").size == (64, 48)


@pytest.mark.parametrize("side", [9_000, 25_000])
def test_oversized_images_are_refused_by_their_header(tmp_path: Path, side: int) -> None:
    # Decoding would fail, the pixels are cut short: the reason shows that it was never tried.
    (tmp_path / "a.png").write_bytes(png_header(side, side))
    assert f"{side * side / 1e6:.0f} megapixels; the limit is 80 megapixels" in refusal(
        tmp_path / "a.png"
    )


def test_pillows_warnings_stay_quiet(tmp_path: Path) -> None:
    # In a process of its own: pytest puts its own warning filters before ours.
    (tmp_path / "large.png").write_bytes(png_header(10_000, 10_000))
    photo().save(tmp_path / "exif.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7fgarbage")
    program = (
        "import sys; from pathlib import Path; from air_core.images import load_rgb\n"
        "print(load_rgb(Path(sys.argv[1])).size)\n"
        "try: load_rgb(Path(sys.argv[2]))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    files = [str(tmp_path / name) for name in ("exif.jpg", "large.png")]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *files],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("(64, 48)\nSourceError It has 100 megapixels")
    assert done.stderr == ""


def test_programs_in_disguise_are_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert "not an image" in refusal(tmp_path / "a.eps")
