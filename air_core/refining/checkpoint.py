"""Where a training stands, on disk after every epoch, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from air_core.atomic import atomic_write

_FORMAT = 1


def save_checkpoint(path: Path, key: str, state: Mapping[str, Any]) -> None:
    """Store tensors, numbers, texts, and lists and mappings of them.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    key : str
        Names the training: another one will not take this checkpoint up.
    state : mapping
    """
    with atomic_write(path) as file:
        torch.save({"format": _FORMAT, "key": key, "state": dict(state)}, file)


def load_checkpoint(path: Path, key: str, device: torch.device) -> dict[str, Any] | None:
    """What :func:`save_checkpoint` stored; None if there is none of this training.

    Nothing in the file is run. A damaged file counts as none: the training then starts anew.
    """
    if not path.is_file():
        return None
    try:
        found = torch.load(path, map_location=device, weights_only=True)
        if found["format"] != _FORMAT or found["key"] != key:
            return None
        state: dict[str, Any] = found["state"]
    except Exception:  # torch raises a dozen types for a damaged file
        return None
    return state


def training_key(**inputs: Any) -> str:
    """Text that two trainings share if they must give the same result."""
    return json.dumps(inputs, sort_keys=True)
