"""What every WHAT is given."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from air_core.features import get_backbone
from air_core.progress import ProgressCallback, silent


@dataclass(frozen=True, slots=True)
class Context:
    """Where data come from, what looks at them, and where results go.

    Parameters
    ----------
    data : Path
        Folder of data sets.
    out : Path
        Folder of results.
    backbone : str
        Registry name of the network whose features are used.
    weights : Path, optional
        A local state dict for it.
    device : str
    download : bool
        Whether torchvision may fetch what is not there.
    images : int
        Most training images taken of a set; a fifth as many test images.
    progress : callable
    """

    data: Path
    out: Path
    backbone: str = "efficientnet-lite0"
    weights: Path | None = None
    device: str = "auto"
    download: bool = False
    images: int = 10_000
    progress: ProgressCallback = silent

    def described(self) -> str:
        """Network and weights, in words."""
        spec = get_backbone(self.backbone)
        if self.weights is not None:
            digest = hashlib.blake2b(self.weights.read_bytes(), digest_size=8).hexdigest()
            return f"{spec.title}, weights of {self.weights.name} (BLAKE2b {digest})"
        origin = "fetched by torchvision" if spec.needs_download else "of its Python package"
        return f"{spec.title}, published weights {origin}"
