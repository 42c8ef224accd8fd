"""One module per command, each with a ``COMMAND`` record; found by scanning.

The modules import nothing heavy at their top: ``plenoscope --help`` must not wait for torch.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One subcommand: ``run(arguments)`` returns the exit code; ``order`` is its place in help."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    order: int


def commands() -> list[Command]:
    """Every command in the order of the help page."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        record = getattr(importlib.import_module(f"{__name__}.{module.name}"), "COMMAND", None)
        if isinstance(record, Command):
            found.append(record)
    return sorted(found, key=lambda command: command.order)
