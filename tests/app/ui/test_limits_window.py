"""Measuring the machine's limits from the menu of a window that shows a scene."""

from __future__ import annotations

import pytest

from app.limits import measure_machine
from app.ui.commands import limits as command
from app.ui.profiler.delegates import index_of
from tests.app.ui.conftest import wait_for_picture
from tests.render.test_limits import TINY

pytestmark = pytest.mark.window


def test_the_shown_kernels_get_their_shares(live, monkeypatch, qtbot, home):
    def measure(progress, cancel):
        return measure_machine(progress, cancel, TINY)

    monkeypatch.setattr("app.limits.BACKENDS", ("cpu",))
    monkeypatch.setattr(command, "measure_machine", measure)
    for side in ("front", "right"):
        live.run(f"camera.axis.{side}")
        wait_for_picture(live, qtbot)
    assert all(row.reach is None for row in live.profile.rows())
    live.run("tools.limits")
    # Kernels that were never compiled on this machine take seconds to compile.
    qtbot.waitUntil(lambda: not live.tasks.tasks, timeout=60_000)
    assert (home / "limits.json").exists()
    rows = {row.key.name: row for row in live.profile.rows()}
    assert rows["blend"].reach is not None
    assert rows["present"].reach is None
    live.show_panel("profiler")
    model = live.panel("profiler").table.rows
    column = index_of("limit")
    qtbot.waitUntil(
        lambda: any(model.index(i, column).data() for i in range(model.rowCount())), timeout=5000
    )
