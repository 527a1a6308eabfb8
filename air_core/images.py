"""Opening pictures from strangers: checked by header first, then decoded to 8-bit RGB."""

from __future__ import annotations

import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, features

from air_core.errors import SourceError

MAX_PIXELS = 80_000_000
"""Larger pictures are refused by their header, before a byte of them is decoded."""

IMAGE_EXTENSIONS = frozenset(
    (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp", ".gif")
) | (frozenset((".avif",)) if features.check("avif") else frozenset())
"""What torchvision takes for an image by its name, and the two web formats it leaves out."""

# Here and once: Pillow loads its decoders on first use, which is not safe from many threads.
Image.init()
# Pictures only: the rest of Pillow's list runs programs (EPS) or guesses.
_PICTURES = ("JPEG", "MPO", "PNG", "PPM", "BMP", "DIB", "TIFF", "WEBP", "GIF", "AVIF", "JPEG2000")
_DECODERS = [name for name in _PICTURES if name in Image.OPEN]
_SAME_KIND = {"MPO": "JPEG", "DIB": "BMP"}
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns about what is refused below, and about camera data that is not used here; a
# listing of a million files should not fill the terminal with either.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Open a picture far enough to know its format and size.

    Yields
    ------
    PIL.Image.Image
        Not decoded yet; closed when the block ends.

    Raises
    ------
    SourceError
        Says in plain words what is wrong with the file and how to mend it: missing, empty, not
        a picture, more than :data:`MAX_PIXELS`, content of another kind than its name says.
        An error while decoding inside the block is turned into one, too.
    """
    _check_regular(path)
    try:
        with Image.open(path, formats=_DECODERS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_large(image.width * image.height)
            _check_extension(path, image.format or "")
            yield image
    except SourceError:
        raise
    except UnidentifiedImageError:
        raise SourceError(
            f"The content is not an image{_what_it_looks_like(path)}.",
            hint="Replace the file or take it off the list.",
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = re.search(r"\d+", str(error))
        raise _too_large(int(pixels[0]) if pixels else None) from None
    except PermissionError:
        raise SourceError("It may not be read.", hint="Change its permissions.") from None
    except MemoryError:
        raise SourceError("There is not enough memory to decode it.", hint="Shrink it.") from None
    # A damaged file makes Pillow's decoders fail in any way at all (struct.error, IndexError,
    # SyntaxError …): one bad picture must never stop the rest.
    except Exception as error:
        raise _damaged(error) from error


def load_rgb(path: Path) -> Image.Image:
    """Decode a picture as a person sees it.

    Turned as its EXIF data say, transparency laid over white, 16 bits scaled to 8, first frame
    of an animation.

    Parameters
    ----------
    path : Path
        A file; see :data:`IMAGE_EXTENSIONS` for the kinds.

    Returns
    -------
    PIL.Image.Image
        Mode ``RGB``, at its full size.

    Raises
    ------
    SourceError
        As :func:`open_image`, and for a picture that is cut short or damaged.
    """
    with open_image(path) as image:
        return decode_rgb(image)


def decode_rgb(image: Image.Image) -> Image.Image:
    """Decode what :func:`open_image` yielded; see :func:`load_rgb`."""
    image.load()
    rgb = _to_rgb(image)
    turn = _TURNS.get(_orientation(image))
    rgb = rgb if turn is None else rgb.transpose(turn)
    # A copy, so that it outlives the file it came from.
    return rgb.copy() if rgb is image else rgb


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_8_bit(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale grey values of 16 bits, 32 bits or floats to 0 … 255.

    16-bit values keep their absolute brightness. Wider ones have no agreed white, so that their
    own range is used, unless they lie within 0 … 1 (floats) or 0 … 65535 (integers).
    """
    grey = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(grey.min()), float(grey.max())
    white = 1.0 if values.dtype.kind == "f" else 65535.0
    if low < 0 or high > white:
        grey -= low
        white = (high - low) or 1.0
    scaled: NDArray[np.uint8] = np.rint(grey * (255.0 / white)).astype(np.uint8)
    return scaled


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        # Camera data are often broken in files that are fine otherwise: show them unturned.
        return 1


def _check_regular(path: Path) -> None:
    try:
        info = path.stat()
    except FileNotFoundError:
        raise SourceError("The file is missing.", hint="Put it back or drop its row.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"The file cannot be opened: {reason}.") from None
    if not stat.S_ISREG(info.st_mode):
        # Opening a pipe would wait for ever.
        raise SourceError("It is not a file.", hint="List image files, not folders or devices.")
    if info.st_size == 0:
        raise SourceError("The file is empty (0 bytes).", hint="Copy or download it again.")


def _too_large(pixels: int | None) -> SourceError:
    size = "too many " if pixels is None else f"{pixels / 1e6:,.0f} mega"
    return SourceError(
        f"It has {size}pixels; the limit is {MAX_PIXELS // 1_000_000} megapixels.",
        hint="Shrink it and import again.",
    )


def _check_extension(path: Path, kind: str) -> None:
    expected = Image.registered_extensions().get(path.suffix.lower())
    kind = _SAME_KIND.get(kind, kind)
    if expected is None or _SAME_KIND.get(expected, expected) == kind:
        return
    suffix = {"JPEG": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2"}.get(kind, f".{kind.lower()}")
    raise SourceError(
        f"The name ends in {path.suffix} but the content is {kind}.",
        hint=f"Rename it to {path.stem}{suffix} or save it again as {path.suffix[1:].upper()}.",
    )


def _what_it_looks_like(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(512)
    if b"<html" in start.lower() or b"<!doctype html" in start.lower():
        return " but a web page, perhaps of a download that failed"
    try:
        start[:-4].decode("utf-8")
    except UnicodeDecodeError:
        return " of a known kind"
    return " of a known kind" if b"\0" in start else " but text"


def _damaged(error: Exception) -> SourceError:
    text = str(error).lower()
    if "truncated" in text or "unexpected end" in text or isinstance(error, EOFError):
        return SourceError("The image is cut short.", hint="Copy or download the file again.")
    detail = " ".join(str(error).split())[:120].rstrip(".")
    return SourceError(
        f"The image is damaged ({detail or type(error).__name__}).",
        hint="Copy or download the file again.",
    )
