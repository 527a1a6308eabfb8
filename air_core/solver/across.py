"""Rows that lie in several processes: the sums over all of them that a solver needs.

Each process holds some rows of X and their labels. What depends on single rows stays with them; p×C
arrays, C×C ones for the bias, and once p×p second moments are added up over all processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed

double = torch.float64
"""So exact that the number of processes does not show in the first five digits of a result."""


class Across:
    """All rows are in this process: sums are what they are.

    Attributes
    ----------
    rank, size : int
        Which of how many processes this is.
    """

    rank, size = 0, 1

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of a tensor over the processes, in each of them."""
        return values

    def largest(self, values: torch.Tensor) -> torch.Tensor:
        """The largest of each entry over the processes, in each of them."""
        return values

    def same(self, values: torch.Tensor) -> torch.Tensor:
        """The tensor of the first process, in each of them."""
        return values

    def total(self, value: float) -> float:
        """The sum of a number over the processes, in each of them."""
        return value

    def rows(self, n: int) -> slice:
        """Which of n rows are this process's."""
        return slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)


class Together(Across):
    """Rows are spread over the processes of a :mod:`torch.distributed` group.

    Each process calls :func:`torch.distributed.init_process_group` first, as under torchrun.

    Parameters
    ----------
    device : torch.device
        Where numbers are added up: a GPU with NCCL, the CPU with Gloo.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        total = values.clone()
        distributed.all_reduce(total)
        return total

    def largest(self, values: torch.Tensor) -> torch.Tensor:
        found = values.clone()
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return found

    def same(self, values: torch.Tensor) -> torch.Tensor:
        found = values.clone()
        distributed.broadcast(found, 0)
        return found

    def total(self, value: float) -> float:
        return float(self.sum(torch.tensor(value, dtype=torch.float64, device=self.device)))


ALONE = Across()


@contextmanager
def together(device: torch.device) -> Iterator[Together]:
    """The group of the processes that torchrun started: NCCL between GPUs, Gloo between CPUs.

    Parameters
    ----------
    device : torch.device
        With CUDA each process takes the GPU of its place on its machine.
    """
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Together(device)
    finally:
        distributed.destroy_process_group()
