"""Backbones from ONNX files, computed by ONNX Runtime (the extra ``onnx``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from air_core.errors import FeatureError
from air_core.features.backbones import IMAGENET_MEAN, IMAGENET_STD, BackboneSpec, StateDict
from air_core.features.libraries import library


def of_onnx(file: str) -> BackboneSpec:
    """The network in an ONNX file: one input (b, 3, s, s), features as its first output.

    The input is RGB, normalised by ImageNet's mean and standard deviation. An output of maps
    (b, p, h, w) is averaged over the image.

    Raises
    ------
    FeatureError
        If ONNX Runtime is missing, the file cannot be read, or its shapes are others.
    """
    path = Path(file)
    if not path.is_file():
        raise FeatureError(f"Expected an ONNX file, found none at {path}.")
    data = path.read_bytes()
    session = _session(data, path.name)
    inputs = session.get_inputs()
    shape = inputs[0].shape
    if len(inputs) != 1 or len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
        raise FeatureError(
            f"Expected one input of shape (batch, 3, s, s) in {path.name}, got "
            f"{[list(one.shape) for one in inputs]}.",
            hint="Export the network with channels first and a square input.",
        )
    if not isinstance(shape[2], int):
        raise FeatureError(
            f"Expected the side of the input to be a number in {path.name}, got {shape[2]!r}.",
            hint="Only the batch may be dynamic.",
        )
    size = shape[2]
    probe = _run(session, np.zeros((1, 3, size, size), dtype=np.float32))
    if probe.ndim != 2:
        raise FeatureError(
            f"Expected features of shape (batch, p) or (batch, p, h, w) from {path.name}, got "
            f"{list(probe.shape)}.",
        )

    def contents() -> StateDict:
        # As a tensor, so that the digest of weights is one of this file.
        return {"onnx": torch.frombuffer(bytearray(data), dtype=torch.uint8)}

    return BackboneSpec(
        name=f"onnx:{path.resolve()}",
        title=f"{path.stem} (ONNX)",
        dim=int(probe.shape[1]),
        input_size=int(size),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        assemble=lambda state: _OnnxModule(state["onnx"].numpy().tobytes(), path.name),
        default_weights=contents,
        needs_download=False,
    )


class _OnnxModule(nn.Module):
    """A session of ONNX Runtime where a module is expected."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__()
        self.session = _session(data, name)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        array = images.contiguous(memory_format=torch.contiguous_format).cpu().numpy()
        return torch.from_numpy(_run(self.session, array)).to(images.device)


def _session(data: bytes, name: str) -> Any:
    runtime = library("onnxruntime", "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # there is a stream for each core
    try:
        return runtime.InferenceSession(
            data, sess_options=options, providers=runtime.get_available_providers()
        )
    except Exception as error:  # each provider raises types of its own
        raise FeatureError(
            f"Expected a network in {name}, got: {str(error).splitlines()[0]}",
            hint="Export it again, for example with torch.onnx.export.",
        ) from error


def _run(session: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """First output for images (b, 3, s, s), maps averaged; in parts where the file fixes b."""
    (one,) = session.get_inputs()
    step = one.shape[0] if isinstance(one.shape[0], int) else len(images)
    parts = []
    for start in range(0, len(images), step):
        part = images[start : start + step]
        whole = np.pad(part, ((0, step - len(part)), (0, 0), (0, 0), (0, 0)))
        found = session.run(None, {one.name: whole})[0]
        parts.append((found.mean(axis=(2, 3)) if found.ndim == 4 else found)[: len(part)])
    return np.concatenate(parts).astype(np.float32, copy=False)
