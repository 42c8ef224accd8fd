"""A GPU's compiler and OpenGL in software in one process: each has an LLVM of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import PathFinder

import pytest

from tests.data import ROOT

PROGRAM = """
import sys
from PyQt6.QtGui import QOffscreenSurface, QOpenGLContext
from kernels import backends

backends.DRIVERS = (sys.executable,)
from app.ui.main import make_application

application = make_application(["plenoscope"])
surface, context = QOffscreenSurface(), QOpenGLContext()
surface.create()
assert context.create() and context.makeCurrent(surface)
from kernels.gaussians.display.cuda import _display
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile

types = {"planes": "*fp32", "picture": "*i32", "count": "i32"}
types |= {name: "fp32" for name in ("red", "green", "blue")}
constants = {"OPAQUE": True, "PIXELS": 1024}
types |= {name: "constexpr" for name in constants}
made = compile(ASTSource(_display, types, constants), target=GPUTarget("cuda", 90, 32))
print("compiled", len(made.asm["cubin"]) > 1000)
"""


@pytest.mark.window
def test_the_compiler_is_there_before_the_window_is_drawn(tmp_path, monkeypatch):
    if PathFinder.find_spec("triton") is None:
        pytest.skip("Triton is not installed")
    # Nothing that was compiled before: it is to be compiled here.
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "compiled True" in done.stdout
