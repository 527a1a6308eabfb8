from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PIL import Image

from air_core import scan
from air_core.errors import Cancelled
from air_core.progress import silent
from air_core.scan import Journal, ScannedImage, scan_images
from air_core.thumbnails import ThumbnailPack
from tests.conftest import PaintImage

FILES = [f"{number:02}.png" for number in range(20)]


@pytest.fixture
def root(tmp_path: Path, paint: PaintImage) -> Path:
    for number, name in enumerate(FILES):
        paint(tmp_path / "images" / name, (number, 0, 0))
    return tmp_path / "images"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sizes of the images that get decoded, in any order."""
    seen: list[str] = []
    real = scan.decode_rgb

    def spy(image: Image.Image) -> Image.Image:
        seen.append(Path(str(getattr(image, "filename", ""))).name)
        return real(image)

    monkeypatch.setattr(scan, "decode_rgb", spy)
    return seen


def run(
    root: Path,
    known: dict[str, ScannedImage] | None = None,
    progress: scan.ProgressCallback = silent,
) -> dict[str, ScannedImage]:
    pack, journal = ThumbnailPack(root.parent / "pack"), Journal(root.parent / "journal")
    return scan_images(
        root, FILES, pack=pack, journal=journal, known=known or {}, progress=progress
    )


def assert_thumbnails_fit(root: Path, found: dict[str, ScannedImage]) -> None:
    pack = ThumbnailPack(root.parent / "pack")
    for number, name in enumerate(FILES):
        image = found[name]
        with (root.parent / "one.webp").open("wb") as file:
            file.write(pack.read(image.offset, image.length))
        with Image.open(root.parent / "one.webp") as thumbnail:
            assert thumbnail.convert("RGB").getpixel((0, 0)) == (number, 0, 0)


def test_every_image_is_looked_at_once_and_in_order(root: Path, decoded: list[str]) -> None:
    calls: list[tuple[int, int, str]] = []
    found = run(root, progress=lambda *call: calls.append(call))
    assert list(found) == FILES
    assert sorted(decoded) == FILES
    assert calls == [(n, 20, "Reading images") for n in range(1, 21)]
    assert len({image.digest for image in found.values()}) == 20
    assert_thumbnails_fit(root, found)


def test_known_images_are_not_opened_again(root: Path, decoded: list[str]) -> None:
    found = run(root)
    (root.parent / "journal").unlink()
    decoded.clear()
    (root / "03.png").touch()
    Image.new("RGB", (8, 8), (3, 0, 0)).save(root / "03.png")
    again = run(root, known=found)
    assert decoded == ["03.png"]
    assert again["03.png"].digest == found["03.png"].digest
    assert_thumbnails_fit(root, again)


def test_a_stopped_scan_goes_on_where_it_was(root: Path, decoded: list[str]) -> None:
    def stop(done: int, total: int, note: str) -> None:
        if done == 7:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        run(root, progress=stop)
    decoded.clear()
    found = run(root)
    assert sorted(decoded) == FILES[7:]
    assert_thumbnails_fit(root, found)


def test_a_kill_in_the_middle_of_a_line_costs_that_line_only(
    root: Path, decoded: list[str]
) -> None:
    run(root)
    journal = root.parent / "journal"
    text = journal.read_text()
    journal.write_text(text[: text.rindex('"size"')])
    with (root.parent / "pack").open("ab") as file:
        file.write(b"half a thumbnail")
    decoded.clear()
    found = run(root)
    assert decoded == [FILES[-1]]
    assert_thumbnails_fit(root, found)
    assert Journal(journal).read(ThumbnailPack(root.parent / "pack")).keys() == set(FILES)


def test_a_journal_without_its_thumbnails_is_not_believed(root: Path, decoded: list[str]) -> None:
    run(root)
    (root.parent / "pack").unlink()
    decoded.clear()
    assert_thumbnails_fit(root, run(root))
    assert sorted(decoded) == FILES


@pytest.mark.parametrize("left", [0, 0.5, None])
def test_a_pack_that_was_lost_or_cut_short_is_made_whole(
    root: Path, decoded: list[str], left: float | None
) -> None:
    before = run(root)
    (root.parent / "journal").unlink()
    pack = root.parent / "pack"
    size = pack.stat().st_size
    if left is None:
        pack.unlink()
    else:
        with pack.open("r+b") as file:
            file.truncate(int(size * left))
    decoded.clear()
    found = run(root, known=before)
    assert_thumbnails_fit(root, found)
    assert pack.stat().st_size == size
    intact = [name for name in FILES if before[name].offset + before[name].length <= size / 2]
    assert sorted(decoded) == (FILES[len(intact) :] if left else FILES)


def test_bad_images_get_a_reason_and_stop_nothing(root: Path) -> None:
    (root / "05.png").write_bytes(b"")
    (root / "06.png").unlink()
    found = run(root)
    assert "empty" in found["05.png"].reason
    assert "missing" in found["06.png"].reason
    assert [image.file for image in found.values() if not image.reason] == FILES[:5] + FILES[7:]


def test_large_images_are_decoded_one_at_a_time(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most = 0, 0
    lock = threading.Lock()
    real = scan.decode_rgb

    def spy(image: Image.Image) -> Image.Image:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.002)
        with lock:
            at_once -= 1
        return real(image)

    monkeypatch.setattr(scan, "decode_rgb", spy)
    monkeypatch.setattr(scan.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(scan, "LARGE_PIXELS", 63)
    run(root)
    assert most == 1
