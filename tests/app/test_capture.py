"""Cameras of a capture: their frusta, the photos they took, and what a project keeps of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.document import Bookmark, Document
from app.project import apply_project, load_project, save_project
from app.ui.capture.frusta import ALONE, MOST_FRUSTA, SHARE, Frusta, frustum_size, thinned
from app.ui.capture.photos import LONGEST, over, read_photo
from scenes.camera import Camera
from scenes.errors import Cancelled, SceneError
from scenes.paths.files import read_camera_set
from scenes.registry import never
from tests.data import shared_data

BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
VIEW = Camera.look_at((0, 0, -10), (0, 0, 0), width=400, height=300)


def row(count: int = 5) -> dict[int, Camera]:
    """Cameras side by side, numbered in tens, that look along z."""
    ends = [(2.0 * i - (count - 1), 0.0) for i in range(count)]
    return {
        10 * i: Camera.look_at((x, y, 0), (x, y, 5), width=64, height=48)
        for i, (x, y) in enumerate(ends)
    }


# Frusta -------------------------------------------------------------------------------------


def test_a_frustum_ends_where_the_picture_does() -> None:
    camera = replace(row(1)[0], fx=60.0, fy=70.0, cx=20.0, cy=30.0)
    frusta = Frusta({3: camera}, 0.6)
    pixels, visible = frusta.project(camera, 1e-3)
    assert visible[0].all()
    corners = pixels[0, 4:8, 0]
    # float32 pixels.
    np.testing.assert_allclose(corners, [(0, 0), (64, 0), (64, 48), (0, 48)], atol=1e-3)
    assert pixels[0, 8:, :, 1].max() < 0, "the roof is above the picture"


def test_frusta_keep_apart_and_stay_visible() -> None:
    eyes = np.array([(2.0 * i, 0, 0) for i in range(50)])
    assert frustum_size(eyes, 1.0) == pytest.approx(2 * SHARE)
    close = frustum_size(eyes * (1, 0, 0) + np.arange(50)[:, None] // 25 * (0, 1000.0, 0), 1.0)
    assert close > 2 * SHARE, "far groups of near cameras are still to be seen"
    assert frustum_size(np.zeros((9, 3)), 5.0) == frustum_size(eyes[:1], 5.0) == ALONE * 5
    wide = Frusta({0: replace(row(1)[0], fx=1.0, fy=1.0)}, 1.0)
    pixels, visible = wide.project(VIEW, 1e-3)
    assert visible.all()
    # Half a circle wide, and still no more than one unit to each side, seen from ten away.
    assert np.ptp(pixels[0, 4:8, 0, 0]) == pytest.approx(2 * VIEW.fx / 10, rel=0.01)


def test_of_very_many_cameras_some_are_drawn() -> None:
    camera = row(1)[0]
    shown = thinned(dict.fromkeys(range(4 * MOST_FRUSTA), camera))
    assert len(shown) == MOST_FRUSTA
    assert list(shown)[1] == 4
    assert list(thinned(row())) == list(row())


def test_lines_end_at_the_near_plane() -> None:
    beside = Camera.look_at((0.3, 0, 0.1), (-5, 0, 0.1), width=64, height=48)
    frusta = Frusta({0: beside}, 6.0)
    eye = Camera.look_at((0, 0, 0), (0, 0, 1), width=400, height=300)
    pixels, visible = frusta.project(eye, 0.05)
    assert visible.any()
    assert np.isfinite(pixels).all()
    # Nothing is nearer than the plane, so nothing is farther out than its widest corner there.
    reach = eye.fx * 20 * 6.0 / 0.05
    assert np.abs(pixels).max() < reach


def test_picking() -> None:
    frusta = Frusta(row(), 0.9)
    pixels, _ = frusta.project(VIEW, 0.01)
    middle = pixels[1, 4:8, 0].mean(axis=0)
    assert frusta.pick(VIEW, 0.01, tuple(middle), 4.0) == 10
    corner = pixels[3, 4, 0]
    assert frusta.pick(VIEW, 0.01, (corner[0] - 2, corner[1] - 2), 4.0) == 30
    assert frusta.pick(VIEW, 0.01, (5.0, 5.0), 4.0) is None
    assert Frusta({}, 1.0).pick(VIEW, 0.01, (5.0, 5.0), 4.0) is None


def test_large_pictures_are_hit_at_their_lines_alone() -> None:
    frusta = Frusta({0: row(1)[0]}, 6.0)
    pixels, _ = frusta.project(VIEW, 0.01)
    outline = pixels[0, 4:8, 0]
    assert np.ptp(outline, axis=0).max() > 0.25 * VIEW.height
    x, y = outline.mean(axis=0)
    assert not frusta.small(VIEW, 0.01)[0]
    assert frusta.pick(VIEW, 0.01, (x + 0.2 * np.ptp(outline[:, 0]), y + 3), 2.0) is None
    assert frusta.pick(VIEW, 0.01, tuple(outline[0]), 2.0) == 0


def test_the_camera_looked_through_is_not_in_the_way() -> None:
    camera = row(1)[0]
    frusta = Frusta({0: camera}, 1.0)
    assert frusta.pick(camera, 1e-3, (0.0, 24.0), 4.0) is None


# Photos -------------------------------------------------------------------------------------


def put(file: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(file)
    return file


def test_transparent_pixels_show_the_background(tmp_path: Path) -> None:
    pixels = np.zeros((48, 64, 4), np.uint8)
    pixels[:, :32] = (200, 100, 50, 255)
    pixels[:, 32:] = (200, 100, 50, 51)  # a fifth
    camera = row(1)[0]
    photo = read_photo(put(tmp_path / "a.png", pixels), camera, WHITE, never)
    assert photo.full == (64, 48)
    assert tuple(photo.pixels[0, 0]) == (200, 100, 50)
    assert tuple(photo.pixels[0, 40]) == (244, 224, 214)
    rng = np.random.default_rng(0)
    rgba = rng.integers(0, 256, (20, 20, 4), np.uint8)
    share = rgba[..., 3:] / 255.0
    expected = rgba[..., :3] * share + 255 * np.float64((0.2, 0.4, 1.0)) * (1 - share)
    # Rounded once, and the three colours of the ground are whole numbers.
    assert np.abs(over(rgba, (0.2, 0.4, 1.0)) - expected).max() <= 0.5 + 1e-9


def test_large_photos_are_averaged_down(tmp_path: Path) -> None:
    stripes = np.zeros((1536, 2 * LONGEST, 3), np.uint8)
    stripes[:, ::2] = 200
    camera = replace(VIEW, width=2 * LONGEST, height=1536)
    photo = read_photo(put(tmp_path / "a.png", stripes), camera, BLACK, never)
    assert photo.pixels.shape == (768, LONGEST, 3)
    assert (photo.pixels == 100).all()
    assert photo.full == (2 * LONGEST, 1536)


def test_a_smaller_copy_of_the_picture_will_do(tmp_path: Path) -> None:
    camera = replace(VIEW, width=4032, height=3024)
    file = put(tmp_path / "a.jpg", np.zeros((127, 168, 3), np.uint8))
    assert read_photo(file, camera, BLACK, never).pixels.shape == (127, 168, 3)


def test_what_is_no_photo_of_the_camera(tmp_path: Path) -> None:
    camera = row(1)[0]
    good = put(tmp_path / "good.png", np.zeros((48, 64, 3), np.uint8))
    files = {
        tmp_path / "gone.png": "no file of that name",
        tmp_path: "no file of that name",
        Path("a\0b.png"): "",
        put(tmp_path / "upright.png", np.zeros((64, 48, 3), np.uint8)): "48 × 64",
        put(tmp_path / "tiny.png", np.zeros((6, 8, 3), np.uint8)): "8 × 6",
    }
    cut = tmp_path / "cut.png"
    cut.write_bytes(good.read_bytes()[:-30])
    words = tmp_path / "words.jpg"
    words.write_text("not a picture")
    files |= {cut: "", words: "13 other bytes"}
    for file, found in files.items():
        with pytest.raises(SceneError) as caught:
            read_photo(file, camera, BLACK, never)
        assert found in caught.value.found, file
    with pytest.raises(Cancelled):
        read_photo(good, camera, BLACK, lambda: True)


def test_photos_of_real_captures() -> None:
    for name in ("multiview/nerf_synthetic_chair/transforms_train.json",
                 "multiview/bird_llff_colmap/transforms_train.json"):  # fmt: skip
        cameras = read_camera_set(shared_data(name))
        picture = cameras.pictures[0]
        assert picture is not None
        photo = read_photo(picture, cameras.cameras[0], WHITE, never)
        assert photo.pixels.std() > 10


# Projects -----------------------------------------------------------------------------------


def test_a_project_keeps_the_capture(tmp_path: Path) -> None:
    document = Document()
    picture = tmp_path / "capture" / "images" / "a.png"
    marks = (
        Bookmark("a", VIEW, "transforms.json", picture),
        Bookmark("b", VIEW, "transforms.json"),
        Bookmark("mine", VIEW),
    )
    document.edit_bookmarks(marks, "Add")
    (tmp_path / "projects").mkdir()
    file = tmp_path / "projects" / "p.plenoscope"
    save_project(document, file)
    written = json.loads(file.read_text())["bookmarks"]
    assert written[0]["picture"] == "../capture/images/a.png"
    assert set(written[2]) == {"name", "camera"}
    back = Document()
    apply_project(back, load_project(file))
    assert [mark.capture for mark in back.bookmarks] == ["transforms.json", "transforms.json", ""]
    assert [mark.picture for mark in back.bookmarks] == [picture, None, None]
    for wrong in ({"picture": 3}, {"capture": ["a"]}):
        record = json.loads(file.read_text())
        record["bookmarks"][1] |= wrong
        file.write_text(json.dumps(record))
        with pytest.raises(SceneError, match="bookmark 2"):
            load_project(file)
        save_project(document, file)


def test_cameras_of_a_capture_turn_with_the_scene() -> None:
    document = Document()
    document.edit_bookmarks((Bookmark("a", VIEW, "set", Path("a.png")),), "Add")
    document.set_orientation("y-up")
    mark = document.bookmarks[0]
    assert (mark.capture, mark.picture) == ("set", Path("a.png"))
    assert not np.allclose(mark.camera.camera_from_world, VIEW.camera_from_world)
