"""Company: the processes, on one machine or several, that train one model together over gloo.

`accelerate launch` starts them. Each draws the whole batch, since choices are seeded, and learns
from its share of it; gradients and running statistics meet once a step.
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
class Company:
    """The processes of a run, this one among them.

    Attributes:
        size: How many there are.
        rank: The number of this one; 0 leads: it alone writes.
    """

    size: int = 1
    rank: int = 0

    @classmethod
    def here(cls) -> Company:
        """Joins the processes that `accelerate launch` started; a process alone is one of one.

        Raises:
            ConfigError: They were started, but accelerate is not installed.
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
    def leads(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    def part(self, items: Part) -> Part:
        """Returns this process's items; together they take each once."""
        return items[self.rank :: self.size]  # type: ignore[index]

    def sum(self, values: Tensor) -> Tensor:
        """Adds the values of all processes up, in place, and returns them."""
        if self.size > 1:
            torch.distributed.all_reduce(values)
        return values

    def sum_all(self, values: Sequence[Tensor]) -> list[Tensor]:
        """Adds up many float32 tensors in one exchange; returns new ones."""
        if self.size == 1 or not values:
            return list(values)
        flat = self.sum(torch.cat([value.detach().float().flatten() for value in values]))
        parts = flat.split([value.numel() for value in values])
        return [part.view_as(value) for part, value in zip(parts, values, strict=True)]

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process."""
        return bool(self.sum(torch.tensor(int(flag))))

    def told(self, value: Item) -> Item:
        """Returns the leader's value."""
        if self.size == 1:
            return value
        values = [value]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Lets the leader through before the others, for files that all of them use."""
        if not self.leads:
            self.any(False)
        yield
        if self.leads:
            self.any(False)

    def leave(self) -> None:
        """Ends the exchange, once everybody is done."""
        if self.size > 1:
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()


LossOf = Callable[[nn.Module, Tensor, Tensor], Tensor]


class Team:
    """Splits batches over a model and its replicas, here and in the other processes.

    Args:
        model: Holds the parameters; its gradients are those of the whole batch.
        workers: Members of the team in all processes, the models included.
        company: The processes.

    Raises:
        ConfigError: The workers can't be shared out evenly among the processes.
    """

    def __init__(self, model: nn.Module, workers: int, *, company: Company | None = None) -> None:
        self._company = company or Company()
        self._workers, size = workers, self._company.size
        if workers % size:
            raise ConfigError(
                f"{size} processes share {workers} workers: set `workers` in the recipe to a "
                f"multiple of {size}. It alone decides how batches are normalised, so one process "
                "with that recipe gives the same curve"
            )
        here = workers // size
        self._members = [model, *(copy.deepcopy(model) for _ in range(here - 1))]

    def backward(self, images: Tensor, masks: Tensor, loss_of: LossOf) -> float:
        """Adds the gradients of a batch to the model and returns its loss.

        The result depends on the number of workers (normalisation sees smaller batches), and on
        nothing else, up to the order of sums: not on how many processes they live in.

        Args:
            images: (B, 3, H, W), the whole batch in every process.
            masks: (B, H, W).
            loss_of: From a member and its share of the batch to the mean loss over that share.
        """
        shares = list(zip(images.chunk(self._workers), masks.chunk(self._workers), strict=True))
        first = self._company.rank * len(self._members)
        ours = shares[first : first + len(self._members)]
        for replica in self._members[1 : len(ours)]:
            replica.load_state_dict(self._members[0].state_dict())
            replica.zero_grad(set_to_none=True)

        def work(member: nn.Module, share: tuple[Tensor, Tensor]) -> float:
            loss = loss_of(member, *share) * (len(share[0]) / len(images))
            loss.backward()
            return float(loss.detach())

        if len(shares) == 1 == self._company.size:
            return work(self._members[0], shares[0])
        active = self._members[: len(ours)]
        with ThreadPoolExecutor(max(1, len(active))) as pool:
            losses = list(pool.map(work, active, ours))
        _gather(self._members[0], active, self._company, shares=len(shares))
        return float(self._company.sum(torch.tensor(sum(losses), dtype=torch.float64)))


@torch.no_grad()
def _gather(
    model: nn.Module, active: Sequence[nn.Module], company: Company, *, shares: int
) -> None:
    """Adds gradients up, and averages running statistics, over the members of all processes."""
    parameters = list(model.parameters())
    for ours, *others in zip(*(member.parameters() for member in active), strict=True):
        for other in others:
            if other.grad is not None:
                ours.grad = other.grad if ours.grad is None else ours.grad + other.grad
    # What no share touched stays untouched: a gradient of zeros would still decay the weight.
    touched = company.sum(torch.tensor([value.grad is not None for value in parameters]).int())
    learnt = [value for value, count in zip(parameters, touched.tolist(), strict=True) if count]
    grads = [torch.zeros_like(v) if v.grad is None else v.grad for v in learnt]
    for parameter, grad in zip(learnt, company.sum_all(grads), strict=True):
        parameter.grad = grad
    statistics = [value for value in model.buffers() if value.is_floating_point()]
    seen = [[v for v in member.buffers() if v.is_floating_point()] for member in active]
    sums = [torch.stack(values).sum(0) for values in zip(*seen, strict=True)]
    sums = company.sum_all(sums or [torch.zeros_like(value) for value in statistics])
    for value, total in zip(statistics, sums, strict=True):
        value.copy_(total / shares)
