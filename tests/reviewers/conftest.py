from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from air_core.labels import Decision, LabelEvent
from air_core.workspace import Workspace

Say = Callable[..., LabelEvent]


@pytest.fixture
def workspace(csv_source: Path, tmp_path: Path) -> Iterator[Workspace]:
    """``a`` cat, ``b`` dog, ``c`` cat, ``d`` emu; nothing decided."""
    made = Workspace.create(tmp_path / "ws", csv_source)
    yield made
    made.close()


@pytest.fixture
def item(workspace: Workspace) -> dict[str, str]:
    """Item id by the letter of its file."""
    dataset = workspace.dataset
    return {Path(p).stem: i for p, i in zip(dataset.paths, dataset.item_ids.tolist(), strict=True)}


@pytest.fixture
def say(workspace: Workspace, item: dict[str, str]) -> Say:
    """``say("ana", "a", "dog")``: a label, or ``keep``, ``exclude``, ``unsure``."""

    def record(reviewer: str, letter: str, what: str) -> LabelEvent:
        if what in ("keep", "exclude", "unsure"):
            decision = Decision(item[letter], what)  # type: ignore[arg-type]
        else:
            decision = Decision(item[letter], "relabel", label=what)
        return workspace.decide([decision], reviewer=reviewer)[0]

    return record
