"""From the command to the first picture in the window.

Run: python -m tests.bench.startup [--count 100000] [--repeat 5]      (needs a display)

The first run of a machine compiles the kernels and is printed apart.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_CHILD = "--child"


def child(file: Path, started: float) -> None:
    """The program itself, but that it ends with the first picture."""
    from app.settings import load_settings
    from app.ui.main import make_application, make_window, start

    application = make_application(sys.argv[:1])
    shell = make_window(load_settings())
    shell.window.show()
    start(shell, [file])

    def arrived() -> None:
        if shell.driver.frame is not None:
            print(f"{time.time() - started:.3f}", flush=True)
            os._exit(0)

    shell.driver.arrived.connect(arrived)
    application.exec()


def run(file: Path) -> float:
    """Seconds from starting the process to its first picture."""
    command = [sys.executable, "-m", "tests.bench.startup", _CHILD, str(file), str(time.time())]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    """Print the first run and the median of the others."""
    if sys.argv[1:2] == [_CHILD]:
        child(Path(sys.argv[2]), float(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    from scenes.open import save_scene
    from scenes.samples import make_sample

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "garden.ply"
        save_scene(make_sample("garden", arguments.count), file)
        first, *others = (run(file) for _ in range(arguments.repeat + 1))
    print(f"first {first:.2f} s, then {statistics.median(others):.2f} s (median of {len(others)})")


if __name__ == "__main__":
    main()
