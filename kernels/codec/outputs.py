"""Where unpacking operations put splats."""

from __future__ import annotations

from typing import Any, NamedTuple


class Outputs(NamedTuple):
    """Activated splats, float32, C-contiguous: (R, 3), (R, 4) wxyz, (R, 3), (R,), (R, K, 3)."""

    means: Any
    quats: Any
    scales: Any
    opacities: Any
    sh: Any
