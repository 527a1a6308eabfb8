"""What decides a map: method, seed, how many neighbours count, and which images are laid out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from air_core.errors import SolverError

Method = Literal["tsne", "umap"]
METHODS: dict[str, str] = {"tsne": "t-SNE", "umap": "UMAP"}
"""Name → title; the first is the paper's (Figure 1) and the default."""

_OWN = {"tsne": ("perplexity",), "umap": ("n_neighbors", "min_dist")}
_RANGES = {"perplexity": (2, 500), "n_neighbors": (2, 200), "min_dist": (0, 0.99)}


@dataclass(frozen=True, slots=True)
class MapSettings:
    """What a map is made with; equal settings on equal features give the same map.

    Parameters
    ----------
    method : {"tsne", "umap"}
    seed : int
        At least 0.
    perplexity : float
        t-SNE: about how many neighbours pull at an image, 2 … 500; less where there are few
        images.
    n_neighbors : int
        UMAP: how many neighbours pull at an image, 2 … 200; less where there are few images.
    min_dist : float
        UMAP: how close images may come, 0 … 0.99.
    sample : int or None
        Lay out only so many images, drawn at random by the seed, and place each other image
        among its nearest neighbours there; None lays out all.

    Raises
    ------
    SolverError
        For an unknown method or a number out of its range.

    Examples
    --------
    >>> MapSettings("umap", seed=3, min_dist=0.5).title
    'UMAP · distance 0.5 · seed 3'
    >>> MapSettings("tsne", min_dist=0.5).record() == MapSettings("tsne").record()
    True
    """

    method: str = "tsne"
    seed: int = 0
    perplexity: float = 30.0
    n_neighbors: int = 15
    min_dist: float = 0.1
    sample: int | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise SolverError(
                f"Expected a projection among {', '.join(METHODS)}, got {self.method!r}."
            )
        if self.seed < 0:
            raise SolverError(f"Expected a seed of 0 or more, got {self.seed}.")
        for name in _OWN[self.method]:
            low, high = _RANGES[name]
            if not low <= getattr(self, name) <= high:
                raise SolverError(
                    f"Expected {name} between {low} and {high}, got {getattr(self, name)}."
                )
        if self.sample is not None and self.sample < 4:
            raise SolverError(f"Expected a sample of at least 4 images, got {self.sample}.")

    def record(self) -> dict[str, Any]:
        """Only what bears on this method, for JSON."""
        kept = {"method", "seed", "sample", *_OWN[self.method]}
        return {name: value for name, value in asdict(self).items() if name in kept}

    @property
    def title(self) -> str:
        """For people: what differs from the defaults, and the seed."""
        usual, parts = MapSettings(self.method), [METHODS[self.method]]
        if self.perplexity != usual.perplexity and self.method == "tsne":
            parts.append(f"perplexity {self.perplexity:g}")
        if self.n_neighbors != usual.n_neighbors and self.method == "umap":
            parts.append(f"{self.n_neighbors} neighbours")
        if self.min_dist != usual.min_dist and self.method == "umap":
            parts.append(f"distance {self.min_dist:g}")
        if self.sample is not None:
            parts.append(f"{self.sample:,} laid out")
        return " · ".join([*parts, f"seed {self.seed}"])
