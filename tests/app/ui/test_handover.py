"""Pictures of the device on the canvas: OpenGL's half is real, CUDA's a stand-in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from vispy.gloo import gl

from app.ui.canvas.view import Canvas, Picture
from kernels.cuda import interop
from render.request import Frame
from tests.app.ui.conftest import wait_for_picture
from tests.app.ui.test_canvas import need_llvmpipe, noise, pixels_of

pytestmark = pytest.mark.window

PIXEL_UNPACK_BUFFER = 0x88EC
SHARED = (True, "a buffer that CUDA and OpenGL share")


class OnDevice:
    """A picture that counts how often it came to the host."""

    def __init__(self, rgba8: np.ndarray) -> None:
        self.rgba8, self.shape, self.brought = rgba8, rgba8.shape, 0

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        self.brought += 1
        return self.rgba8


class Shared:
    """Writes the buffer by OpenGL, as CUDA would by its own means."""

    made: list[Shared]
    broken = False

    def __init__(self, name: int) -> None:
        self.name, self.closed = name, False
        Shared.made.append(self)

    def fill(self, picture: OnDevice) -> None:
        if Shared.broken:
            raise RuntimeError("CUDA_ERROR_INVALID_GRAPHICS_CONTEXT")
        gl.glBindBuffer(PIXEL_UNPACK_BUFFER, self.name)
        gl.glBufferSubData(PIXEL_UNPACK_BUFFER, 0, np.ascontiguousarray(picture.rgba8))
        gl.glBindBuffer(PIXEL_UNPACK_BUFFER, 0)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def canvas(qtbot, monkeypatch: pytest.MonkeyPatch):
    Shared.made, Shared.broken = [], False
    monkeypatch.setattr(interop, "picture_way", lambda backend, renderer: SHARED)
    monkeypatch.setattr(interop, "SharedBuffer", Shared)
    canvas = Canvas()
    canvas.resize(200, 120)
    canvas.show()
    qtbot.waitExposed(canvas)
    need_llvmpipe(canvas)
    yield canvas
    canvas.close_surface()
    canvas.close()
    canvas.deleteLater()
    assert all(shared.closed for shared in Shared.made)


def show(canvas: Canvas, rgba8: Any) -> np.ndarray:
    height, width = rgba8.shape[:2]
    canvas.show_frame(Picture(Frame({"rgba8": rgba8}, backend="cuda"), (width, height)))
    return pixels_of(canvas)


def test_the_first_picture_comes_by_the_host_and_the_next_do_not(canvas: Canvas) -> None:
    width, height = canvas.physical_size
    first, second = OnDevice(noise(width, height)), OnDevice(noise(width, height)[::-1])
    assert np.array_equal(show(canvas, first), first.rgba8[..., :3])
    assert canvas.handover.possible
    assert np.array_equal(show(canvas, second), second.rgba8[..., :3])
    assert (first.brought, second.brought) == (1, 0)
    assert canvas.handover.words == SHARED[1]


def test_sizes_change_as_they_do_while_the_camera_moves(canvas: Canvas) -> None:
    width, height = canvas.physical_size
    show(canvas, noise(width, height))
    show(canvas, OnDevice(noise(width // 2, height // 2)))
    full = OnDevice(noise(width, height))
    assert np.array_equal(show(canvas, full), full.rgba8[..., :3])
    plain = noise(width, height)[:, ::-1]
    assert np.array_equal(show(canvas, plain), plain[..., :3])
    assert full.brought == 0
    # The larger picture needed a larger buffer; CUDA let go of the smaller one first.
    assert [shared.closed for shared in Shared.made] == [True, False]


def test_any_trouble_means_the_host_and_is_said(canvas: Canvas) -> None:
    width, height = canvas.physical_size
    show(canvas, noise(width, height))
    Shared.broken = True
    picture = OnDevice(noise(width, height)[::-1])
    assert np.array_equal(show(canvas, picture), picture.rgba8[..., :3])
    assert picture.brought == 1
    assert not canvas.handover.possible
    assert "CUDA_ERROR_INVALID_GRAPHICS_CONTEXT" in canvas.handover.words
    Shared.broken = False
    show(canvas, OnDevice(noise(width, height)))
    assert len(Shared.made) == 1


def test_on_this_machine_pictures_are_copied(live, qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    submit = live.session.submit

    def listening(request: Any, moving: bool) -> int:
        asked.append(request.on_device)
        return submit(request, moving)

    monkeypatch.setattr(live, "session", SimpleNamespace(submit=listening, idle=True))
    live.driver.request()
    assert asked == [False]
    assert live.driver.canvas.handover.words == "a copy, from the memory of the processor"
    monkeypatch.setattr(live.driver.canvas.handover, "possible", True)
    live.driver.request()
    assert asked[-1]
    monkeypatch.undo()
    wait_for_picture(live, qtbot)
