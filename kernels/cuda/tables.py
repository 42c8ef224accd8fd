"""What a frame tells a device and what it hears back, without waiting for it in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kernels.cuda.device import device

NUMBERS = 64
"""Room for the numbers that a frame is drawn by."""
COUNTS = 8
"""Room for what it counts."""


@dataclass(frozen=True, eq=False)
class FrameTables:
    """Small tables that stay where they are from frame to frame.

    Kernels read the numbers from memory and not from their arguments, so that a recorded frame can
    be run again with others. What was counted is on the host when the picture is.

    Attributes
    ----------
    numbers, sent
        (NUMBERS,) float32, on the device and in page-locked memory of the host.
    counts, told
        (COUNTS,) int64, likewise.
    """

    numbers: torch.Tensor
    sent: torch.Tensor
    counts: torch.Tensor
    told: torch.Tensor

    @classmethod
    def new(cls) -> FrameTables:
        """Tables of zeros."""
        where = device()
        pinned = where.type != "cpu"
        return cls(
            torch.zeros(NUMBERS, dtype=torch.float32, device=where),
            torch.zeros(NUMBERS, dtype=torch.float32, pin_memory=pinned),
            torch.zeros(COUNTS, dtype=torch.int64, device=where),
            torch.zeros(COUNTS, dtype=torch.int64, pin_memory=pinned),
        )

    def fill(self, values: Sequence[float]) -> None:
        """Write the numbers where the device will read them."""
        self.sent[: len(values)] = torch.tensor(values, dtype=torch.float32)

    def send(self) -> None:
        """Have the device read the numbers, and count from zero."""
        self.numbers.copy_(self.sent, non_blocking=True)
        self.counts.zero_()

    def tell(self) -> None:
        """Have what was counted so far written to the host."""
        self.told.copy_(self.counts, non_blocking=True)
