"""Take a picture of the window at work: ``python -m tests.screenshot OUT.png``.

The garden is open with its tour as the path and a key selected; the view turns for some seconds,
so that the profiler has numbers, then rests. Without a display the program starts itself again
under ``xvfb-run``, with Mesa's software OpenGL.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

COUNT = 200_000
"""Splats of the garden."""
TURN_SECONDS = 6.0
TOUR_SECONDS = 8.5
"""Where the playhead stands."""
PATIENCE = 180.0
"""Seconds that any step may take; the first picture on a machine compiles kernels."""


def main() -> int:
    """Read the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshot", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT.png")
    parser.add_argument("--theme", choices=("light", "dark"), default="dark")
    parser.add_argument("--size", type=_size, default=(1600, 1000), metavar="WxH")
    chosen = parser.parse_args()
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        return _again_under_xvfb(*chosen.size)
    with tempfile.TemporaryDirectory() as home:
        os.environ["PLENOSCOPE_HOME"] = home  # neither the person's layout nor their files
        take(chosen.out, chosen.theme, *chosen.size)
    return 0


def take(out: Path, theme: str, width: int, height: int) -> None:
    """Show the window in this theme and size (logical pixels), let it work, and save it."""
    from app.settings import Settings
    from app.ui import main as program
    from render.session import SETTLE_SECONDS
    from scenes.samples import make_sample, tour

    application = program.make_application(sys.argv[:1])
    shell = program.make_window(Settings(theme=theme))
    shell.window.resize(width, height)
    shell.window.show()

    def run_until(done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come within {PATIENCE:.0f} s")
            application.processEvents()
            time.sleep(0.005)

    def complete() -> bool:
        """Whether the picture of the present view is on the screen in full size."""
        frame, view, session = shell.driver.frame, shell.document.view, shell.session
        if frame is None or view is None or session is None or not session.idle:
            return False
        return frame.camera is view and frame.rgba8.shape[:2] == (view.height, view.width)

    def run_for(seconds: float) -> None:
        end = time.monotonic() + seconds
        run_until(lambda: time.monotonic() >= end, "the end of a pause")

    shell.driver.start()
    scene = make_sample("garden", COUNT)
    shell.opener.show_scene(scene)
    shell.document.edit_path(tour(scene), "Tour")
    shell.document.set_time(TOUR_SECONDS)
    run_until(complete, "the first picture")
    shell.pointer.turn(True)
    run_for(TURN_SECONDS)
    shell.pointer.turn(False)
    shell.pointer.home()
    shell.document.select_keys({3})
    shell.document.mark_saved()
    run_until(lambda: complete() and not shell.pointer.navigator.moving, "the picture at rest")
    run_for(1.5 + SETTLE_SECONDS)
    picture = shell.window.grab()
    if not picture.save(str(out)):
        raise OSError(f"{out} cannot be written")
    shell.window.close()


def _again_under_xvfb(width: int, height: int) -> int:
    xvfb = shutil.which("xvfb-run")
    if xvfb is None:
        print("There is no display, and xvfb-run is not installed.", file=sys.stderr)
        return 1
    screen = f"-screen 0 {width}x{height}x24 +extension GLX"
    command = [xvfb, "--auto-servernum", "--server-args", screen, sys.executable]
    environment = os.environ | {"QT_QPA_PLATFORM": "xcb", "LIBGL_ALWAYS_SOFTWARE": "1"}
    return subprocess.call([*command, "-m", "tests.screenshot", *sys.argv[1:]], env=environment)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"expected a size like 1600x1000, got {text!r}")
    return int(width), int(height)


if __name__ == "__main__":
    sys.exit(main())
