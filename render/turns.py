"""Whose turn it is: kernels use every core, and some threading layers of Numba crash if two do."""

from __future__ import annotations

import threading

KERNELS = threading.RLock()
"""Held while kernels of a frame, or of a batch of other work, run; its holder may take it twice."""
