"""Kill an extraction at random moments, and see what the next one finds."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from air_core.features.extract import SHARD_SIZE

KILLS = 10
MOST = 1.5
"""Shards, at most, that a run has computed when it is killed; some die in their first."""


@dataclass(frozen=True, slots=True)
class Killed:
    """What kills left behind.

    Parameters
    ----------
    rows : list of dict
        One for each run.
    different : int
        Numbers that differ from those of a run that was left alone.
    most_again : float
        Most images that had been computed and were lost, in shards.
    """

    rows: list[dict[str, Any]]
    different: int
    most_again: float


def kill_ten_times(files: Sequence[Path], *, kills: int = KILLS, seed: int = 0) -> Killed:
    """Extract the features of files with kills at random moments, and once in peace."""
    rng = random.Random(seed)
    rows = []
    most = 0.0
    with tempfile.TemporaryDirectory() as place:
        listing = Path(place) / "files.json"
        listing.write_text(json.dumps([str(file) for file in files]))
        folder = Path(place) / "killed"
        for number in range(kills):
            after = rng.randrange(int(MOST * SHARD_SIZE))
            begun, reached, ended = _run(listing, folder, after)
            kept = _kept(folder)
            again = max(0, reached - kept) / SHARD_SIZE
            most = max(most, again)
            rows.append(
                {
                    "run": number,
                    "killed_after_images": after,
                    "found": begun,
                    "reached": reached,
                    "kept": kept,
                    "lost_shards": again,
                    "ended": "by itself" if ended else "killed",
                }
            )
        _run(listing, folder, None)
        _run(listing, Path(place) / "peace", None)
        first, second = (_whole(folder), _whole(Path(place) / "peace"))
        different = int((first != second).sum()) if first.shape == second.shape else first.size
    return Killed(rows, different, most)


def _run(listing: Path, folder: Path, after: int | None) -> tuple[int, int, bool]:
    """Extract, and kill it after so many images; images done at first and at last."""
    command = [sys.executable, "-m", "benchmarks.extract_kill", str(listing), str(folder)]
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        begun = reached = -1
        for line in child.stdout:
            reached = int(line)
            begun = reached if begun < 0 else begun
            if after is not None and reached - begun >= after:
                child.kill()
                break
        rest = child.stdout.read().split()
        child.wait()
    reached = max([reached, *map(int, rest)])
    return max(begun, 0), max(reached, 0), child.returncode == 0


def _kept(folder: Path) -> int:
    return len({d for file in folder.glob("*/*.digests") for d in _digests(file)})


def _digests(file: Path) -> list[str]:
    return file.read_text("ascii").split() if file.with_suffix(".npy").is_file() else []


def _whole(folder: Path) -> Any:
    (file,) = (f for f in folder.glob("*/*.npy") if not f.name.startswith("shard-"))
    return np.load(file)


def _child(listing: Path, folder: Path) -> None:
    from air_core.features import extract_features, get_backbone
    from air_core.images import load_rgb
    from air_core.quarantine import content_digest

    files = [Path(name) for name in json.loads(listing.read_text())]
    extract_features(
        files,
        [content_digest(file) for file in files],
        folder,
        spec=get_backbone("efficientnet-lite0"),
        load=load_rgb,
        device="cpu",
        progress=lambda done, total, note: print(done, flush=True),
    )


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    _child(Path(sys.argv[1]), Path(sys.argv[2]))
