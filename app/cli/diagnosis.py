"""What machine this is and what can run on it, for ``doctor``, ``bench`` and ``--version``."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kernels.limits.device import processor

PACKAGES = ("torch", "numba", "llvmlite", "numpy", "PyQt6", "PyQt6-Qt6", "vispy", "imageio-ffmpeg")

_GL_PROBE = """
from app.ui.canvas.probe import renderer_string
print(renderer_string())
"""


def package_version(name: str) -> str:
    """Version of an installed distribution, or "not installed"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def versions() -> dict[str, str]:
    """Versions of everything that matters to a bug report."""
    found = {"plenoscope": package_version("plenoscope"), "python": platform.python_version()}
    return found | {name: package_version(name) for name in PACKAGES}


def machine() -> dict[str, Any]:
    """Processor, cores, graphics card and versions: what a figure depends on."""
    from kernels.backends import available

    cuda, words = available("cuda")
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "gpu": words if cuda else None,
        "versions": versions(),
    }


def version_block() -> str:
    """``--version``."""
    lines = [f"plenoscope {package_version('plenoscope')}", f"{platform.platform()}"]
    lines += [f"{name} {number}" for name, number in versions().items() if name != "plenoscope"]
    return "\n".join(lines)


def threads() -> dict[str, Any]:
    """Numba's threads and the library behind them; starts one small parallel kernel."""
    import numba
    import numpy as np

    from kernels.image.quantize import quantize

    quantize("cpu", np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32), True)
    return {"count": numba.get_num_threads(), "layer": numba.threading_layer()}


def ffmpeg() -> str:
    """Version and place of the ffmpeg that encodes videos."""
    try:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
        return f"{imageio_ffmpeg.get_ffmpeg_version()}, {program}"
    except (ImportError, RuntimeError, OSError) as error:
        return f"not available: {error}"


def kernel_cache() -> dict[str, Any]:
    """How many compiled kernels are kept for the next start, in how many bytes."""
    import kernels

    chosen = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(chosen) if chosen else Path(kernels.__file__).parent
    sizes = [file.stat().st_size for file in folder.rglob("*.nbc")]
    return {"folder": str(folder), "files": len(sizes), "bytes": sum(sizes)}


def opengl() -> str:
    """What draws the window, asked in a process of its own: a broken driver may crash it."""
    displays = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not any(displays):
        return "not asked: there is no display"
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _GL_PROBE], capture_output=True, text=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        return "no answer within a minute"
    if asked.returncode != 0:
        reason = asked.stderr.strip().splitlines() or [f"exit code {asked.returncode}"]
        return f"not available: {reason[-1]}"
    return asked.stdout.strip()
