"""Whose turn it is: kernels use every core, and some threading layers of Numba crash if two do."""

from __future__ import annotations

import threading

KERNELS = threading.Lock()
"""Held while kernels of one frame, or of one batch of other work, run."""
