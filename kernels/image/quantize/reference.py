"""Quantisation in plain torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def run(color: Any, alpha: Any, opaque: bool) -> NDArray[np.uint8]:
    """See :func:`kernels.image.quantize.quantize`."""
    color, alpha = torch.as_tensor(color), torch.as_tensor(alpha)[..., None]
    if not opaque:
        color = color / torch.clamp(alpha, min=1e-10)
    straight = torch.cat([color, torch.ones_like(alpha) if opaque else alpha], -1)
    return torch.floor(torch.clamp(straight, 0, 1) * 255 + 0.5).to(torch.uint8).detach().numpy()
