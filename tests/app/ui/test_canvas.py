"""The picture on the screen is the picture that was rendered."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PyQt6.QtGui import QImage

from app.ui.canvas.strokes import Strokes
from app.ui.canvas.view import Canvas, Picture
from render.request import Frame
from tests.app.ui.conftest import wait_for_picture

pytestmark = pytest.mark.window


def pixels_of(canvas: Canvas) -> np.ndarray:
    """What OpenGL drew, (H, W, 3) uint8."""
    image = canvas.native.grabFramebuffer().convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    rows = np.frombuffer(bits, np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)[..., :3].copy()


def need_llvmpipe(canvas: Canvas) -> None:
    """Pixels are compared on the software renderer only; others may round differently."""
    canvas.native.grabFramebuffer()
    if "llvmpipe" not in canvas.graphics:
        pytest.skip(f"pixels are compared on llvmpipe, this is {canvas.graphics}")


@pytest.fixture
def canvas(qtbot):
    canvas = Canvas()
    canvas.resize(200, 120)
    canvas.show()
    qtbot.waitExposed(canvas)
    need_llvmpipe(canvas)
    yield canvas
    canvas.close_surface()
    canvas.close()
    canvas.deleteLater()


def show(canvas: Canvas, rgba8: np.ndarray, asked: tuple[int, int] | None = None) -> np.ndarray:
    height, width = rgba8.shape[:2]
    canvas.show_frame(Picture(Frame({"rgba8": rgba8}), asked or (width, height)))
    return pixels_of(canvas)


def noise(width: int, height: int) -> np.ndarray:
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
    picture[..., 3] = 255
    return picture


def test_at_one_to_one_every_pixel_arrives_unchanged(canvas):
    picture = noise(*canvas.physical_size)
    np.testing.assert_array_equal(show(canvas, picture), picture[..., :3])


def test_a_small_picture_fills_the_canvas_smoothly(canvas):
    width, height = canvas.physical_size
    ramp = np.zeros((height // 4, width // 4, 4), np.uint8)
    ramp[..., :3] = np.linspace(0, 255, width // 4)[None, :, None]
    ramp[..., 3] = 255
    seen = show(canvas, ramp, (width, height)).astype(int)
    assert seen[:, 0].max() <= 2
    assert seen[:, -1].min() >= 253
    steps = np.diff(seen[height // 2, :, 0])
    # Four pixels a sample: a ramp of 255 over the width, never a jump of a whole sample.
    assert steps.min() >= 0
    assert steps.max() <= np.ceil(255 / (width // 4)) - 1


def test_a_rounded_size_of_the_session_is_stretched_to_the_edges(canvas):
    width, height = canvas.physical_size
    white = np.full((64, 104, 4), 255, np.uint8)
    assert (show(canvas, white, (width, height)) == 255).all()


def test_a_picture_for_another_shape_keeps_its_proportions(canvas):
    width, height = canvas.physical_size
    white = np.full((height, width // 2, 4), 255, np.uint8)
    seen = show(canvas, white)
    assert (seen[:, width // 2] == 255).all()
    assert (seen[:, 2] < 255).all()
    covered = (seen[height // 2] == 255).all(axis=1).sum()
    assert abs(covered - width // 2) <= 2


def test_transparent_pixels_show_a_chequerboard(canvas):
    clear = np.zeros((*canvas.physical_size[::-1], 4), np.uint8)
    seen = show(canvas, clear)
    assert len(np.unique(seen.reshape(-1, 3), axis=0)) == 2
    assert (seen.max(axis=2) == seen.min(axis=2)).all()


def test_the_texture_is_made_once(canvas):
    made = canvas.quad.allocations
    for width, height in ((64, 64), (200, 120), (300, 80), (16, 200)):
        show(canvas, noise(width, height))
    assert canvas.quad.allocations == made


def test_a_picture_larger_than_the_texture_makes_it_grow_once(canvas):
    width, height = canvas.quad.capacity
    made = canvas.quad.allocations
    for _ in range(2):
        show(canvas, noise(width + 10, 30))
    assert canvas.quad.allocations == made + 1
    assert canvas.quad.capacity == (-(-(width + 10) // 256) * 256, height)


def test_what_a_picture_cost_is_told_once(canvas, qtbot):
    seen = []
    canvas.shown.connect(seen.append)
    canvas.show_frame(Picture(Frame({"rgba8": noise(50, 50)}), (50, 50), waited_ns=7))
    qtbot.waitUntil(lambda: len(seen) == 1)
    assert seen[0].picture.waited_ns == 7
    assert seen[0].upload_ns > 0
    assert seen[0].present_ns > 0
    canvas.redraw()
    qtbot.wait(60)
    assert len(seen) == 1


def test_overlays_lie_where_they_were_put(canvas):
    width, height = canvas.physical_size
    strokes = Strokes()
    strokes.add_lines(np.float32([[[10, 60.5], [190, 60.5]]]), (1.0, 0.0, 0.0, 1.0))
    strokes.add_dots(np.float32([[100, 20]]), 9.0, (0.0, 1.0, 0.0, 1.0))
    canvas.overlay = lambda w, h: strokes
    seen = show(canvas, np.full((height, width, 4), 255, np.uint8))
    assert tuple(seen[60, 100]) == (255, 0, 0)
    assert tuple(seen[20, 100]) == (0, 255, 0)
    assert (seen[90:, :] == 255).all()


def test_the_canvas_shows_what_render_returns(live, qtbot):
    from render.render import render

    canvas = live.driver.canvas
    need_llvmpipe(canvas)
    canvas.overlay = None
    wait_for_picture(live, qtbot)
    frame = render(live.driver.request_of(live.document.view))
    seen = pixels_of(canvas).astype(int)
    expected = frame.rgba8[..., :3].astype(int)
    assert np.abs(seen - expected).max() <= 1
    assert seen.std() > 10, "the picture is empty"


_SCALED = """
import json, sys
from app.settings import Settings
from app.ui import main
application = main.make_application(["test"])
shell = main.make_window(Settings(reduced_motion=True))
shell.window.resize(1000, 700)
shell.window.show()
application.processEvents()
canvas = shell.driver.canvas
grabbed = canvas.native.grabFramebuffer()
size = canvas.native.size()
print(json.dumps({
    "logical": [size.width(), size.height()],
    "physical": list(canvas.physical_size),
    "grabbed": [grabbed.width(), grabbed.height()],
    "camera": [shell.pointer.navigator.camera.width, shell.pointer.navigator.camera.height],
}))
shell.window.close()
"""


def test_overlays_move_with_the_picture_and_not_ahead_of_it(live, qtbot):
    canvas, document = live.driver.canvas, live.document
    before = document.view
    live.session.pause()
    live.show_view(before.resized(before.width, before.height).transformed(turned_by(0.3)))
    assert document.view is not before
    assert live.driver.seen is before
    axes = np.concatenate(canvas.overlay(*canvas.physical_size).lines)
    live.session.resume()
    wait_for_picture(live, qtbot)
    assert live.driver.seen is document.view
    assert not np.allclose(axes, np.concatenate(canvas.overlay(*canvas.physical_size).lines))


def turned_by(angle: float) -> np.ndarray:
    """A turn about the vertical axis."""
    turn = np.eye(4)
    turn[np.ix_((0, 2), (0, 2))] = [
        [np.cos(angle), np.sin(angle)],
        [-np.sin(angle), np.cos(angle)],
    ]
    return turn


def test_on_a_fine_screen_pictures_have_physical_pixels(home):
    environment = {**os.environ, "QT_SCALE_FACTOR": "2", "PLENOSCOPE_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", _SCALED],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sizes = json.loads(done.stdout.strip().splitlines()[-1])
    assert sizes["physical"] == [2 * side for side in sizes["logical"]]
    assert sizes["grabbed"] == sizes["physical"]
    assert sizes["camera"] == sizes["physical"]
