"""Everything that a GPU should be asked, in one command: is it right, how fast, beside what limit.

Run: python -m tests.bench.cuda [--gsplat] [--room make_room.py] [--minutes 8.5] [--only ...]

Prints Markdown for RESULTS.md; what goes on is told on the error stream. Sections that no time is
left for say so. ``--room`` is the generator of the yardstick scene (else the one in the folder
``shared``, else the garden sample). Without a GPU it says what it would do. ``--tiny`` does all of
it on next to nothing; with TRITON_INTERPRET=1 that needs no GPU, and its figures mean nothing.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from importlib import metadata
from pathlib import Path

from kernels.backends import available, interpreted
from tests.bench.cuda_tools import FULL, TINY, Run, told
from tests.data import ROOT

Section = Callable[[Run], Iterator[str]]
PARITY_SECONDS = 180.0
PACKAGES = ("torch", "triton", "numpy", "numba", "gsplat")


def environment(run: Run) -> Iterator[str]:
    """The machine, and its limits as measured now."""
    import torch

    for name in PACKAGES:
        try:
            yield f"- {name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            yield f"- {name} is not installed"
    yield f"- Python {platform.python_version()}, {platform.platform()}"
    if interpreted():
        yield "- Triton's interpreter: no figure below means anything"
        return
    found = torch.cuda.get_device_properties(0)
    yield (
        f"- {found.name}, {found.total_memory / 2**30:.0f} GiB, {found.multi_processor_count} "
        f"multiprocessors, sm_{found.major}{found.minor}, CUDA {torch.version.cuda}"
    )
    wanted = "--query-gpu=driver_version,clocks.sm,clocks.mem"
    asked = ["nvidia-smi", wanted, "--format=csv,noheader"]
    try:
        words = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=20)
        yield f"- driver, SM and memory clock: {words.stdout.strip()}"
    except (OSError, subprocess.SubprocessError) as error:
        yield f"- nvidia-smi does not answer: {error}"
    yield f"- limits: {run.limits.words}"


def parity(run: Run) -> Iterator[str]:
    """The tests of the backend against the reference."""
    files = sorted(str(file) for file in (ROOT / "tests/kernels").glob("test_cuda_*.py"))
    if run.sizes is TINY:
        files = [file for file in files if file.endswith("choice.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=min(PARITY_SECONDS, max(run.left, 1.0)),
        )
    except subprocess.TimeoutExpired:
        yield f"not finished within {PARITY_SECONDS:.0f} s: `{' '.join(command[1:4])} ...`"
        return
    lines = done.stdout.strip().splitlines() or [done.stderr.strip()[-300:]]
    yield from (f"- {line}" for line in lines if line.startswith(("FAILED", "ERROR")))
    yield f"- {lines[-1].strip('= ')}"


def sections(gsplat: bool) -> dict[str, tuple[str, Section]]:
    """By the names of ``--only``: titles and what prints them.

    Kernels that compile are imported in the sections, after it is known that they can.
    """
    from tests.bench import cuda_fields, cuda_gaussians

    return {
        "environment": ("Environment", environment),
        "parity": ("Parity with the float64 reference", parity),
        "gaussians": ("Gaussians, SH 3", cuda_gaussians.frames),
        "blends": ("The blends", cuda_gaussians.blends),
        "gsplat": ("Beside gsplat", partial(cuda_gaussians.gsplat, asked=gsplat)),
        "planes": ("Planes", cuda_fields.planes),
        "fields": ("Neural fields", cuda_fields.fields),
        "export": ("Export, the encoder beside the renderer", cuda_gaussians.exporting),
    }


def main() -> int:
    """Print every section; 1 where one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gsplat", action="store_true", help="it may compile for minutes")
    parser.add_argument("--room", type=Path)
    parser.add_argument("--minutes", type=float, default=8.5)
    parser.add_argument("--only", help="names of sections, with commas")
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    known = sections(arguments.gsplat)
    chosen = arguments.only.split(",") if arguments.only else list(known)
    ready, reason = available("cuda")
    if not ready and not interpreted():
        print(f"There is nothing to measure on: {reason}. With a GPU there would be:\n")
        for name in chosen:
            print(f"- {known[name][0]}")
        print("\nTRITON_INTERPRET=1 python -m tests.bench.cuda --tiny tries the program itself.")
        return 0
    if not ready and not arguments.tiny:
        print("Triton's interpreter is too slow for this; add --tiny.")
        return 0
    run = Run(TINY if arguments.tiny else FULL, 60 * arguments.minutes, arguments.room)
    failed = 0
    print(f"## CUDA: {'Triton interpreter' if interpreted() else reason}")
    for name in chosen:
        title, section = known[name]
        told(f"{title} ({run.left:.0f} s left)")
        print(f"\n### {title}\n", flush=True)
        if run.left <= 0:
            print("No time was left.")
            continue
        try:
            for line in section(run):
                print(line, flush=True)
        except Exception as error:  # the other sections are worth as much
            failed += 1
            traceback.print_exc()
            print(f"\nFailed: {type(error).__name__}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
