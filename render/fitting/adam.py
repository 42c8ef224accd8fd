"""Adam, so that making one loads no compiler.

``torch.optim`` imports torch's compiler and, with it, Triton; both bring an LLVM of their own, and
a process that already draws its window by Mesa's, as many without a graphics card do, then dies.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


class Group:
    """Parameters that take steps alike.

    Attributes
    ----------
    name
        What they are called in a checkpoint.
    part
        The parameters.
    first_rate, rate
        Length of a step at first and now.
    decay
        Added to the gradient, times the parameters.
    state
        ``step`` (), how many were done, and the running means ``mean`` of gradients and ``square``
        of their squares.
    """

    def __init__(self, name: str, part: torch.Tensor, rate: float, decay: float) -> None:
        self.name, self.part, self.decay = name, part, decay
        self.first_rate = self.rate = rate
        self.state = {
            "step": torch.zeros(()),
            "mean": torch.zeros_like(part, requires_grad=False),
            "square": torch.zeros_like(part, requires_grad=False),
        }


class Adam:
    """``p -= rate mean' / (sqrt(square') + eps)``, means without bias (Kingma and Ba 2015)."""

    def __init__(self, groups: Sequence[Group], betas: tuple[float, float], epsilon: float) -> None:
        self.groups = tuple(groups)
        self._betas, self._epsilon = betas, epsilon

    def forget_gradients(self) -> None:
        """Before the next backward pass."""
        for group in self.groups:
            group.part.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradients that there are."""
        for group in self.groups:
            gradient = group.part.grad
            if gradient is None:
                continue
            if group.decay:
                gradient = gradient.add(group.part, alpha=group.decay)
            first, second = self._betas
            done, mean, square = (group.state[key] for key in ("step", "mean", "square"))
            done += 1
            mean.lerp_(gradient, 1 - first)
            square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
            scale = (1 - second ** float(done)) ** 0.5
            length = group.rate / (1 - first ** float(done))
            spread = square.sqrt().div_(scale).add_(self._epsilon)
            group.part.addcdiv_(mean, spread, value=-length)
