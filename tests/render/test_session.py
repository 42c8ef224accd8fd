"""The worker renders the latest camera only, and its resolution keeps pace without swinging."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from kernels.timing import KernelRecord
from render.request import Frame, RenderCancelled, RenderRequest
from render.session import MINIMUM_SCALE, RenderSession, ResolutionControl
from scenes.camera import Camera

CAMERA = Camera.look_at((0, 0, -3), (0, 0, 0), width=800, height=600)


class Studio:
    """A renderer that takes as long as the test says, and notes what it was asked."""

    def __init__(self, seconds_per_pixel: float = 0.0, stages: int = 1) -> None:
        self.seconds_per_pixel = seconds_per_pixel
        self.stages = stages
        self.asked: list[RenderRequest] = []
        self.gate = threading.Event()
        self.gate.set()
        self.cancelled = 0

    def __call__(self, request: RenderRequest) -> Frame:
        self.asked.append(request)
        self.gate.wait(5)
        for _ in range(self.stages):
            if request.cancelled is not None and request.cancelled():
                self.cancelled += 1
                raise RenderCancelled
            if self.stages > 1:
                time.sleep(0.01)
        camera = request.camera
        total = int(camera.width * camera.height * self.seconds_per_pixel * 1e9)
        record = KernelRecord("blend", "gaussians", "cpu", 0, total, counters={"pixels": 1})
        picture = np.zeros((camera.height, camera.width, 4), np.uint8)
        return Frame({"rgba8": picture}, (record,), 0, total, camera, "cpu")


@pytest.fixture
def opened():
    """Makes sessions and closes them."""
    sessions = []

    def make(studio, **options):
        frames, errors = [], []
        session = RenderSession(
            lambda frame, ticket: frames.append((frame, ticket)),
            errors.append,
            renderer=studio,
            **options,
        )
        sessions.append(session)
        return session, frames, errors

    yield make
    for session in sessions:
        session.close()


def _until(condition, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.002)


def _request() -> RenderRequest:
    return RenderRequest(None, CAMERA)


def test_latest_request_wins(opened):
    studio = Studio()
    studio.gate.clear()
    session, frames, _ = opened(studio)
    session.submit(_request(), moving=False)
    _until(lambda: studio.asked)
    numbers = [session.submit(_request(), moving=False) for _ in range(50)]
    studio.gate.set()
    _until(lambda: frames and session.idle)
    assert len(studio.asked) == 2
    assert [ticket.number for _, ticket in frames] == [numbers[-1]]


def test_a_newer_request_cancels_a_still_frame_between_stages(opened):
    studio = Studio(stages=500)
    session, _, _ = opened(studio)
    session.submit(_request(), moving=False)
    _until(lambda: studio.asked)
    studio.stages = 1
    session.submit(_request(), moving=False)
    _until(lambda: studio.cancelled == 1)


def test_unfinished_pictures_lie_over_the_one_before(opened):
    """A slow frame: the left half is finished first, the coarse moving picture shows elsewhere."""

    def slow(request):
        size = request.camera.height, request.camera.width
        if request.partial is not None:
            part = np.zeros((*size, 4), np.uint8)
            part[:, : size[1] // 2] = (9, 9, 9, 255)
            request.partial(part)
        value = 5 if request.partial is None else 9
        picture = np.full((*size, 4), (value, value, value, 255), np.uint8)
        return Frame({"rgba8": picture}, (), 0, 10**9, request.camera, "cpu")

    session, frames, _ = opened(slow)
    session.submit(_request(), moving=True)
    _until(lambda: len(frames) == 3)
    (_, moving), (part, unfinished), (_, final) = frames
    assert (moving.final, unfinished.final, final.final) == (False, False, True)
    assert part.rgba8.shape[:2] == (600, 800)
    assert (part.rgba8[:, :400, 0] == 9).all()
    assert (part.rgba8[:, 400:, 0] == 5).all()
    assert (part.rgba8[..., 3] == 255).all()


def test_moving_frames_are_refined_at_rest(opened):
    session, frames, _ = opened(Studio())
    session.submit(_request(), moving=True)
    _until(lambda: len(frames) == 2)
    (_, first), (_, second) = frames
    assert (first.moving, first.final) == (True, False)
    assert (second.moving, second.final) == (False, True)
    assert first.number == second.number


def test_moving_frames_get_smaller_until_they_meet_the_rate(opened):
    studio = Studio(seconds_per_pixel=0.2 / (800 * 600))
    session, frames, _ = opened(studio, target_fps=30)
    for _ in range(40):
        seen = len(frames)
        session.submit(_request(), moving=True)
        _until(lambda seen=seen: len(frames) > seen)
    frame, ticket = frames[-1]
    assert 0.3 < ticket.scale < 0.45
    assert frame.rgba8.shape[1] % 8 == 0
    assert frame.camera.fov_y == pytest.approx(CAMERA.fov_y)


def test_errors_are_reported_and_the_worker_lives_on(opened):
    def broken(request):
        raise ValueError("no such preset")

    session, frames, errors = opened(broken)
    session.submit(_request(), moving=False)
    _until(lambda: errors)
    assert str(errors[0]) == "no such preset"
    session._renderer = Studio()
    session.submit(_request(), moving=False)
    _until(lambda: frames)


def test_pause_keeps_the_letter(opened):
    studio = Studio()
    session, frames, _ = opened(studio)
    session.pause()
    session.submit(_request(), moving=False)
    time.sleep(0.05)
    assert not studio.asked
    session.resume()
    _until(lambda: frames)


def test_closing_cancels_and_joins():
    studio = Studio(stages=1000)
    session = RenderSession(lambda *_: None, lambda _: None, renderer=studio)
    session.submit(_request(), moving=False)
    _until(lambda: studio.asked)
    session.close()
    assert studio.cancelled == 1
    assert "render worker" not in {thread.name for thread in threading.enumerate()}


def _settle(cost, fps: float = 30.0, frames: int = 400) -> list[float]:
    """Scales over time for a renderer that takes ``cost(scale, index)``: fixed, pixel seconds."""
    control = ResolutionControl(fps)
    scales = []
    for index in range(frames):
        scales.append(control.scale)
        fixed, pixels = cost(control.scale, index)
        control.observe(fixed + pixels, pixels)
    return scales


@pytest.mark.parametrize("full", [0.005, 0.02, 0.04, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("fixed", [0.0, 0.01, 0.06])
def test_resolution_settles_under_noise(full, fixed):
    """30 % noise on the time, and a part that does not shrink with the picture."""
    noise = np.random.default_rng(0).uniform(0.85, 1.15, 400)
    scales = _settle(lambda scale, i: (fixed * noise[i], full * scale * scale * noise[i]))
    settled = scales[150:]
    assert int((np.diff(settled) != 0).sum()) <= 4
    last = settled[-1]
    if fixed + full < 0.025:
        assert last == 1.0
    elif last > MINIMUM_SCALE:
        assert fixed + full * last * last < max(1.25 / 30, 1.7 * fixed)


def test_a_heavy_scene_keeps_its_picture_where_fewer_pixels_do_not_help():
    scales = _settle(lambda scale, i: (0.2, 0.01 * scale * scale))
    assert scales[-1] == 1.0


def test_resolution_recovers_when_the_load_goes():
    scales = _settle(lambda scale, i: (0.0, (0.2 if i < 100 else 0.01) * scale * scale))
    assert scales[99] < 0.5
    assert scales[-1] == 1.0


def test_first_calls_do_not_count():
    control = ResolutionControl()
    for _ in range(10):
        control.observe(5.0, 5.0, compiled=True)
    assert control.scale == 1.0
