"""The profiler panel: what it says, what it does, and that nothing moves that should stand."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QLabel, QToolButton

from app.ui import files, theme
from app.ui.commands import limits as limits_command
from app.ui.panels.profiler import ACTIONS, PANEL, ProfilerPanel
from app.ui.profiler.columns import COLUMNS
from app.ui.profiler.delegates import index_of
from app.ui.profiler.first_calls import duration_text
from app.ui.profiler.model import ROW_ROLE
from app.ui.profiler.scale import StickyScale, round_up
from app.ui.tasks import TaskList
from render.profile import ProfileStore
from tests.render.profile_frames import add, make_store
from tests.render.test_limits import LIMITS, of_cpu


@pytest.fixture
def make_panel(qtbot):
    # Without a reference that outlives the test's body, the panel is garbage while it still
    # paints, and the collector may delete it in the middle of that.
    panels: list[ProfilerPanel] = []

    def make(store: ProfileStore) -> ProfilerPanel:
        errors: list[Exception] = []
        shell = SimpleNamespace(profile=store, show_error=errors.append, errors=errors)
        panel = PANEL.factory(shell)
        shell.panel = lambda name: panel
        panel.shell = shell
        panels.append(panel)
        qtbot.addWidget(panel)
        panel.resize(380, 600)
        panel.show()
        return panel

    yield make
    for panel in panels:
        panel.hide()


def names(panel: ProfilerPanel) -> list[str]:
    model = panel.table.rows
    return [model.index(i, 0).data() for i in range(model.rowCount())]


def texts(panel: ProfilerPanel, column: str) -> dict[str, str]:
    model = panel.table.rows
    place = index_of(column)
    return {
        model.index(i, 0).data(): model.index(i, place).data()
        for i in range(model.rowCount())
        if model.index(i, 0).data(ROW_ROLE) is not None
    }


def status(panel: ProfilerPanel) -> str:
    return panel.findChild(QLabel, "profiler_status").text()


def button(panel: ProfilerPanel, name: str) -> QToolButton:
    return panel.findChild(QToolButton, f"profiler_{name}")


def click(panel: ProfilerPanel, position: int) -> None:
    place = QPointF(panel.plot.x_of(position), 20).toPoint()
    QTest.mouseClick(panel.plot, Qt.MouseButton.LeftButton, pos=place)


def test_without_frames_it_says_what_to_do(make_panel):
    panel = make_panel(ProfileStore())
    label = panel.findChild(QLabel, "profiler_empty")
    assert label.isVisible()
    assert "Move the camera" in label.text()
    assert not button(panel, "save_csv").isEnabled()
    assert button(panel, "toggle_burst").isEnabled()
    assert not panel.first_calls.isVisible()


def test_rows_stand_under_their_groups_in_frame_order(make_panel):
    assert names(make_panel(make_store())) == [
        "Gaussians",
        "Project",
        "Colour by view",
        "Sort by depth",
        "Bin into tiles",
        "Blend",
        "Picture",
        "Turn to 8 bits",
        "Window",
        "Transfer",
        "Upload",
        "Present",
        "Waiting",
        "Other",
        "Total",
    ]


def test_cells_have_numbers_and_words(make_panel):
    panel = make_panel(make_store(noise=0.0))
    assert texts(panel, "median")["Blend"] == "8.10"
    assert texts(panel, "backend")["Blend"] == "cpu"
    assert texts(panel, "bytes")["Blend"] == "30.0"
    assert texts(panel, "flops")["Blend"] == "450.0"
    assert texts(panel, "flops")["Sort by depth"] == ""
    assert texts(panel, "counters")["Bin into tiles"] == "622 k tile keys"
    assert texts(panel, "share")["Total"] == "100.0"
    shares = texts(panel, "share")
    assert sum(float(v) for k, v in shares.items() if k != "Total") == pytest.approx(100, abs=0.5)


def test_the_share_of_the_limit_comes_with_the_limits(make_panel):
    store = make_store(noise=0.0)
    panel = make_panel(store)
    assert set(texts(panel, "limit").values()) == {""}
    store.limits = of_cpu
    panel.refresh()
    cells = texts(panel, "limit")
    # 450 MFLOP in 8.1 ms of 200 GFLOP/s; 4 MB in 1.2 ms of 25 GB/s.
    assert (cells["Blend"], cells["Sort by depth"]) == ("28 %", "13 %")
    assert {cells[name] for name in ("Upload", "Present", "Other", "Total")} == {""}
    tip = panel.table.rows.index(3, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "13 % of the limit, which memory sets: 3.3 of 25.0 GB/s" in tip
    panel.table.sort_by(index_of("limit"))
    # 20 MB in 1.4 ms are 14.3 GB/s, 27 MB in 2.0 ms 13.5.
    assert names(panel)[:2] == ["Project", "Colour by view"]


def test_the_limits_are_measured_in_the_background(make_panel, monkeypatch, qtbot):
    store = make_store(noise=0.0)
    panel = make_panel(store)
    said = []
    panel.shell.status = said.append
    panel.shell.tasks = TaskList()
    (record,) = limits_command.ACTIONS
    monkeypatch.setattr(limits_command, "measure_machine", lambda *_: {"cpu": LIMITS})
    monkeypatch.setattr(limits_command, "KeptLimits", lambda: of_cpu)
    assert record.enabled_when(panel.shell)
    record.run(panel.shell)
    assert not record.enabled_when(panel.shell)
    qtbot.waitUntil(lambda: bool(said), timeout=5000)
    assert said == ["cpu: " + LIMITS.words]
    assert record.enabled_when(panel.shell)
    panel.refresh()
    assert texts(panel, "limit")["Blend"] == "28 %"


def test_every_cell_has_a_tooltip_with_everything(make_panel):
    panel = make_panel(make_store(noise=0.0))
    tip = panel.table.rows.index(5, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "median 8.10 ms" in tip
    assert "450 MFLOP a frame" in tip
    assert "78 pairs per pixel" in tip


def test_numbers_refresh_only_while_visible(make_panel, qtbot):
    store = make_store(5)
    panel = make_panel(store)
    assert "4 frames" in status(panel) or "5 frames" in status(panel)
    add(store, 5)
    qtbot.waitUntil(lambda: "6 frames at 640 × 360" in status(panel), timeout=2000)
    panel.hide()
    assert not panel._timer.isActive()
    add(store, 6)
    qtbot.wait(250)
    assert "6 frames" in status(panel)
    panel.show()
    assert "7 frames" in status(panel)


def test_widths_never_move_with_the_numbers(make_panel):
    store = make_store(5)
    panel = make_panel(store)
    before = [panel.table.columnWidth(i) for i in range(len(COLUMNS))]
    for number in range(5, 30):
        add(store, number, noise=2.0)
    panel.refresh()
    assert [panel.table.columnWidth(i) for i in range(len(COLUMNS))] == before


def test_the_essential_columns_fit_a_narrow_panel(make_panel):
    panel = make_panel(make_store())
    essential = ["name", "median", "p95", "share"]
    assert [column.name for column in COLUMNS if column.shown][:4] == essential
    end = sum(panel.table.columnWidth(index_of(name)) for name in essential)
    assert end <= 380 - 2 * 8 - 2
    assert panel.width() == 380


def test_sorting_keeps_its_order_while_numbers_move(make_panel):
    store = make_store(20, noise=0.0)
    panel = make_panel(store)
    panel.table.sort_by(index_of("median"))
    order = names(panel)
    assert order[:3] == ["Blend", "Present", "Bin into tiles"]
    assert order[-1] == "Total"
    for number in range(20, 200):
        add(store, number, noise=3.0)
    panel.refresh()
    assert names(panel) == order


def test_sorting_cycles_back_to_frame_order(make_panel):
    panel = make_panel(make_store(20, noise=0.0))
    frame_order = names(panel)
    for _ in range(2):
        panel.table.sort_by(index_of("median"))
    assert names(panel)[0] == "Transfer"
    assert names(panel)[-1] == "Total"
    panel.table.sort_by(index_of("median"))
    assert names(panel) == frame_order
    panel.table.sort_by(index_of("name"))
    assert names(panel)[0] == "Bin into tiles"


def test_a_row_that_comes_later_stands_before_the_total(make_panel):
    store = ProfileStore()
    add(store, 0, first=True)
    panel = make_panel(store)
    panel.table.sort_by(index_of("median"))
    assert "Blend" not in names(panel)
    add(store, 1)
    panel.refresh()
    assert set(names(panel)[-3:-1]) == {"Blend", "Other"}
    assert names(panel)[-1] == "Total"


def test_selection_survives_a_refresh(make_panel):
    store = make_store(20)
    panel = make_panel(store)
    panel.table.selectRow(5)
    add(store, 20)
    panel.refresh()
    assert [i.row() for i in panel.table.selectionModel().selectedRows()] == [5]


def test_columns_can_be_chosen(make_panel):
    panel = make_panel(make_store())
    menu = panel.table.choose_columns()
    actions = {action.text(): action for action in menu.actions()}
    assert not actions["Stage"].isEnabled()
    assert panel.table.isColumnHidden(index_of("mean"))
    actions["mean ms"].trigger()
    actions["p95 ms"].trigger()
    assert not panel.table.isColumnHidden(index_of("mean"))
    assert panel.table.isColumnHidden(index_of("p95"))


def test_clicking_a_frame_freezes_on_it_and_again_lets_go(make_panel):
    store = make_store(240, noise=0.3)
    panel = make_panel(store)
    click(panel, 100)
    index = store.frozen_index
    assert index is not None
    assert abs(index - 100) <= 1
    assert status(panel) == f"frozen on frame {index}"
    assert button(panel, "toggle_freeze").isChecked()
    total = store.rows()[-1].median_ms
    assert texts(panel, "median")["Total"] == f"{total:.2f}"
    add(store, 240)
    panel.refresh()
    assert store.frozen_index == index
    click(panel, index)
    assert not store.frozen
    assert not button(panel, "toggle_freeze").isChecked()


def test_keys_step_through_the_frames(make_panel):
    store = make_store(50)
    panel = make_panel(store)
    for key, index in (
        (Qt.Key.Key_Left, 49),
        (Qt.Key.Key_Left, 48),
        (Qt.Key.Key_Right, 49),
        (Qt.Key.Key_Right, 49),
        (Qt.Key.Key_Escape, None),
    ):
        QTest.keyClick(panel.plot, key)
        assert store.frozen_index == index
    assert not store.frozen


def test_hovering_tells_the_frame(make_panel):
    store = make_store(240, noise=0.3)
    panel = make_panel(store)
    place = QPointF(panel.plot.x_of(100), 20).toPoint()
    QTest.mouseMove(panel.plot, place)
    card = panel._card
    panel.plot.hovered.emit(100)
    assert card.isVisible()
    lines = dict(card.lines())
    sample = store.frames()[100]
    assert lines["Frame 100"] == f"{sample.digest.steady_ns / 1e6:.2f} ms"
    assert "Blend" in lines
    assert panel.rect().contains(card.geometry())
    panel.plot.hovered.emit(-1)
    assert not card.isVisible()


def test_positions_and_places_of_frames_agree(make_panel):
    panel = make_panel(make_store(60))
    plot = panel.plot
    assert [plot.position_at(plot.x_of(i)) for i in range(60)] == list(range(60))
    assert plot.position_at(2.0) == -1
    assert plot.position_at(plot.width() + 5.0) == -1


def test_freeze_button_holds_still(make_panel):
    store = make_store(10)
    panel = make_panel(store)
    button(panel, "toggle_freeze").click()
    assert status(panel).startswith("frozen · 10 frames")
    add(store, 10)
    panel.refresh()
    assert "10 frames" in status(panel)
    button(panel, "toggle_freeze").click()
    assert "11 frames" in status(panel)


def test_reset_shows_the_empty_panel_but_keeps_first_calls(make_panel):
    panel = make_panel(make_store(10))
    button(panel, "reset").click()
    assert panel.findChild(QLabel, "profiler_empty").isVisible()
    assert not button(panel, "copy").isEnabled()


def test_copy_puts_the_table_into_the_clipboard(make_panel):
    panel = make_panel(make_store(10))
    button(panel, "copy").click()
    text = QGuiApplication.clipboard().text()
    assert "Blend" in text
    assert text.splitlines()[-1].startswith("Total")
    assert status(panel) == "Table copied"


def test_saving(make_panel, monkeypatch, tmp_path):
    panel = make_panel(make_store(10))
    monkeypatch.setattr(files, "ask_save", lambda *args: tmp_path / "out")
    button(panel, "save_csv").click()
    with (tmp_path / "out").open(newline="") as file:
        assert len(list(csv.reader(file))) == 13
    button(panel, "save_trace").click()
    events = json.loads((tmp_path / "out").read_text())["traceEvents"]
    assert sum(event["name"].startswith("Frame ") for event in events) == 10
    assert status(panel) == "Saved 10 frames to out"


def test_cancelled_and_failed_saves(make_panel, monkeypatch, tmp_path):
    panel = make_panel(make_store(10))
    monkeypatch.setattr(files, "ask_save", lambda *args: None)
    button(panel, "save_csv").click()
    monkeypatch.setattr(files, "ask_save", lambda *args: tmp_path / "none" / "x.csv")
    button(panel, "save_csv").click()
    assert len(panel.shell.errors) == 1


def test_a_burst_is_recorded_and_saved(make_panel, monkeypatch, tmp_path):
    store = make_store(10)
    panel = make_panel(store)
    panel._buttons.burst_frames = 3
    button(panel, "toggle_burst").click()
    add(store, 10)
    panel.refresh()
    assert status(panel) == "recording 1 of 3 frames"
    assert button(panel, "toggle_burst").isChecked()
    for number in (11, 12, 13):
        add(store, number)
    panel.refresh()
    assert not button(panel, "toggle_burst").isChecked()
    monkeypatch.setattr(files, "ask_save", lambda *args: tmp_path / "burst.json")
    panel.save_trace()
    assert status(panel) == "Saved 3 frames to burst.json"


def test_the_length_of_a_burst_is_chosen_from_its_menu(make_panel):
    store = make_store(3)
    panel = make_panel(store)
    actions = {a.text(): a for a in button(panel, "toggle_burst").menu().actions()}
    assert actions["600 frames"].isChecked()
    actions["120 frames"].trigger()
    assert not actions["600 frames"].isChecked()
    button(panel, "toggle_burst").click()
    assert store.recording().wanted == 120


def test_first_calls_fold_out(make_panel):
    panel = make_panel(make_store(10))
    line = panel.findChild(QToolButton, "profiler_first_calls_line")
    assert line.text() == "First calls: 1.8 s for 1 kernel, with compilation"
    details = panel.first_calls._details
    assert not details.isVisible()
    line.click()
    assert details.isVisible()
    assert details.text() == "Blend (cpu) 1.8 s"
    assert duration_text(812.4) == "812 ms"


def test_actions_drive_the_same_panel(make_panel):
    store = make_store(10)
    panel = make_panel(store)
    records = {record.id: record for record in ACTIONS}
    assert len(records) == len(ACTIONS) == 6
    freeze = records["profiler.toggle_freeze"]
    assert freeze.enabled_when(panel.shell)
    assert not freeze.checked(panel.shell)
    freeze.run(panel.shell)
    assert freeze.checked(panel.shell)
    assert all(record.tip for record in ACTIONS)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_it_paints_in_both_themes(make_panel, mode, count):
    app = QApplication.instance()
    before = theme.current()
    try:
        theme.apply(app, mode)
        panel = make_panel(make_store(count, noise=0.5))
        assert not panel.grab().toImage().isNull()
    finally:
        theme.apply(app, before.name)


def test_rows_and_layers_share_their_colour_and_keep_it(make_panel):
    store = make_store(10)
    panel = make_panel(store)
    colors = panel.plot._colors
    before = {row.key: colors.color(row.key).name() for row in store.rows()}
    add(store, 10)
    panel.refresh()
    assert {key: colors.color(key).name() for key in before} == before
    kernels = [name for key, name in before.items() if key.backend]
    assert len(set(kernels)) == len(kernels)


def test_the_scale_is_round_and_does_not_twitch():
    scale = StickyScale()
    assert scale.fit(np.full(100, 21.0, np.float32)) == 25.0
    assert scale.fit(np.full(100, 20.0, np.float32)) == 25.0
    assert scale.fit(np.full(100, 15.0, np.float32)) == 25.0
    assert scale.fit(np.full(100, 5.0, np.float32)) == 6.4
    assert scale.fit(np.array([], np.float32)) == 6.4
    spikes = np.full(100, 5.0, np.float32)
    spikes[50] = 500.0
    assert scale.fit(spikes) < 400.0
    assert [round_up(v) for v in (0.0, 1.0, 1.1, 9.0, 33.0)] == [0.01, 1.0, 1.25, 10.0, 40.0]
