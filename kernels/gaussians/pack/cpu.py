"""Packing for the ``cpu`` backend: Morton order, structure of arrays in blocks of sixteen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from kernels.gaussians.storage import rounded
from kernels.simd import LANES
from kernels.workspace import aligned_empty

GEOMETRY = 13
"""Rows of a geometry block: mean (3), rotation x scale (9, row-major), opacity."""


@dataclass(frozen=True, eq=False)
class PackedGaussians:
    """Gaussians in blocks of sixteen neighbours.

    ``geometry`` (B, 13, 16); ``sh`` (B, 3 K, 16), coefficient-major; ``source`` (16 B,) int32
    index in the scene, -1 for padding; ``bounds`` (B, 5): centre and radius of the block's means
    and its largest standard deviation.
    """

    geometry: NDArray[np.float32]
    sh: NDArray[np.float32]
    source: NDArray[np.int32]
    bounds: NDArray[np.float32]
    count: int

    @property
    def nbytes(self) -> int:
        """Memory, bytes."""
        return sum(a.nbytes for a in (self.geometry, self.sh, self.source, self.bounds))


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _morton_codes(means, low, scale, codes):
    """Interleave 21 bits per axis: neighbours in space get neighbouring numbers."""
    for i in prange(len(means)):
        code = np.uint64(0)
        for axis in range(3):
            cell = (means[i, axis] - low[axis]) * scale[axis]
            x = np.uint64(min(max(cell, 0.0), 2097151.0)) if cell == cell else np.uint64(0)
            x = (x | (x << np.uint64(32))) & np.uint64(0x1F00000000FFFF)
            x = (x | (x << np.uint64(16))) & np.uint64(0x1F0000FF0000FF)
            x = (x | (x << np.uint64(8))) & np.uint64(0x100F00F00F00F00F)
            x = (x | (x << np.uint64(4))) & np.uint64(0x10C30C30C30C30C3)
            x = (x | (x << np.uint64(2))) & np.uint64(0x1249249249249249)
            code |= x << np.uint64(axis)
        codes[i] = code


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _fill(means, quats, scales, opacities, sh, order, geometry, packed_sh, source, bounds):
    coefficients = sh.shape[1]
    count = len(order)
    for block in prange(len(geometry)):
        low = np.full(3, np.inf, np.float32)
        high = np.full(3, -np.inf, np.float32)
        largest = np.float32(0.0)
        for lane in range(LANES):
            position = block * LANES + lane
            if position >= count:
                source[position] = -1
                geometry[block, :, lane] = geometry[block, :, 0]
                geometry[block, 12, lane] = 0.0
                packed_sh[block, :, lane] = 0.0
                continue
            i = order[position]
            source[position] = i
            for axis in range(3):
                geometry[block, axis, lane] = means[i, axis]
                low[axis] = min(low[axis], means[i, axis])
                high[axis] = max(high[axis], means[i, axis])
                largest = max(largest, scales[i, axis])
            w, x, y, z = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
            rotation = (
                (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
                (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
                (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
            )
            for row in range(3):
                for axis in range(3):
                    geometry[block, 3 + 3 * row + axis, lane] = (
                        rotation[row][axis] * scales[i, axis]
                    )
            geometry[block, 12, lane] = opacities[i]
            for k in range(coefficients):
                for channel in range(3):
                    packed_sh[block, 3 * k + channel, lane] = sh[i, k, channel]
        radius = np.float32(0.0)
        for axis in range(3):
            centre = np.float32(0.5) * (low[axis] + high[axis])
            bounds[block, axis] = centre
            half = np.float32(0.5) * (high[axis] - low[axis])
            radius += half * half
        bounds[block, 3] = np.sqrt(radius)
        bounds[block, 4] = largest


def run(
    means: Any, quats: Any, scales: Any, opacities: Any, sh: Any, storage: str
) -> PackedGaussians:
    """See :func:`kernels.gaussians.pack.pack`."""
    count, sh = len(means), rounded(sh, storage)
    low = means.min(axis=0).astype(np.float64) if count else np.zeros(3)
    span = means.max(axis=0).astype(np.float64) - low if count else np.ones(3)
    codes = np.empty(count, np.uint64)
    _morton_codes(means, low, 2097151.0 / np.maximum(span.max(), 1e-30) * np.ones(3), codes)
    order = np.argsort(codes, kind="stable")
    blocks = -(-count // LANES)
    packed = PackedGaussians(
        aligned_empty((blocks, GEOMETRY, LANES), np.float32),
        aligned_empty((blocks, 3 * sh.shape[1], LANES), np.float32),
        np.empty(blocks * LANES, np.int32),
        np.empty((blocks, 5), np.float32),
        count,
    )
    _fill(
        means, quats, scales, opacities, sh, order,
        packed.geometry, packed.sh, packed.source, packed.bounds,
    )  # fmt: skip
    return packed
