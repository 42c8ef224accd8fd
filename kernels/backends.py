"""Which backends can run here, and which one ``auto`` means."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
from functools import cache

BACKENDS = ("reference", "cpu", "cuda")


@cache
def available(backend: str) -> tuple[bool, str]:
    """Whether a backend can run on this machine, and why not in a sentence (or what it runs on).

    Raises
    ------
    ValueError
        If there is no backend of that name.
    """
    if backend == "reference":
        return True, "plain torch on the processor"
    if backend == "cpu":
        if importlib.util.find_spec("numba") is None:
            return False, "Numba is not installed"
        return True, "Numba on the processor"
    if backend == "cuda":
        return _cuda()
    raise ValueError(f"backend must be auto, {', '.join(BACKENDS)}, got {backend!r}")


def interpreted() -> bool:
    """Whether Triton runs kernels in its interpreter, on the processor: for tests alone."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in {"1", "true", "yes", "on", "y"}


def _cuda() -> tuple[bool, str]:
    if importlib.util.find_spec("triton") is None:
        return False, "this version draws on a GPU with Triton, which is not installed"
    import torch

    if not torch.cuda.is_available():
        return False, "torch finds no CUDA device"
    return True, torch.cuda.get_device_name()


DRIVERS = ("/proc/driver/nvidia/version", "/dev/nvidia0", "/dev/dxg")
"""Something there says that a GPU may be; the last one in the Linux of Windows."""


def load_compiler() -> None:
    """Load Triton where there may be a GPU; to be called before a window is drawn.

    OpenGL in software (Mesa) brings an LLVM of its own. The one within Triton gets on with it when
    it is there first, and ends the process when it comes second.
    """
    if any(os.path.exists(driver) for driver in DRIVERS):
        with contextlib.suppress(ImportError):
            importlib.import_module("triton")


def resolve(backend: str) -> str:
    """The backend that a request gets: ``auto`` is the fastest that runs here.

    Raises
    ------
    ValueError
        If the backend is unknown or cannot run here; the sentence says why.
    """
    if backend == "auto":
        return next(name for name in ("cuda", "cpu", "reference") if available(name)[0])
    ready, reason = available(backend)
    if not ready and not (backend == "cuda" and interpreted()):
        raise ValueError(f"the {backend} backend cannot run here: {reason}")
    return backend
