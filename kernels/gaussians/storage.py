"""How the colours of splats are stored while a scene is drawn.

View-dependent colour is most of a scene: 45 of 59 numbers of a splat of degree 3. Drawing on a
device reads it from memory for every visible splat, so half or a quarter of the bytes is that much
less time. Coefficients of degree 0, and all geometry, stay float32.

* ``fp32``: as the file has them;
* ``fp16``: rounded to half precision;
* ``uint8``: each coefficient in 255 equal steps between its smallest and largest value in the
  scene.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STORAGES = ("fp32", "fp16", "uint8")
LEVELS = 255
LARGEST_HALF = 65504.0
LARGEST_STEPPED = 1e37
"""The span of two such ends still is a float32."""


@dataclass(frozen=True, eq=False)
class Steps:
    """View-dependent colour in steps of 8 bits: ``low + step codes``.

    ``codes`` (N, 3 K - 3) uint8; ``low`` and ``step`` (3 K - 3,) float32. Values that are not
    finite become the nearest that is in the scene, or 0.
    """

    codes: NDArray[np.uint8]
    low: NDArray[np.float32]
    step: NDArray[np.float32]

    @classmethod
    def of(cls, rest: NDArray[np.float32]) -> Steps:
        """Steps of (N, 3 K - 3) coefficients."""
        finite = np.isfinite(rest)
        low = np.where(finite, rest, np.inf).min(axis=0, initial=np.inf)
        high = np.where(finite, rest, -np.inf).max(axis=0, initial=-np.inf)
        # In double: the difference of the ends may be beyond float32.
        low, high = (np.where(low <= high, v, 0).astype(np.float64) for v in (low, high))
        low, high = (np.clip(v, -LARGEST_STEPPED, LARGEST_STEPPED) for v in (low, high))
        step = (high - low) / LEVELS
        codes = np.empty(rest.shape, np.uint8)
        for column in range(rest.shape[1]):
            values = rest[:, column].astype(np.float64)
            values = np.nan_to_num(values, posinf=high[column], neginf=low[column])
            places = (values - low[column]) / max(step[column], 1e-300)
            codes[:, column] = np.clip(np.rint(places), 0, LEVELS)
        return cls(codes, low.astype(np.float32), step.astype(np.float32))

    @property
    def values(self) -> NDArray[np.float32]:
        """What the codes stand for, (N, 3 K - 3)."""
        return self.low + self.step * self.codes.astype(np.float32)


def halves(rest: NDArray[np.float32]) -> NDArray[np.float16]:
    """Half precision; what is beyond it becomes its largest number."""
    return np.clip(rest, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)


def rounded(sh: NDArray[np.float32], storage: str) -> NDArray[np.float32]:
    """(N, K, 3) coefficients as a storage gives them back."""
    if storage == "fp32" or sh.shape[1] == 1:
        return sh
    result = sh.copy()
    rest = sh[:, 1:].reshape(len(sh), 3 * sh.shape[1] - 3)
    values = halves(rest).astype(np.float32) if storage == "fp16" else Steps.of(rest).values
    result[:, 1:] = values.reshape(result[:, 1:].shape)
    return result
