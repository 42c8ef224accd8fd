"""What kernels that make 8-bit pictures share."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def byte(value):
    """``floor(255 v + 0.5)``, clamped to a byte, as int32."""
    return (tl.minimum(tl.maximum(value, 0.0), 1.0) * 255.0 + 0.5).to(tl.int32)


@triton.jit
def pixel(red, green, blue, alpha):
    """Four numbers, of which ``alpha`` is a byte already, as the bytes of an int32."""
    return byte(red) | (byte(green) << 8) | (byte(blue) << 16) | (alpha << 24)
