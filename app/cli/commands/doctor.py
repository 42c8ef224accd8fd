"""``plenoscope doctor``: versions, OpenGL, backends and why one cannot run."""

from __future__ import annotations

import argparse
from typing import Any

from app.cli.arguments import add_json
from app.cli.commands import Command
from app.cli.console import print_facts, print_json, size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to print."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask everything and print it."""
    from app.cli.diagnosis import ffmpeg, kernel_cache, opengl, processor, threads, versions
    from app.settings import config_folder, state_folder
    from kernels.backends import BACKENDS, available, resolve

    backends = {name: available(name) for name in BACKENDS}
    report: dict[str, Any] = {
        "versions": versions(),
        "cpu": processor(),
        "threads": threads(),
        "kernel_cache": kernel_cache(),
        "ffmpeg": ffmpeg(),
        "opengl": opengl(),
        "backends": {
            name: {"available": ready, "reason": reason}
            for name, (ready, reason) in backends.items()
        },
        "auto": resolve("auto"),
        "folders": {"settings": str(config_folder()), "state": str(state_folder())},
    }
    if arguments.json:
        print_json(report)
        return 0
    print_facts(
        [
            *report["versions"].items(),
            ("processor", report["cpu"]),
            ("threads", f"{report['threads']['count']} through {report['threads']['layer']}"),
            ("kernel cache", _cache_text(report["kernel_cache"])),
            ("ffmpeg", report["ffmpeg"]),
            ("OpenGL", report["opengl"]),
            *(
                (f"backend {name}", f"{'ready' if ready else 'cannot run'}: {reason}")
                for name, (ready, reason) in backends.items()
            ),
            ("backend auto", report["auto"]),
            ("settings folder", report["folders"]["settings"]),
            ("state folder", report["folders"]["state"]),
        ]
    )
    return 0


def _cache_text(cache: dict[str, Any]) -> str:
    return f"{cache['files']} kernels, {size(cache['bytes'])}, in {cache['folder']}"


COMMAND = Command("doctor", "check what runs on this machine", add_arguments, run, 6)
