"""CudaConv, and the noise layer of Sukhbaatar et al. on top of it: Figure 2's other two methods.

The network sees images, not features: it is trained from nothing. The noise layer is a matrix of
chances of each given label where the true one is known, learned along with the network; at test
time it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from air_core.baselines.simplex import led_by_diagonal, nearest_distributions
from air_core.errors import SolverError
from air_core.progress import ProgressCallback, silent

SIDE = 32
CUT = 24
_MIDDLE = slice((SIDE - CUT) // 2, (SIDE + CUT) // 2)
_JUDGED_AT_ONCE = 1000


class CudaConv(nn.Module):
    """Three convolutional layers and a linear one: Krizhevsky's small network for CIFAR-10.

    5×5 convolutions to 32, 32 and 64 maps, each rectified and pooled 3×3 with stride 2 (the
    largest first, then averages), then scores of C classes. It sees 24×24 of 32×32 pixels.

    Parameters
    ----------
    n_classes : int

    Examples
    --------
    >>> CudaConv(10)(torch.zeros(2, 3, 24, 24)).shape
    torch.Size([2, 10])
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(3, 32, 5, padding=2), nn.MaxPool2d(3, 2, ceil_mode=True), nn.ReLU(),
            nn.Conv2d(32, 32, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.AvgPool2d(3, 2, ceil_mode=True),
        )  # fmt: skip
        self.top = nn.Linear(64 * 3 * 3, n_classes)
        for layer in self.maps:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores (b, C) of images (b, 3, 24, 24)."""
        scores: torch.Tensor = self.top(self.maps(images).flatten(1))
        return scores


class NoiseLayer(nn.Module):
    """Chances of the given labels from those of the true ones: ``P(given) = P(true) Q``.

    Q starts as the identity. A small trace is what tells the noise from the network's own
    mistakes: of all Q that explain the given labels as well, the true one has the least trace
    where it is largest on its diagonal. It is kept largest there, for else classes would trade
    places: a network that calls cats dogs, under a Q that calls dogs cats, explains the given
    labels as well.

    Parameters
    ----------
    n_classes : int
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.transition = nn.Parameter(torch.eye(n_classes))

    def forward(self, log_chances: torch.Tensor) -> torch.Tensor:
        """Logarithms (b, C) of the chances of given labels from those of true ones."""
        mixed: torch.Tensor = log_chances.exp() @ self.transition
        return mixed.clamp_min(1e-12).log()

    @torch.no_grad()
    def project(self) -> None:
        """Move each row to the nearest distribution that is largest on the diagonal."""
        self.transition.copy_(nearest_distributions(led_by_diagonal(self.transition)))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How CudaConv is trained; the defaults suit a CPU and some ten thousand images.

    Parameters
    ----------
    epochs : int
    warm_up : int
        Epochs before Q is let go from the identity: a network that knows nothing yet would let Q
        explain everything, and merge classes.
    learning_rate, momentum, weight_decay : float
        Of stochastic gradient descent; the rate rises over the first epochs and falls to zero.
    noise_rate : float
        Learning rate of Q when it is let go; it falls to zero with the last step. A large one
        lets the chance of single batches carry Q away.
    trace : float
        Weight of the trace of Q over C, added to the mean cross-entropy. A network that was
        trained on noisy labels gives the noise as its own doubt, and the likelihood is the same
        wherever that doubt is kept, in the network or in Q: the trace is what moves it into Q.
    trace_until : float
        Share of the epochs with Q free over which the trace's weight falls to zero. Kept to the
        end, it would leave Q's diagonal smaller than the noise makes it.
    batch_size : int
    """

    epochs: int = 30
    warm_up: int = 15
    learning_rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 1e-3
    noise_rate: float = 0.03
    trace: float = 0.3
    trace_until: float = 0.7
    batch_size: int = 64

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate", "batch_size", "trace_until"):
            if not getattr(self, name) > 0:
                raise SolverError(f"Expected {name} > 0, got {getattr(self, name)!r}.")


@dataclass(frozen=True, slots=True)
class ConvResult:
    """A trained network.

    Parameters
    ----------
    network : CudaConv
    transition : ndarray of shape (C, C)
        The learned Q, true → given; the identity where none was learned.
    losses : tuple of float
        Mean cross-entropy of the given labels in each epoch.
    mean, deviation : ndarray of shape (3,)
        Of the training images' channels.
    """

    network: CudaConv = field(repr=False)
    transition: NDArray[np.float64]
    losses: tuple[float, ...]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.intp]:
        """The likeliest true class of each image of shape (3, 32, 32)."""
        device = next(self.network.parameters()).device
        found = []
        for start in range(0, len(images), _JUDGED_AT_ONCE):
            batch = torch.from_numpy(images[start : start + _JUDGED_AT_ONCE])
            with torch.inference_mode():
                pixels = _normalised(batch, self.mean, self.deviation)[..., _MIDDLE, _MIDDLE]
                scores = self.network(pixels.to(device))
            found.append(scores.argmax(dim=1).cpu().numpy())
        return np.concatenate(found).astype(np.intp)


def train_cudaconv(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer[Any]],
    *,
    n_classes: int,
    learn_noise: bool,
    schedule: Schedule | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: ProgressCallback = silent,
) -> ConvResult:
    """Train CudaConv on given labels, with or without the noise layer.

    Parameters
    ----------
    images : ndarray of shape (n, 3, 32, 32), dtype uint8
    labels : ndarray of shape (n,)
        Class indices, 0 … C−1.
    n_classes : int
        C.
    learn_noise : bool
        Whether to put the noise layer on top and learn it.
    schedule : Schedule, optional
    seed : int
        Of the first weights, the order of the images and their shifts.
    device, progress

    Returns
    -------
    ConvResult

    Raises
    ------
    SolverError
        For images of another shape, or labels out of range.
    """
    if images.ndim != 4 or images.shape[1:] != (3, SIDE, SIDE) or images.dtype != np.uint8:
        raise SolverError(
            f"Expected images of shape (n, 3, {SIDE}, {SIDE}) and dtype uint8, "
            f"got {images.shape} and {images.dtype}."
        )
    if len(labels) != len(images) or labels.min() < 0 or labels.max() >= n_classes:
        raise SolverError(f"Expected {len(images)} labels from 0 to {n_classes - 1}.")
    plan = schedule or Schedule()
    generator = torch.Generator().manual_seed(seed)
    network, noise = _start(n_classes, generator)
    network = network.to(device).to(memory_format=torch.channels_last)
    noise = noise.to(device)
    mean = (images.mean(axis=(0, 2, 3)) / 255).astype(np.float32)
    deviation = (images.std(axis=(0, 2, 3)) / 255).astype(np.float32)
    pixels = _normalised(torch.from_numpy(images), mean, deviation)
    targets = torch.from_numpy(np.asarray(labels, dtype=np.int64))
    steps = -(-len(images) // plan.batch_size)
    descent = torch.optim.SGD(
        network.parameters(),
        lr=plan.learning_rate,
        momentum=plan.momentum,
        weight_decay=plan.weight_decay,
        nesterov=True,
    )
    rate = torch.optim.lr_scheduler.OneCycleLR(
        descent, plan.learning_rate, total_steps=steps * plan.epochs, pct_start=0.2
    )
    noise_descent = torch.optim.SGD(noise.parameters(), lr=plan.noise_rate)
    let_go = steps * max(plan.epochs - plan.warm_up, 1)
    noise_fall = torch.optim.lr_scheduler.LinearLR(noise_descent, 1.0, 0.0, total_iters=let_go)
    losses = []
    for epoch in range(plan.epochs):
        noisy = learn_noise and epoch >= plan.warm_up
        total = 0.0
        for batch, at in _batches(pixels, plan.batch_size, generator):
            chances = network(batch.to(device)).log_softmax(dim=1)
            loss = functional.nll_loss(noise(chances) if noisy else chances, targets[at].to(device))
            total += loss.item() * len(at)
            if noisy:
                left = max(0.0, 1 - noise_fall.last_epoch / (plan.trace_until * let_go))
                loss = loss + left * plan.trace * noise.transition.trace() / n_classes
            descent.zero_grad(set_to_none=True)
            noise_descent.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            descent.step()
            rate.step()
            if noisy:
                noise_descent.step()
                noise_fall.step()
                noise.project()
        losses.append(total / len(images))
        progress(epoch + 1, plan.epochs, "Training CudaConv")
    return ConvResult(
        network=network.eval(),
        transition=noise.transition.detach().cpu().double().numpy(),
        losses=tuple(losses),
        mean=mean,
        deviation=deviation,
    )


def _start(n_classes: int, generator: torch.Generator) -> tuple[CudaConv, NoiseLayer]:
    """Networks as torch makes them, from a generator of one's own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
        return CudaConv(n_classes), NoiseLayer(n_classes)


def _normalised(
    images: torch.Tensor, mean: NDArray[np.float32], deviation: NDArray[np.float32]
) -> torch.Tensor:
    shape = (1, 3, 1, 1)
    pixels = images.float().div_(255).sub_(torch.from_numpy(mean).view(shape))
    pixels.div_(torch.from_numpy(deviation).view(shape))
    return pixels.contiguous(memory_format=torch.channels_last)


def _batches(
    pixels: torch.Tensor, size: int, generator: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches in a new order, each cut out somewhere and half of the images mirrored."""
    order = torch.randperm(len(pixels), generator=generator)
    for at in torch.split(order, size):
        top, left = torch.randint(0, SIDE - CUT + 1, (2,), generator=generator).tolist()
        batch = pixels[at][:, :, top : top + CUT, left : left + CUT]
        mirrored = torch.rand(len(at), generator=generator) < 0.5
        batch = torch.where(mirrored.view(-1, 1, 1, 1), batch.flip(3), batch)
        yield batch.contiguous(memory_format=torch.channels_last), at
