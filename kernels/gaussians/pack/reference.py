"""Packing for the ``reference`` backend: nothing to gain, tensors as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from kernels.gaussians.storage import rounded


@dataclass(frozen=True, eq=False)
class ReferenceGaussians:
    """The scene's arrays as tensors of one float type."""

    means: torch.Tensor
    quats: torch.Tensor
    scales: torch.Tensor
    opacities: torch.Tensor
    sh: torch.Tensor

    @property
    def count(self) -> int:
        """Number of Gaussians."""
        return len(self.means)

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        tensors = (self.means, self.quats, self.scales, self.opacities, self.sh)
        return sum(t.nelement() * t.element_size() for t in tensors)


def run(
    means: Any, quats: Any, scales: Any, opacities: Any, sh: Any, storage: str
) -> ReferenceGaussians:
    """See :func:`kernels.gaussians.pack.pack`; arrays become float64, tensors stay."""
    arrays = (means, quats, scales, opacities, rounded(sh, storage))
    return ReferenceGaussians(
        *(
            a if isinstance(a, torch.Tensor) else torch.tensor(a, dtype=torch.float64)
            for a in arrays
        )
    )
