"""Tables of encodings on the device, and how their parameters are read there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from kernels.cuda.device import to_device
from kernels.fields.encode.harmonics import constants
from kernels.fields.encode.tiles import COLUMNS
from kernels.fields.encodings import HIGHEST_DEGREE, MOST_DIMS, PRIMES, HashGrid, Simplex


@dataclass(frozen=True, eq=False)
class Levels:
    """Table of the words that a sample has in a grid: see :mod:`kernels.fields.encode.tiles`.

    ``numbers`` (rows, COLUMNS) int64 and ``scales`` (rows,) float32.
    """

    numbers: torch.Tensor
    scales: torch.Tensor

    @property
    def rows(self) -> int:
        """Words of a sample."""
        return len(self.scales)


@lru_cache(maxsize=64)
def levels_of(grid: HashGrid | Simplex, vector: int) -> Levels:
    """The table of a grid whose features are read ``vector`` at a time."""
    words = grid.features // vector
    rows, scales = [], []
    for level in grid.tables:
        factors = PRIMES[: grid.dims] if level.hashed else level.strides
        padding = [0] * (MOST_DIMS - grid.dims)
        inverse = min(2**32 // level.size, 2**32 - 1)
        for word in range(words):
            base = level.first * words + word
            rows.append(
                [base, words, level.size, inverse, int(level.hashed), *factors, *padding]
            )  # fmt: skip
            scales.append(level.scale)
    numbers = np.array(rows, np.int64).reshape(-1, COLUMNS)
    return Levels(to_device(numbers), to_device(np.array(scales, np.float32)))


@lru_cache(maxsize=1)
def harmonics_table() -> torch.Tensor:
    """A, B and N of all bands."""
    return to_device(np.stack(constants(HIGHEST_DEGREE)).astype(np.float32))


def words_of(table: torch.Tensor, features: int) -> tuple[torch.Tensor, int]:
    """The parameters as words of one feature, or of two where they lie so; how many."""
    if features % 2 == 0 and len(table) and table.data_ptr() % 8 == 0:
        return table.view(torch.int64), 2
    return table, 1
