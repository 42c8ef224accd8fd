"""Peak signal-to-noise ratio for the ``cuda`` backend: a sum of each few thousand values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from kernels.cuda.device import to_host
from kernels.cuda.staging import bring

BLOCK = 4096
"""Values of a program."""


@triton.jit(do_not_specialize=["count"])
def _errors(image, truth, sums, count, VALUES: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * VALUES + tl.arange(0, VALUES)
    used = at < count
    error = tl.load(image + at, mask=used, other=0.0) - tl.load(truth + at, mask=used, other=0.0)
    tl.store(sums + tl.program_id(0), tl.sum(error * error, 0))


def run(image: Any, truth: Any) -> float:
    """See :func:`kernels.image.psnr.psnr`; waits for the device."""
    one, other = bring(image).contiguous(), bring(truth).contiguous()
    count = one.nelement()
    programs = triton.cdiv(count, BLOCK)
    sums = torch.empty(programs, dtype=torch.float32, device=one.device)
    _errors[(programs,)](one, other, sums, count, VALUES=BLOCK, num_warps=8)
    error = float(to_host(sums)[0].sum(dtype=np.float64)) / count
    return -10.0 * math.log10(error) if error != 0.0 else math.inf
