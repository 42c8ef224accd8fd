"""The time axis and what is under the pointer, as numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from app.ui.timeline import layout
from app.ui.timeline.scale import TimeScale, clock_text, frame_steps, ruler_ticks, snapped
from scenes.paths.path import CameraPath, Keyframe


def path_of(*times: float, **clip: object) -> CameraPath:
    return CameraPath(tuple(Keyframe(t, np.eye(4), 0.9) for t in times), **clip)  # type: ignore[arg-type]


SCALE = TimeScale(0.0, 100.0)


def test_pixels_and_seconds_are_inverse() -> None:
    scale = TimeScale.fitting(8.0, 900)
    assert scale.time_at(scale.x_of(3.21)) == pytest.approx(3.21)
    assert 0 < scale.x_of(0.0) < scale.x_of(8.0) < 900


def test_zoom_keeps_the_time_under_the_pointer() -> None:
    scale = TimeScale.fitting(8.0, 900)
    before = scale.time_at(400)
    assert scale.zoomed(3.0, 400, 8.0, 900, 30).time_at(400) == pytest.approx(before)


def test_zoom_has_ends() -> None:
    scale = TimeScale.fitting(8.0, 900)
    near = scale
    far = scale
    for _ in range(60):
        near = near.zoomed(1.5, 400, 8.0, 900, 30)
        far = far.zoomed(0.5, 400, 8.0, 900, 30)
    assert near.pixels_per_second == 60 * 30
    assert far.x_of(8.0) > 500


def test_panning_never_loses_the_clip() -> None:
    scale = TimeScale.fitting(8.0, 900).zoomed(10, 400, 8.0, 900, 30)
    assert scale.panned(1e9, 8.0, 900).x_of(0.0) == pytest.approx(16)
    assert scale.panned(-1e9, 8.0, 900).x_of(8.0) < 900


def test_the_page_turns_to_the_playhead() -> None:
    scale = TimeScale.fitting(100.0, 900).zoomed(20, 0, 100.0, 900, 30)
    assert 0 < scale.showing(50.0, 100.0, 900).x_of(50.0) < 900
    assert scale.showing(1.0, 100.0, 900) is scale


@pytest.mark.parametrize("fps", [1.0, 24.0, 25.0, 29.97, 30.0, 60.0, 1000.0])
@pytest.mark.parametrize("zoom", [1.0, 20.0, 100.0, 1800.0])
def test_labels_never_touch(fps: float, zoom: float) -> None:
    ticks = ruler_ticks(TimeScale(-0.1, zoom), 1000, fps)
    labels = [tick for tick in ticks if tick.seconds]
    assert 1 <= len(labels) <= 17
    assert len(ticks) < 200
    assert all(b.x - a.x >= 63 for a, b in pairwise(labels))
    assert len({tick.seconds for tick in labels}) == len(labels)
    assert all(tick.frame >= 0 for tick in ticks)


def test_labels_say_seconds_and_frames() -> None:
    ticks = [t for t in ruler_ticks(TimeScale(0, 100), 250, 30) if t.seconds]
    assert [(t.seconds, t.frames) for t in ticks] == [("0 s", "0"), ("1 s", "30"), ("2 s", "60")]
    late = [t for t in ruler_ticks(TimeScale(59, 100), 250, 30) if t.seconds]
    assert ("1:00", "1800") in [(t.seconds, t.frames) for t in late]


def test_steps_divide_the_second() -> None:
    assert frame_steps(24.0)[:8] == [1, 2, 3, 4, 6, 8, 12, 24]


def test_snapping_and_the_clock() -> None:
    assert snapped(1.02, 30) == pytest.approx(31 / 30)
    assert clock_text(3.21) == "00:03.2"
    assert clock_text(8, 0) == "00:08"
    assert clock_text(59.97) == "01:00.0"
    assert clock_text(754.5) == "12:34.5"


def hit(path: CameraPath, x: float, y: float, playhead: float = 0.5) -> layout.Hit:
    return layout.hit_test(path, SCALE, playhead, x, y)


def test_what_is_under_the_pointer() -> None:
    path = path_of(1.0, 3.0)
    assert hit(path, 104, layout.KEY_Y) == layout.Hit("key", 0)
    assert hit(path, 200, layout.KEY_Y) == layout.Hit("easing", 0)
    assert hit(path, 250, 10) == layout.Hit("ruler")
    assert hit(path, 52, 10) == layout.Hit("playhead")
    assert hit(path, 51, 80) == layout.Hit("playhead")
    assert hit(path, 150, 80) == layout.Hit("empty")


def test_the_nearer_key_wins() -> None:
    path = path_of(1.0, 1.1)
    assert hit(path, 104, layout.KEY_Y).index == 0
    assert hit(path, 106, layout.KEY_Y).index == 1


def test_a_loop_has_a_curve_behind_the_last_key() -> None:
    assert layout.easing_spots(path_of(1.0, duration=4.0, loop=True), SCALE) == []
    spots = layout.easing_spots(path_of(1.0, 2.0, duration=4.0, loop=True), SCALE)
    assert spots == [(0, 150.0), (1, 300.0)]
    assert len(layout.easing_spots(path_of(1.0, 2.0, duration=4.0), SCALE)) == 1
    assert layout.easing_spots(path_of(1.0, 1.3), SCALE) == []


def test_a_rectangle_takes_the_keys_that_it_touches() -> None:
    path = path_of(1.0, 2.0, 3.0)
    y = layout.KEY_Y
    assert layout.keys_between(path, SCALE, (90, y - 20), (206, y + 20)) == {0, 1}
    assert layout.keys_between(path, SCALE, (206, y), (90, y - 20)) == {0, 1}
    assert layout.keys_between(path, SCALE, (0, y + 20), (400, y + 30)) == frozenset()
