"""Which Triton kernels the ``cuda`` backend launches, and what they compile to.

``python -m tests.kernels.cuda_launches record`` draws in Triton's interpreter and prints every
launch as JSON; ``... compile`` reads that, compiles each launch ahead of time for several
architectures, needs no GPU, and prints what the machine code takes. Two processes, because Triton
decides on import whether it interprets.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ARCHITECTURES = (80, 90, 120)
_POINTERS = {"float32": "*fp32", "int16": "*i16", "int32": "*i32", "int64": "*i64"}


def _draw() -> None:
    """Everything the backend can do, on a handful of splats."""
    from dataclasses import replace

    from kernels.gaussians.types import Options
    from kernels.image.downsample import downsample
    from kernels.image.quantize import quantize
    from render.presets import PRESETS
    from tests.kernels.chain import looking_at, random_splats, run_chain

    view = looking_at((0, 0, -3), (0, 0, 0), 40, 20)
    run_chain("cuda", random_splats(0, 9, degree=4), view, limit=5)
    _draw_without_depth(random_splats(0, 9, degree=1), view)
    # All options that remove code at once; without a background.
    everything = replace(PRESETS["playcanvas"].options, box_sigma=3.0, compensate=True, radial=True)
    run_chain("cuda", random_splats(0, 9, degree=3), view, everything, background=None)
    parallel = replace(view, orthographic=True, fx=20.0, fy=20.0)
    run_chain("cuda", random_splats(0, 9, degree=0), parallel, Options())
    color, alpha = np.zeros((4, 4, 3), np.float32), np.ones((4, 4), np.float32)
    for depth in (alpha, None):
        downsample("cuda", color, alpha, depth, 2)
    for opaque in (True, False):
        quantize("cuda", color, alpha, opaque)


def _draw_without_depth(arrays: Any, view: Any) -> None:
    """As the screen is drawn: colour alone, the tiles in two portions."""
    from kernels.gaussians.bin import bin as bin_splats
    from kernels.gaussians.blend import blend
    from kernels.gaussians.pack import pack
    from kernels.gaussians.project import project
    from kernels.gaussians.resolve import resolve
    from kernels.gaussians.shade import shade
    from kernels.gaussians.sort import sort
    from kernels.gaussians.types import Options
    from kernels.workspace import Workspace

    workspace, options = Workspace(), Options()
    packed = pack("cuda", *arrays)
    splats = project("cuda", packed, view, options, 1.0, workspace)
    splats = shade("cuda", packed, splats, view, 1)
    lists = bin_splats("cuda", splats, sort("cuda", splats, workspace), view, workspace)
    onto = None
    for tiles in (np.arange(1), np.arange(1, 2)):
        onto = blend("cuda", splats, lists, view, options, False, workspace, tiles, onto)
    resolve("cuda", onto, None)


def record() -> list[dict[str, Any]]:
    """The distinct launches of :func:`_draw`: kernel, argument types, constants, warps."""
    from triton.runtime.interpreter import InterpretedFunction

    launches: dict[str, dict[str, Any]] = {}
    run = InterpretedFunction.run

    def listen(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        warps = kwargs.pop("num_warps", 4)
        arguments = dict(zip(self.arg_names, args, strict=False)) | kwargs
        types, constants, aligned = {}, {}, []
        for place, name in enumerate(self.arg_names):
            value = arguments[name]
            if name.isupper():
                types[name], constants[name] = "constexpr", value
            elif hasattr(value, "data_ptr"):
                types[name] = _POINTERS[str(value.dtype).removeprefix("torch.")]
                aligned.append(place)
            else:
                types[name] = "fp32" if isinstance(value, float) else "i32"
        entry = {
            "module": self.fn.__module__, "name": self.fn.__name__, "types": types,
            "constants": constants, "aligned": aligned, "warps": warps,
        }  # fmt: skip
        launches[json.dumps(entry)] = entry
        return run(self, *args, grid=grid, warmup=warmup, **kwargs)

    InterpretedFunction.run = listen
    _draw()
    return list(launches.values())


def _usage(cubin: bytes) -> dict[str, int]:
    """Registers, stack, shared and local memory of a kernel, by NVIDIA's cuobjdump."""
    import triton

    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        found = subprocess.run(
            [tool, "-res-usage", file.name], capture_output=True, text=True, check=True
        ).stdout
    words = next(line for line in found.splitlines() if "REG:" in line).split()
    return {name: int(number) for name, _, number in (word.partition(":") for word in words)
            if name in {"REG", "STACK", "SHARED", "LOCAL"}}  # fmt: skip


def compile_all(launches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each launch for each architecture: bytes of the cubin and what it takes."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    rows = []
    for launch in launches:
        kernel = getattr(importlib.import_module(launch["module"]), launch["name"])
        source = ASTSource(
            kernel,
            launch["types"],
            launch["constants"],
            {(place,): [["tt.divisibility", 16]] for place in launch["aligned"]},
        )
        for architecture in ARCHITECTURES:
            made = triton.compile(
                source,
                target=GPUTarget("cuda", architecture, 32),
                options={"num_warps": launch["warps"]},
            )
            cubin = made.asm["cubin"]
            rows.append(
                {
                    "kernel": f"{launch['module']}.{launch['name']}",
                    "constants": launch["constants"],
                    "architecture": architecture,
                    "cubin": len(cubin),
                    "shared": made.metadata.shared,
                    **_usage(cubin),
                }
            )
    return rows


if __name__ == "__main__":
    if sys.argv[1] == "record":
        print(json.dumps(record()))
    else:
        print(json.dumps(compile_all(json.load(sys.stdin))))
