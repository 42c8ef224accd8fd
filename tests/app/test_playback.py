"""Playing a clip, with a clock that only moves when told."""

from __future__ import annotations

import pytest

from app.ui.timeline.playback import Playback, frame_at, frame_count, last_frame_time
from scenes.paths.path import CameraPath


class Clock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def playback(clock: Clock) -> Playback:
    return Playback(clock)


CLIP = CameraPath(duration=2.0, fps=10.0)


def test_frames_of_a_clip() -> None:
    assert frame_count(CLIP) == 20
    assert last_frame_time(CLIP) == pytest.approx(1.9)
    assert frame_at(CLIP, 0.26) == 3
    assert frame_at(CLIP, 2.0) == 19
    assert frame_count(CameraPath(duration=0.0)) == 1


def test_nothing_is_due_before_the_first_frame_has_passed(playback: Playback, clock: Clock) -> None:
    playback.play(CLIP, 0.0)
    assert playback.tick() is None
    clock.now += 0.05
    assert playback.tick() is None
    clock.now += 0.05
    assert playback.tick() == pytest.approx(0.1)
    assert playback.tick() is None


def test_real_time_drops_frames_and_keeps_the_clock(playback: Playback, clock: Clock) -> None:
    playback.play(CLIP, 0.5)
    clock.now += 0.73
    assert playback.tick() == pytest.approx(1.2)
    clock.now += 0.3
    assert playback.tick() == pytest.approx(1.5)


def test_ends_on_the_last_frame(playback: Playback, clock: Clock) -> None:
    playback.play(CLIP, 0.0)
    clock.now += 10
    assert playback.tick() == pytest.approx(1.9)
    assert not playback.playing
    assert playback.tick() is None


def test_plays_from_the_start_after_the_end(playback: Playback, clock: Clock) -> None:
    playback.play(CLIP, 2.0)
    clock.now += 0.1
    assert playback.tick() == pytest.approx(0.1)


def test_a_loop_goes_round(playback: Playback, clock: Clock) -> None:
    loop = CameraPath(duration=2.0, fps=10.0, loop=True)
    playback.play(loop, 1.8)
    times = []
    for _ in range(4):
        clock.now += 0.1
        times.append(playback.tick())
    assert times == pytest.approx([1.9, 0.0, 0.1, 0.2])
    assert playback.playing


def test_every_frame_waits_for_the_picture(playback: Playback, clock: Clock) -> None:
    playback.set_every_frame(True)
    playback.play(CLIP, 0.0)
    assert playback.tick() == pytest.approx(0.1)
    clock.now += 5
    assert playback.tick() is None
    playback.frame_shown()
    assert playback.tick() == pytest.approx(0.2)


def test_every_frame_shows_each_frame_once(playback: Playback) -> None:
    playback.set_every_frame(True)
    playback.play(CLIP, 0.0)
    times = []
    while playback.playing:
        times.append(playback.tick())
        playback.frame_shown()
    assert times == pytest.approx([i / 10 for i in range(1, 20)])


def test_pause_and_seek(playback: Playback, clock: Clock) -> None:
    playback.play(CLIP, 0.0)
    playback.seek(1.0)
    clock.now += 0.2
    assert playback.tick() == pytest.approx(1.2)
    playback.pause()
    clock.now += 0.2
    assert playback.tick() is None


def test_an_edit_while_playing_stays_at_the_time(playback: Playback, clock: Clock) -> None:
    playback.play(CLIP, 0.0)
    clock.now += 1.0
    playback.tick()
    playback.set_path(CameraPath(duration=4.0, fps=20.0))
    clock.now += 0.5
    assert playback.tick() == pytest.approx(1.5)


def test_switching_to_real_time_while_playing_does_not_jump(
    playback: Playback, clock: Clock
) -> None:
    playback.set_every_frame(True)
    playback.play(CLIP, 0.0)
    playback.tick()
    clock.now += 60
    playback.set_every_frame(False)
    clock.now += 0.1
    assert playback.tick() == pytest.approx(0.2)


def test_a_clip_of_one_frame_ends_at_once(playback: Playback, clock: Clock) -> None:
    playback.play(CameraPath(duration=0.1, fps=10.0), 0.0)
    clock.now += 1
    assert playback.tick() == 0.0
    assert not playback.playing
    playback.play(CameraPath(duration=0.1, fps=10.0, loop=True), 0.0)
    clock.now += 1
    assert playback.tick() is None
