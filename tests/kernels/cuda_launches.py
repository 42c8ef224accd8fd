"""Which Triton kernels the ``cuda`` backend launches, and what they compile to.

``python -m tests.kernels.cuda_launches record FAMILY`` draws in Triton's interpreter and prints
every launch as JSON; ``... compile`` reads that, compiles each launch ahead of time for several
architectures, needs no GPU, and prints what the machine code takes. Two processes, because Triton
decides on import whether it interprets.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kernels.cuda.generated import module_of, text_of
from tests.kernels.cuda_cases import family

ARCHITECTURES = (80, 90, 120)
_POINTERS = {
    "float64": "*fp64", "float32": "*fp32", "float16": "*fp16",
    "uint8": "*u8", "int16": "*i16", "int32": "*i32", "int64": "*i64",
}  # fmt: skip


def record(draw: Callable[[], None]) -> list[dict[str, Any]]:
    """The distinct launches of a drawing: kernel, argument types, constants, warps.

    Those of a kernel that was written for what it computes have its text.
    """
    from triton.runtime.interpreter import InterpretedFunction

    launches: dict[str, dict[str, Any]] = {}
    run = InterpretedFunction.run

    def listen(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        warps = kwargs.pop("num_warps", 4)
        registers = kwargs.pop("maxnreg", None)
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
            "registers": registers,
            "text": text_of(self.fn.__module__),
        }  # fmt: skip
        launches[json.dumps(entry)] = entry
        return run(self, *args, grid=grid, warmup=warmup, **kwargs)

    InterpretedFunction.run = listen
    draw()
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
        if launch["text"]:
            module_of(launch["text"])
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
                options={"num_warps": launch["warps"], "maxnreg": launch["registers"]},
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
        print(json.dumps(record(family(sys.argv[2]).draw)))
    else:
        print(json.dumps(compile_all(json.load(sys.stdin))))
