"""What can be done with a profile: the same commands are buttons of the panel and actions."""

from __future__ import annotations

from dataclasses import dataclass

from app.ui.actions import ActionRecord


@dataclass(frozen=True)
class Command:
    """One command of the panel; ``method`` is the panel's."""

    method: str
    title: str
    tip: str
    icon: str
    switch: str = ""
    """Attribute of the store that tells whether a switch is on; empty for no switch."""
    needs_frames: bool = True


COMMANDS = (
    Command(
        "toggle_freeze",
        "Freeze Profiler",
        "Hold the numbers still; recording goes on behind them",
        "freeze",
        "frozen",
    ),
    Command("reset", "Reset Profiler", "Forget the measured frames and start again", "reset"),
    Command("copy", "Copy Profile", "Copy the table as text", "copy"),
    Command(
        "save_csv",
        "Save Profile as CSV…",
        "Save the table for a spreadsheet",
        "table",
    ),
    Command(
        "save_trace",
        "Save Trace…",
        "Save every kernel of the last frames, or of the recorded burst, for ui.perfetto.dev",
        "trace",
    ),
    Command(
        "toggle_burst",
        "Record Burst",
        "Record the next frames, more than the plot keeps, to save them as a trace; "
        "again to end it early",
        "record",
        "recording_now",
        needs_frames=False,
    ),
)


def action(command: Command) -> ActionRecord:
    """The record of a command for the menus, the palette and the list of keys."""
    return ActionRecord(
        id=f"profiler.{command.method}",
        title=command.title,
        menu="Tools/Profiler",
        tip=command.tip,
        icon=command.icon,
        run=lambda shell: getattr(shell.panel("profiler"), command.method)(),
        enabled_when=(lambda shell: shell.profile.count > 0) if command.needs_frames else None,
        checked=(lambda shell: bool(getattr(shell.profile, command.switch)))
        if command.switch
        else None,
    )


ACTIONS = [action(command) for command in COMMANDS]
