"""Every backbone by its name: built in, of other libraries, or in a file."""

from __future__ import annotations

from collections.abc import Callable

from air_core.errors import FeatureError
from air_core.features.backbones import BACKBONES, BackboneSpec
from air_core.features.libraries import of_open_clip, of_timm
from air_core.features.onnx_models import of_onnx
from air_core.features.torchvision_models import TORCHVISION

BACKBONES.update(TORCHVISION)

KINDS: dict[str, Callable[[str], BackboneSpec]] = {
    "timm": of_timm,
    "open_clip": of_open_clip,
    "onnx": of_onnx,
}
"""What may stand before the colon of a name: ``timm:NAME``, ``open_clip:MODEL/TAG``,
``onnx:FILE``."""


def get_backbone(name: str) -> BackboneSpec:
    """Look a backbone up by its name.

    Parameters
    ----------
    name : str
        A key of :data:`BACKBONES`, or one of :data:`KINDS`, a colon and what that library calls
        it.

    Raises
    ------
    FeatureError
        If there is none of that name, or the library it comes from is not installed.

    Examples
    --------
    >>> get_backbone("efficientnet-lite0").dim
    1280
    """
    if name in BACKBONES:
        return BACKBONES[name]
    kind, _, rest = name.partition(":")
    if rest and kind in KINDS:
        return KINDS[kind](rest)
    raise FeatureError(
        f"Expected one of the backbones {', '.join(BACKBONES)}, got {name!r}.",
        hint="Others: timm:NAME, open_clip:MODEL/TAG, onnx:FILE.",
    )
