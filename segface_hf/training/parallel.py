"""Data-parallel training: threads of one process, and several processes connected by gloo.

`accelerate launch` starts the processes. Each draws the whole batch, since sampling is seeded, and
computes gradients on its share; gradients and running statistics are summed once a step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor, nn

from segface_hf.errors import ConfigError

Item = TypeVar("Item")
Part = TypeVar("Part")  # anything that can be sliced


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a training run.

    Attributes:
        size: Number of processes.
        rank: Index of this process; only rank 0, the main process, writes and prints.
    """

    size: int = 1
    rank: int = 0

    @classmethod
    def here(cls) -> ProcessGroup:
        """Joins the processes that `accelerate launch` started; otherwise a group of one.

        Raises:
            ConfigError: Several processes run, but accelerate is not installed.
        """
        if not torch.distributed.is_torchelastic_launched():
            return cls()
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise ConfigError(
                "several processes need accelerate: install `pip install 'segface-hf[train]'`"
            ) from error
        state = PartialState(cpu=True)
        return cls(state.num_processes, state.process_index)

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def part(self, items: Part) -> Part:
        """Returns this process's part of the items; the parts are disjoint and complete."""
        return items[self.rank :: self.size]  # type: ignore[index]

    def sum(self, values: Tensor) -> Tensor:
        """Sums a tensor over all processes, in place, and returns it."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
        return values

    def sum_all(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Sums several float32 tensors over all processes in one exchange; returns new tensors."""
        if self.size == 1 or not values:
            return list(values)
        flat = self.sum(torch.cat([value.detach().float().flatten() for value in values]))
        parts = flat.split([value.numel() for value in values])
        return [part.view_as(value) for part, value in zip(parts, values, strict=True)]

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        return bool(self.sum(torch.tensor(int(flag))))

    def broadcast(self, value: Item) -> Item:
        """Returns the main process's value in every process."""
        if self.size == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Runs a block in the main process first, for files that all processes read."""
        if not self.is_main:
            self.any(False)
        yield
        if self.is_main:
            self.any(False)

    def close(self) -> None:
        """Waits for all processes, then closes the connection."""
        if self.size > 1:
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()


LossOf = Callable[[nn.Module, Tensor, Tensor], Tensor]


class ThreadReplicas:
    """Splits batches over replicas of a model, one thread each, in all processes.

    Args:
        model: Holds the parameters and receives the gradients of the whole batch.
        workers: Number of replicas in all processes, `model` included.
        processes: The processes that train together.

    Raises:
        ConfigError: The number of workers is not a multiple of the number of processes.
    """

    def __init__(
        self, model: nn.Module, workers: int, *, processes: ProcessGroup | None = None
    ) -> None:
        self._processes = processes or ProcessGroup()
        self._workers, size = workers, self._processes.size
        if workers % size:
            raise ConfigError(
                f"{size} processes share {workers} workers: set `workers` in the recipe to a "
                f"multiple of {size}. Results depend on `workers`, not on the number of processes"
            )
        here = workers // size
        self._members = [model, *(copy.deepcopy(model) for _ in range(here - 1))]

    def backward(self, images: Tensor, masks: Tensor, loss_of: LossOf) -> float:
        """Adds the gradients of a batch to the model and returns its loss.

        The result depends on the number of workers, because batch norm sees smaller batches. Up to
        the order of sums it doesn't depend on the number of processes.

        Args:
            images: (B, 3, H, W), the whole batch in every process.
            masks: (B, H, W).
            loss_of: From a replica and its share of the batch to the mean loss over that share.
        """
        shares = list(zip(images.chunk(self._workers), masks.chunk(self._workers), strict=True))
        first = self._processes.rank * len(self._members)
        ours = shares[first : first + len(self._members)]
        for replica in self._members[1 : len(ours)]:
            replica.load_state_dict(self._members[0].state_dict())
            replica.zero_grad(set_to_none=True)

        def work(member: nn.Module, share: tuple[Tensor, Tensor]) -> float:
            loss = loss_of(member, *share) * (len(share[0]) / len(images))
            loss.backward()
            return float(loss.detach())

        if len(shares) == 1 == self._processes.size:
            return work(self._members[0], shares[0])
        active = self._members[: len(ours)]
        with ThreadPoolExecutor(max(1, len(active))) as pool:
            losses = list(pool.map(work, active, ours))
        _gather(self._members[0], active, self._processes, shares=len(shares))
        return float(self._processes.sum(torch.tensor(sum(losses), dtype=torch.float64)))


@torch.no_grad()
def _gather(
    model: nn.Module, active: Sequence[nn.Module], processes: ProcessGroup, *, shares: int
) -> None:
    """Sums gradients and averages running statistics over the replicas of all processes."""
    parameters = list(model.parameters())
    for ours, *others in zip(*(member.parameters() for member in active), strict=True):
        for other in others:
            if other.grad is not None:
                ours.grad = other.grad if ours.grad is None else ours.grad + other.grad
    # Parameters without a gradient keep none: zeros would still let weight decay change them.
    touched = processes.sum(torch.tensor([value.grad is not None for value in parameters]).int())
    trained = [value for value, count in zip(parameters, touched.tolist(), strict=True) if count]
    grads = [torch.zeros_like(v) if v.grad is None else v.grad for v in trained]
    for parameter, grad in zip(trained, processes.sum_all(grads), strict=True):
        parameter.grad = grad
    statistics = [value for value in model.buffers() if value.is_floating_point()]
    seen = [[v for v in member.buffers() if v.is_floating_point()] for member in active]
    sums = [torch.stack(values).sum(0) for values in zip(*seen, strict=True)]
    sums = processes.sum_all(sums or [torch.zeros_like(value) for value in statistics])
    for value, total in zip(statistics, sums, strict=True):
        value.copy_(total / shares)
