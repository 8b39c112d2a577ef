"""Team: replicas of a model that share a batch, one thread each, and meet once a step.

Threads inside one operation wait for each other thousands of times a step; on a busy machine that
is slow. Replicas wait for each other once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

LossOf = Callable[[nn.Module, Tensor, Tensor], Tensor]


class Team:
    """Splits batches over a model and its replicas.

    Args:
        model: Holds the parameters; its gradients are those of the whole batch.
        workers: Members of the team, the model included.
    """

    def __init__(self, model: nn.Module, workers: int) -> None:
        self._members = [model, *(copy.deepcopy(model) for _ in range(workers - 1))]

    def backward(self, images: Tensor, masks: Tensor, loss_of: LossOf) -> float:
        """Adds the gradients of a batch to the model and returns its loss.

        The result depends on the number of workers (normalisation sees smaller batches), and on
        nothing else.

        Args:
            images: (B, 3, H, W).
            masks: (B, H, W).
            loss_of: From a member and its share of the batch to the mean loss over that share.
        """
        shares = list(
            zip(images.chunk(len(self._members)), masks.chunk(len(self._members)), strict=True)
        )
        active = self._members[: len(shares)]
        for replica in active[1:]:
            replica.load_state_dict(active[0].state_dict())
            replica.zero_grad(set_to_none=True)

        def work(member: nn.Module, share: tuple[Tensor, Tensor]) -> float:
            loss = loss_of(member, *share) * (len(share[0]) / len(images))
            loss.backward()
            return float(loss.detach())

        if len(active) == 1:
            return work(active[0], shares[0])
        with ThreadPoolExecutor(len(active)) as pool:
            losses = list(pool.map(work, active, shares))
        _gather(active)
        return sum(losses)


@torch.no_grad()
def _gather(members: Sequence[nn.Module]) -> None:
    """Adds gradients, and averages running statistics, into the first member."""
    for ours, *others in zip(*(member.parameters() for member in members), strict=True):
        for other in others:
            if other.grad is not None:
                ours.grad = other.grad if ours.grad is None else ours.grad + other.grad
    for ours, *others in zip(*(member.buffers() for member in members), strict=True):
        if ours.is_floating_point():
            ours.copy_(torch.stack([ours, *others]).mean(0))
