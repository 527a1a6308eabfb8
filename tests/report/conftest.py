from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from air_core.dataset import tags_text
from air_core.labels import Decision
from air_core.workspace import Workspace
from tests.conftest import PaintImage

HOSTILE = ("=1+1", "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "@SUM(A1)")
Made = Callable[..., Workspace]


@pytest.fixture
def make(tmp_path: Path, paint: PaintImage) -> Iterator[Made]:
    """A workspace of one image for each label given; tags if these are lists."""
    opened = []

    def build(labels: list[object], *, names: list[str] | None = None) -> Workspace:
        folder = tmp_path / "source"
        lines = ["path,label"]
        for number, label in enumerate(labels):
            name = names[number] if names else f"{number:02}.png"
            paint(folder / name, (number, 90, 200 - number))
            text = tags_text(label) if isinstance(label, list) else str(label)
            cells = (cell.replace('"', '""') for cell in (name, text))
            lines.append(",".join(f'"{cell}"' for cell in cells))
        (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        opened.append(Workspace.create(tmp_path / "ws", folder))
        return opened[-1]

    yield build
    for workspace in opened:
        workspace.close()


def decide(
    workspace: Workspace, row: int, what: str, reviewer: str = "ana", **more: object
) -> None:
    """A label for the image in a row, or ``keep``, ``exclude``, ``unsure``."""
    item = str(workspace.dataset.item_ids[row])
    plain = what in ("keep", "exclude", "unsure")
    decision = Decision(
        item,
        what if plain else "relabel",  # type: ignore[arg-type]
        label=None if plain else what,
        **more,  # type: ignore[arg-type]
    )
    workspace.decide([decision], reviewer=reviewer)
