"""The process behind :mod:`air_core.projection.process`: one map, then it ends.

One job as a line of JSON on standard input, reports as lines of JSON on standard output.
"""

from __future__ import annotations

import json
import os
import sys
import threading

import numpy as np

from air_core.errors import AirError
from air_core.projection.layout import project
from air_core.projection.settings import MapSettings

_NICE = 5  # the interface goes first


def main() -> None:
    """Compute the map that standard input asks for."""
    # Libraries print; only reports may go to the parent.
    reports, sys.stdout = sys.stdout, sys.stderr
    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICE)

    def report(**message: object) -> None:
        print(json.dumps(message), file=reports, flush=True)

    try:
        layout = project(
            np.load(job["features"], mmap_mode="r"),
            MapSettings(**job["settings"]),
            progress=lambda done, total, note: report(done=done, total=total, note=note),
        )
    except AirError as error:
        report(error=error.message)
        return
    np.save(job["target"], layout, allow_pickle=False)


def _end_with_parent() -> None:
    # The descriptor itself: a buffered reader's lock would be held when Python shuts down.
    while os.read(0, 64):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
