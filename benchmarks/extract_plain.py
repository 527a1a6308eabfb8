"""What one would write without this program: Pillow, torchvision's transforms, one network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from torchvision import transforms

from air_core.features import DEFAULT_BACKBONE, get_backbone

BATCH = 32


class PlainLoop:
    """The default backbone as its package gives it, in float32, one process, nothing overlapped."""

    def __init__(self) -> None:
        spec = get_backbone(DEFAULT_BACKBONE)
        self._network = EfficientNet.from_name("efficientnet-lite0")
        self._network.load_state_dict(spec.default_weights())
        self._network.eval()
        self._prepare = transforms.Compose(
            [
                transforms.Resize(
                    (spec.input_size, spec.input_size),
                    interpolation=transforms.InterpolationMode.BICUBIC,
                ),
                transforms.ToTensor(),
                transforms.Normalize(spec.mean, spec.std),
            ]
        )

    def run(self, files: Sequence[Path]) -> torch.Tensor:
        """Features of files, shape (n, p)."""
        found = []
        with torch.no_grad():
            for start in range(0, len(files), BATCH):
                batch = torch.stack(
                    [
                        self._prepare(Image.open(file).convert("RGB"))
                        for file in files[start : start + BATCH]
                    ]
                )
                found.append(self._network.extract_features(batch).mean(dim=(2, 3)))
        return torch.cat(found)
