"""Which device a backend runs on: what was measured on one says nothing about another."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """Name of the processor as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def device_name(backend: str) -> str:
    """The processor and its number of threads for ``cpu``, the graphics card for ``cuda``."""
    if backend == "cuda":
        import torch

        return torch.cuda.get_device_name()
    import numba

    return f"{processor()}, {numba.get_num_threads()} threads"
