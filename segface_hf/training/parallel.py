"""Company: the processes, on one machine or several, that train one model together over gloo.

`accelerate launch` starts them. Each draws the whole batch, since choices are seeded, and learns
from its share of it; gradients and running statistics meet once a step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor

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
