"""Training in rounds, each from the published weights, each on better labels than the last.

A network that is fine-tuned on noisy labels learns what most images of a class have in common
first and the wrong labels later. So a round is short, an image's margin is averaged over the
epochs and rounds, and a round after the first learns from labels moved towards that opinion.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from air_core.features.inner import InnerMaps
from air_core.features.views import WHOLE
from air_core.progress import ProgressCallback, silent
from air_core.ranking import margins
from air_core.refining.checkpoint import load_checkpoint, save_checkpoint
from air_core.refining.config import RefineConfig
from air_core.refining.network import (
    TopNetwork,
    build_network,
    half_precision,
    mixed_precision,
    move_average,
    readings,
)
from air_core.refining.targets import Known
from air_core.solver import AuxiliaryImageRegularizer

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Refined:
    """What the training found.

    Parameters
    ----------
    features : ndarray of shape (n, p), dtype float32
        Non-negative, of the last round's network, averaged over the views of the whole image.
    probabilities : ndarray of shape (n, C), dtype float32
        Averaged over views, epochs and rounds.
    margins : ndarray of shape (n,), dtype float64
        Of the given label, averaged over epochs and rounds; NaN where there is none.
    coef : ndarray of shape (p, C), intercept : ndarray of shape (C,)
        The top layer, for these features.
    history : tuple of dict
        One record an epoch.
    """

    features: Floats
    probabilities: Floats
    margins: NDArray[np.float64]
    coef: Floats
    intercept: Floats
    history: tuple[dict[str, float], ...]


class _Training:
    """Networks, optimizer and opinions; what a checkpoint holds."""

    def __init__(
        self,
        inner: InnerMaps,
        above: nn.Module,
        p: int,
        known: Known,
        config: RefineConfig,
        device: torch.device,
    ) -> None:
        self.inner, self.above, self.p = inner, above, p
        self.known, self.config, self.device = known, config, device
        self.penalty = AuxiliaryImageRegularizer(config.lambda_scale)
        self.steps = -(-len(known.rows) // config.batch_size)
        self.views = [view for view in WHOLE if view < inner.views]
        self.done = 0
        self.opinion = np.zeros((len(inner), known.n_classes), dtype=np.float32)
        self.margins = np.zeros(len(inner))
        self.history: list[dict[str, float]] = []
        self.begin_round()

    def begin_round(self) -> None:
        """Published weights, a top layer at zero, and the labels of this round."""
        c = self.config
        self.network = build_network(
            self.above, self.inner, self.p, self.known.n_classes, self.device
        )
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": list(self.network.above.parameters()), "most": c.rate},
                {"params": list(self.network.top.parameters()), "most": c.top_rate},
            ],
            lr=c.rate,
            weight_decay=c.weight_decay,
        )
        half = half_precision(self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half is torch.float16)
        self.targets = torch.from_numpy(
            self.known.corrected(self.opinion / np.float32(self.done), c.trust)
            if self.done
            else self.known.as_given()
        )

    def state(self) -> dict[str, Any]:
        """All that the next epoch depends on."""
        return {
            "done": self.done,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "opinion": torch.from_numpy(self.opinion),
            "margins": torch.from_numpy(self.margins),
            "targets": self.targets,
            "history": self.history,
        }

    def take_up(self, state: dict[str, Any]) -> None:
        """Continue from :meth:`state`."""
        self.done, self.history = state["done"], state["history"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.opinion = state["opinion"].cpu().numpy()
        self.margins = state["margins"].cpu().numpy()
        self.targets = state["targets"].cpu()

    def epoch(self, progress: ProgressCallback) -> None:
        """Train on every labelled image once, then ask the average network about all images."""
        c, rows = self.config, self.known.rows
        # A stream of its own for each epoch: a resumed training draws what an unbroken one does.
        rng = np.random.default_rng([c.seed, self.done])
        order = rng.permutation(rows)
        first = (self.done % c.epochs) * self.steps
        total, loss = c.rounds * c.epochs * len(rows), 0.0
        for step in range(self.steps):
            some = order[step * c.batch_size : (step + 1) * c.batch_size]
            loss += self._step(some, first + step, rng) * len(some)
            at = self.done * len(rows) + step * c.batch_size + len(some)
            progress(at, total, "Training the last blocks")
        self.done += 1
        self.history.append({"epoch": float(self.done), "loss": loss / len(rows)})
        found = np.zeros_like(self.opinion)
        for view in self.views:
            for part, probabilities, _ in readings(self.average, self.inner, view, self.device):
                found[part] += probabilities / len(self.views)
                progress(self.done * len(rows), total, "Training the last blocks")
        self.opinion += found
        self.margins += margins(found, self.known.given)

    def _step(self, rows: NDArray[np.intp], step: int, rng: np.random.Generator) -> float:
        c = self.config
        maps = self.inner.take(rows, rng.integers(0, self.inner.views, len(rows)))
        mirrored = torch.from_numpy(rng.random(len(rows)) < 0.5)
        maps = torch.where(mirrored[:, None, None, None], maps.flip(3), maps).to(self.device)
        wanted = self.targets[torch.from_numpy(rows)].to(self.device)
        wanted = wanted * (1 - c.smoothing) + c.smoothing / wanted.shape[1]
        if c.mixup:
            share = rng.beta(c.mixup, c.mixup)
            other = torch.from_numpy(rng.permutation(len(rows))).to(self.device)
            maps = share * maps + (1 - share) * maps[other]
            wanted = share * wanted + (1 - share) * wanted[other]
        for group in self.optimizer.param_groups:
            group["lr"] = group["most"] * self._pace(step)
        with mixed_precision(self.device):
            scores, features = self.network(
                maps.contiguous(memory_format=torch.channels_last)
                if half_precision(self.device)
                else maps.float().contiguous(memory_format=torch.channels_last)
            )
        loss = -(wanted * functional.log_softmax(scores, dim=1)).sum(dim=1).mean()
        loss = loss + self.penalty(features, self.network.top.weight)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        # The first steps count for little, so that the average soon forgets the start.
        move_average(self.average, self.network, min(c.average, (1 + step) / (10 + step)))
        return float(loss.detach())

    def _pace(self, step: int) -> float:
        """Share of the largest rate: up over half an epoch, then down along a cosine."""
        rise = min(1.0, (step + 1) / max(1.0, self.steps / 2))
        return rise * 0.5 * (1 + math.cos(math.pi * step / (self.steps * self.config.epochs)))


def refine(
    inner: InnerMaps,
    above: nn.Module,
    known: Known,
    *,
    p: int,
    config: RefineConfig,
    device: torch.device,
    checkpoint: Path,
    key: str,
    progress: ProgressCallback = silent,
) -> Refined:
    """Train, from the last finished epoch on where there is one.

    Parameters
    ----------
    inner : InnerMaps
        Of n images.
    above : torch.nn.Module
        Inner maps to features (b, p), with the published weights; it is not changed.
    known : Known
    p : int
    config : RefineConfig
    device : torch.device
    checkpoint : Path
        Written after every epoch.
    key : str
        Names this training; see :func:`~air_core.refining.checkpoint.training_key`.
    progress : callable
        May raise :class:`~air_core.errors.Cancelled`: finished epochs are kept.

    Returns
    -------
    Refined
        Of the same seed, device and number of threads, stopped or not: the same numbers.
    """
    training = _Training(inner, above, p, known, config, device)
    state = load_checkpoint(checkpoint, key, device)
    if state is not None:
        training.take_up(state)
    while training.done < config.rounds * config.epochs:
        if training.done and training.done % config.epochs == 0:
            training.begin_round()
        training.epoch(progress)
        save_checkpoint(checkpoint, key, training.state())
    return _found(training)


def _found(training: _Training) -> Refined:
    network: TopNetwork = training.average
    features = np.zeros((len(training.inner), training.p), dtype=np.float32)
    for view in training.views:
        for part, _, some in readings(network, training.inner, view, training.device):
            features[part] += some / len(training.views)
    top = network.top.weight.detach() / network.scale
    return Refined(
        features=features,
        probabilities=training.opinion / np.float32(training.done),
        margins=training.margins / training.done,
        coef=top.cpu().numpy().T,
        intercept=network.top.bias.detach().cpu().numpy(),
        history=tuple(training.history),
    )
