"""Where to compute."""

from __future__ import annotations

import torch

from air_core.errors import FeatureError


def resolve_device(device: str = "auto") -> torch.device:
    """Pick the device to compute on.

    Parameters
    ----------
    device : str
        ``"auto"`` takes CUDA, then MPS, then the CPU; else any torch device name.

    Raises
    ------
    FeatureError
        If the named device does not exist here.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise FeatureError(
            f"Expected a torch device that exists here, got {device!r}: "
            f"{str(error).splitlines()[0]}",
            hint="Use --device auto or --device cpu.",
        ) from error
    return chosen


def accelerator_name() -> str | None:
    """Name of the CUDA device that ``"auto"`` would take, or None."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 matrices faster than float32 ones.

    Examples
    --------
    >>> isinstance(has_bfloat16(torch.device("cpu")), bool)
    True
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
