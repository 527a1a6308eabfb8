"""Looking at every image once: is it sound, what is in it, what does it look like small."""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from air_core.errors import SourceError
from air_core.images import decode_rgb, open_image
from air_core.progress import ProgressCallback
from air_core.quarantine import content_digest
from air_core.thumbnails import PackWriter, ThumbnailPack, make_thumbnail

LARGE_PIXELS = 12_000_000
"""Pictures above this are decoded one at a time, which bounds the memory of the whole scan."""

_SAVE_EVERY = 128


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """What a scan found in one file.

    ``file`` is relative to the source's folder; ``offset`` and ``length`` say where the thumbnail
    lies in the pack. ``reason`` is empty for a sound image; the rest then holds.
    """

    file: str
    size: int
    mtime_ns: int
    digest: str = ""
    offset: int = 0
    length: int = 0
    reason: str = ""


class Journal:
    """What an unfinished scan has found so far, one JSON line a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, pack: ThumbnailPack) -> dict[str, ScannedImage]:
        """Results of an interrupted scan by file, without those whose thumbnail got lost."""
        if not self.path.exists():
            return {}
        found, size = {}, pack.size
        for line in self.path.read_text("utf-8", errors="replace").splitlines():
            try:
                image = ScannedImage(**json.loads(line))
            except (ValueError, TypeError):
                # The line that was being written when the process was killed.
                continue
            if image.offset + image.length <= size:
                found[image.file] = image
        return found

    def add(self, images: Iterable[ScannedImage]) -> None:
        """Append results."""
        # A newline first: the last line may have been cut off by a kill.
        text = "".join(f"\n{json.dumps(asdict(image))}" for image in images)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)

    def discard(self) -> None:
        """Remove the journal of a finished scan."""
        self.path.unlink(missing_ok=True)


def scan_images(
    root: Path,
    files: Sequence[str],
    *,
    pack: ThumbnailPack,
    journal: Journal,
    known: Mapping[str, ScannedImage],
    progress: ProgressCallback,
) -> dict[str, ScannedImage]:
    """Check, digest and shrink images; those known and unchanged are not opened again.

    Parameters
    ----------
    root : Path
        Folder that ``files`` are relative to.
    files : sequence of str
        Each file once.
    pack, journal
        Where thumbnails and results go as soon as they are there, so that a killed scan
        continues where it was.
    known : mapping of str to ScannedImage
        Results of earlier scans.
    progress : callable
        May raise to stop; what was done is kept.

    Returns
    -------
    dict of str to ScannedImage
        One entry for each file, in the order of ``files``.
    """
    size = pack.size
    known = {
        file: image
        for file, image in {**known, **journal.read(pack)}.items()
        # A pack that was lost or cut short since: whatever is not in it is made again.
        if image.offset + image.length <= size
    }
    keep = max((image.offset + image.length for image in known.values()), default=0)
    writer = PackWriter(pack, keep=keep)
    results: dict[str, ScannedImage] = {}
    unsaved: list[ScannedImage] = []

    def save() -> None:
        # Thumbnails first: the journal must never point past the end of the pack.
        writer.sync()
        journal.add(unsaved)
        unsaved.clear()

    try:
        with closing(_look_at_all(root, files, known)) as looks:
            for image, thumbnail in looks:
                if thumbnail is not None:
                    image = replace(image, offset=writer.append(thumbnail))
                if known.get(image.file) is not image:
                    unsaved.append(image)
                results[image.file] = image
                if len(unsaved) >= _SAVE_EVERY:
                    save()
                progress(len(results), len(files), "Reading images")
    finally:
        save()
        writer.close()
    return results


def _look_at_all(
    root: Path, files: Sequence[str], known: Mapping[str, ScannedImage]
) -> Generator[tuple[ScannedImage, bytes | None]]:
    """Results in the order of ``files``, with at most a few decoded ahead of the consumer."""
    one_large = threading.Lock()
    # Pillow's decoders let other threads run, so that this many keep all cores busy.
    workers = min(8, os.cpu_count() or 1)
    waiting: deque[Future[tuple[ScannedImage, bytes | None]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="scan") as pool:
        try:
            for file in files:
                waiting.append(pool.submit(_look_at, root, file, known.get(file), one_large))
                if len(waiting) >= 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _look_at(
    root: Path, file: str, known: ScannedImage | None, one_large: threading.Lock
) -> tuple[ScannedImage, bytes | None]:
    path = root / file
    size, mtime_ns = 0, 0
    try:
        # A file that cannot even be looked up gets its reason below, from opening it.
        with suppress(OSError):
            info = path.stat()
            size, mtime_ns = info.st_size, info.st_mtime_ns
        if known is not None and (known.size, known.mtime_ns) == (size, mtime_ns):
            return known, None
        with open_image(path) as image:
            large = image.width * image.height > LARGE_PIXELS
            turn: AbstractContextManager[object] = one_large if large else nullcontext()
            with turn:
                thumbnail = make_thumbnail(decode_rgb(image))
        digest = content_digest(path)
    except (SourceError, OSError) as error:
        return ScannedImage(file, size, mtime_ns, reason=str(error)), None
    return ScannedImage(file, size, mtime_ns, digest, length=len(thumbnail)), thumbnail
