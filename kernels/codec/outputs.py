"""Where unpacking operations put splats.

Readers call ``cpu``: their splats are to lie in the memory of the host, and what they unpack is
less than what would have to come back from a device. ``cuda`` is for splats that stay there.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Outputs(NamedTuple):
    """Activated splats, float32, C-contiguous: (R, 3), (R, 4) wxyz, (R, 3), (R,), (R, K, 3).

    NumPy arrays; for ``cuda`` also tensors of the device, which nobody waits for.
    """

    means: Any
    quats: Any
    scales: Any
    opacities: Any
    sh: Any
