"""Tools: what the machine can do at most, for the profiler to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.limits import KeptLimits, measure_machine
from app.ui.actions import ActionRecord

if TYPE_CHECKING:
    from app.ui.shell import Shell
    from render.profile import Limits

_TITLE = "Measuring the machine's limits"


def _measure(shell: Shell) -> None:
    def done(found: dict[str, Limits]) -> None:
        shell.profile.limits = KeptLimits()
        each = (f"{backend}: {limits.words}" for backend, limits in found.items())
        shell.status("; ".join(each))

    shell.tasks.start(_TITLE, measure_machine, done, shell.show_error)


ACTIONS = [
    ActionRecord(
        id="tools.limits",
        title="Measure the machine's limits",
        menu="Tools",
        shortcut="Ctrl+Shift+L",
        tip="Find out in some seconds, while nothing else runs, what memory and arithmetic can do; "
        "the profiler shows how near each kernel comes",
        icon="gauge",
        run=_measure,
        enabled_when=lambda shell: all(task.title != _TITLE for task in shell.tasks.tasks),
        section=1,
    ),
]
