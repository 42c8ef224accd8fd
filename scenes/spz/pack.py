"""Splats as SPZ bytes, some rows at a time (nianticlabs/spz ``src/cc/load-spz.cc``)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.codec.unpack_spz import COLOR_SCALE
from scenes.gaussians import GaussianScene
from scenes.raw import logarithms
from scenes.spz.turn import FrameTurn

Bytes = NDArray[np.uint8]

USUAL_BITS = 12
"""Fractional bits that all programs write: steps of 1/4096 unit."""
_MOST = (1 << 23) - 1
_DEGREE_1 = 3
_BUCKETS = (8, 16)
"""Steps of 1/128 between the values of degree 1 (5 bits), and of the degrees above (4 bits)."""


def fractional_bits(scene: GaussianScene) -> int:
    """The most, up to :data:`USUAL_BITS`, with which the farthest position has a number."""
    reach = max(float(np.abs(corner).max()) for corner in scene.bounds)
    bits = USUAL_BITS
    while bits and math.floor(reach * (1 << bits) + 0.5) > _MOST:
        bits -= 1
    return bits


class Packer:
    """The arrays of :data:`scenes.spz.container.ARRAYS`, each as a method of its name.

    Every method takes rows of the scene and gives their bytes, (R, width).

    Attributes
    ----------
    degree, bits
        Of the spherical harmonics that are kept; fractional bits of positions.
    clamped
        How many values of each array had no number and got the nearest.
    """

    def __init__(self, scene: GaussianScene, turn: FrameTurn, degree: int, bits: int) -> None:
        self.scene = scene
        self.turn = turn
        self.degree = degree
        self.bits = bits
        self.clamped: dict[str, int] = {}

    def positions(self, here: slice) -> Bytes:
        """Three 24-bit numbers, least byte first."""
        steps = self.turn.means(self.scene.means[here]).astype(np.float64) * (1 << self.bits)
        number = np.trunc(steps + np.copysign(0.5, steps))
        number = self._clamped("positions", number, -_MOST - 1, _MOST).astype("<i4", order="C")
        octets = number.view(np.uint8).reshape(-1, 3, 4)[:, :, :3]
        return np.ascontiguousarray(octets).reshape(-1, 9)

    def alphas(self, here: slice) -> Bytes:
        """Opacity in steps of 1/255."""
        return np.floor(self.scene.opacities[here, None] * 255.0 + 0.5).astype(np.uint8)

    def colors(self, here: slice) -> Bytes:
        """The first coefficient, -3.3 to 3.3."""
        values = self.scene.sh[here, 0].astype(np.float64) * (COLOR_SCALE * 255.0) + 127.5
        return self._clamped("colors", np.floor(values + 0.5), 0, 255).astype(np.uint8)

    def scales(self, here: slice) -> Bytes:
        """Logarithms in steps of 1/16, -10 to 5.9375."""
        logs = logarithms(self.turn.scales(self.scene.scales[here])).astype(np.float64)
        values = np.floor((logs + 10.0) * 16.0 + 0.5)
        return self._clamped("scales", values, 0, 255).astype(np.uint8, order="C")

    def rotations(self, here: slice) -> Bytes:
        """The three smallest components, 10 bits each, and which one is left out."""
        quats = self.turn.quats(self.scene.quats[here]).astype(np.float64)
        xyzw = quats[:, [1, 2, 3, 0]]
        xyzw /= np.linalg.norm(xyzw, axis=1, keepdims=True)
        size = np.abs(xyzw)
        largest = size.argmax(axis=1)
        rows = np.arange(len(xyzw))
        negative = (xyzw < 0) ^ (xyzw[rows, largest] < 0)[:, None]
        magnitude = np.minimum((511.0 * math.sqrt(2.0) * size + 0.5).astype(np.uint32), 511)
        number = largest.astype(np.uint32)
        for component in range(4):
            field = negative[:, component].astype(np.uint32) << 9 | magnitude[:, component]
            number = np.where(largest == component, number, number << 10 | field)
        return number.astype("<u4").view(np.uint8).reshape(-1, 4)

    def sh(self, here: slice) -> Bytes:
        """The other coefficients in steps of 1/128, rounded further to :data:`_BUCKETS`."""
        # All coefficients of a band turn together, so those that are cut are cut first.
        turned = self.turn.sh(self.scene.sh[here, : (self.degree + 1) ** 2])[:, 1:]
        rounded = turned.astype(np.float64) * 128.0
        rounded = np.trunc(rounded + np.copysign(0.5, rounded)) + 128.0
        parts = []
        for band, bucket in zip((slice(_DEGREE_1), slice(_DEGREE_1, None)), _BUCKETS, strict=True):
            centre = np.floor((rounded[:, band] + bucket // 2) / bucket) * bucket
            # 256 is a bucket's centre that has no byte; half a bucket is no more than rounding.
            self._clamped("sh", centre, 0, 256)
            parts.append(np.clip(centre, 0, 255).astype(np.uint8))
        return np.concatenate(parts, axis=1).reshape(len(turned), -1)

    def _clamped(self, name: str, values: NDArray[Any], low: int, high: int) -> NDArray[Any]:
        outside = np.count_nonzero((values < low) | (values > high))
        self.clamped[name] = self.clamped.get(name, 0) + int(outside)
        return np.clip(values, low, high)
