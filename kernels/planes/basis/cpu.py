"""The basis for the ``cpu`` backend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, prange

from kernels.gaussians.types import View
from kernels.workspace import Workspace


@njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _basis(table, half, turn, fx, fy, cx, cy, flat, out):
    rows, columns, functions = out.shape
    height, width, _ = table.shape
    for row in prange(rows):
        y = 0.0 if flat else (row + 0.5 - cy) / fy
        for column in range(columns):
            x = 0.0 if flat else (column + 0.5 - cx) / fx
            a = turn[0, 0] * x + turn[0, 1] * y + turn[0, 2]
            b = turn[1, 0] * x + turn[1, 1] * y + turn[1, 2]
            c = turn[2, 0] * x + turn[2, 1] * y + turn[2, 2]
            length = np.sqrt(a * a + b * b + c * c)
            u = min(max(a / length / half[0], -1.0), 1.0) * 0.5 + 0.5
            v = min(max(b / length / half[1], -1.0), 1.0) * 0.5 + 0.5
            u = min(max(u * width - 0.5, 0.0), width - 1.0)
            v = min(max(v * height - 0.5, 0.0), height - 1.0)
            left, above = int(u), int(v)
            right, below = min(left + 1, width - 1), min(above + 1, height - 1)
            s, t = np.float32(u - left), np.float32(v - above)
            for n in range(functions):
                upper = table[above, left, n] * (np.float32(1) - s) + table[above, right, n] * s
                lower = table[below, left, n] * (np.float32(1) - s) + table[below, right, n] * s
                out[row, column, n] = upper * (np.float32(1) - t) + lower * t


def run(maps: Any, reach: Any, turn: Any, view: View, workspace: Workspace) -> Any:
    """See :func:`kernels.planes.basis.basis`."""
    out = workspace.take("planes basis", (view.height, view.width, len(maps)), np.float32)
    _basis(
        np.ascontiguousarray(np.moveaxis(maps, 0, 2)),
        np.array(reach, np.float64),
        np.ascontiguousarray(turn, np.float64),
        view.fx,
        view.fy,
        view.cx,
        view.cy,
        view.orthographic,
        out,
    )
    return out
