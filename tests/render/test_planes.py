"""Plane scenes: from a scene and a camera to pictures, and the class itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernels.image.psnr import psnr
from render.planes.renderer import nearest_members
from render.render import render
from render.request import Frame, RenderCancelled, RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.open import open_scene
from scenes.planes import Plane, PlaneScene, Shell, ViewBasis
from scenes.samples import tour
from tests.data import shared_data

BOTH = ["reference", "cpu"]
EYE = Camera(np.eye(4), 96, 64, 80.0, 80.0, 48.0, 32.0)


def picture(seed: int, alpha: tuple[int, int] = (0, 255), size: tuple[int, int] = (64, 96)):
    """Smooth random colours."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (5, 7, 4))
    y, x = (np.linspace(0, side - 1.001, n) for side, n in zip((5, 7), size, strict=True))
    j, i = y.astype(int), x.astype(int)
    t, s = (y - j)[:, None, None], (x - i)[None, :, None]
    smooth = (
        coarse[j][:, i] * (1 - t) * (1 - s) + coarse[j + 0][:, np.minimum(i + 1, 6)] * (1 - t) * s
        + coarse[np.minimum(j + 1, 4)][:, i] * t * (1 - s)
        + coarse[np.minimum(j + 1, 4)][:, np.minimum(i + 1, 6)] * t * s
    )  # fmt: skip
    image = smooth.astype(np.uint8)
    image[..., 3] = np.clip(image[..., 3], *alpha)
    return image


def stack_scene(camera: Camera = EYE, count: int = 6, seed: int = 0, **more) -> PlaneScene:
    """Planes of a camera at disparities from 1/20 to 1, the farthest opaque."""
    depths = 1 / np.linspace(0.05, 1, count)
    layers = tuple(
        Plane.facing(camera, depth, picture(seed + i, (255, 255) if i == 0 else (0, 150)))
        for i, depth in enumerate(depths)
    )
    return PlaneScene(layers, camera, **more)


def shown(scene: PlaneScene, camera: Camera, backend: str = "cpu", **settings) -> Frame:
    outputs = ("color", "alpha", "depth")
    return render(
        RenderRequest(scene, camera, RenderSettings(backend=backend, **settings), outputs)
    )


def decibels(one, other) -> float:
    return float(psnr("cpu", np.asarray(one, np.float32), np.asarray(other, np.float32)))


# The scene ----------------------------------------------------------------------------------


def test_a_plane_facing_a_camera_fills_its_picture():
    pose = np.linalg.inv(Camera.look_at((1, 2, 3), (4, 0, 9)).camera_from_world)
    camera = Camera(np.linalg.inv(pose), 50, 40, 70.0, 65.0, 22.0, 25.0)
    for projection in ("pinhole", "orthographic"):
        plane = Plane.facing(replace(camera, projection=projection), 3.0, picture(0))
        inside = (camera.camera_from_world @ np.c_[plane.corners, np.ones(4)].T)[:3]
        np.testing.assert_allclose(inside[2], 3)
        scale = inside[2] if projection == "pinhole" else 1
        x, y = inside[0] / scale * 70 + 22, inside[1] / scale * 65 + 25
        np.testing.assert_allclose(x, [0, 50, 50, 0], atol=1e-9)
        np.testing.assert_allclose(y, [0, 0, 40, 40], atol=1e-9)


def test_focus_and_safe_radius():
    scene = stack_scene(count=20)
    centre, radius = scene.focus
    assert 1 < centre[2] < 20
    assert radius == centre[2]
    # A step of disparity of 0.05 at 80 pixels: two pixels are met after half a unit.
    np.testing.assert_allclose(scene.safe_radius, 2 / (80 * 0.05), rtol=1e-6)
    assert PlaneScene().focus[1] > 0
    assert PlaneScene().safe_radius == 0
    assert (scene.up == [0, -1, 0]).all()


def test_the_default_camera_shows_the_reference_picture_whole():
    scene = stack_scene()
    for size in ((192, 128), (300, 100), (50, 200)):
        camera = scene.default_camera(*size)
        assert (camera.width, camera.height) == size
        scale = min(size[0] / 96, size[1] / 64)
        np.testing.assert_allclose([camera.fx, camera.fy], 80 * scale)
        np.testing.assert_allclose([camera.cx, camera.cy], [size[0] / 2, size[1] / 2])


def test_wrong_scenes_are_refused():
    image = picture(0)
    plane = Plane.facing(EYE, 1.0, image)
    for wrong in (image[..., :3], image.astype(float)):
        with pytest.raises(ValueError, match="image must be"):
            Plane.facing(EYE, 1.0, wrong)
    with pytest.raises(ValueError, match="span a plane"):
        Plane(image, np.zeros(3), np.ones(3), 2 * np.ones(3))
    with pytest.raises(ValueError, match="finite"):
        Plane(image, np.full(3, np.nan), np.ones(3), np.zeros(3))
    with pytest.raises(ValueError, match="radius"):
        Shell(image, np.zeros(3), 0.0)
    with pytest.raises(ValueError, match="a set of local images has no layers"):
        PlaneScene((plane,), members=(stack_scene(),))
    with pytest.raises(ValueError, match="must have a camera"):
        PlaneScene(members=(PlaneScene((plane,)),))
    basis = ViewBasis(np.zeros((2, 3, 3)), (1, 1), (np.zeros((2, 64, 96, 3), np.uint8),), (0,))
    with pytest.raises(ValueError, match="needs a reference camera"):
        PlaneScene((plane,), basis=basis)
    with pytest.raises(ValueError, match="an entry for each layer"):
        PlaneScene((plane, plane), EYE, basis=basis)


# Pictures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("supersample", [1, 3])
@pytest.mark.parametrize("background", [None, (0.2, 0.5, 0.9)])
def test_outputs_of_both_backends(supersample: int, background):
    scene = stack_scene()
    camera = Camera.look_at((0.1, 0.05, -0.6), (0, 0, 3), width=120, height=80)
    frames = []
    for backend in BOTH:
        settings = RenderSettings(background=background, backend=backend)
        request = RenderRequest(
            scene, camera, settings, ("color", "alpha", "depth", "layer"), supersample=supersample
        )
        frames.append(render(request))
    truth, fast = frames
    for name in ("color", "alpha"):
        assert decibels(truth.images[name], fast.images[name]) > 80
    # Light that the cpu does not follow any more (1/4096) may come from 20 units away.
    np.testing.assert_allclose(fast.images["depth"], truth.images["depth"], atol=20 / 4096)
    assert np.abs(truth.rgba8.astype(int) - fast.rgba8).max() <= 1
    assert truth.rgba8.shape == (80, 120, 4)
    assert truth.images["layer"].shape == (80, 120)
    assert (truth.images["layer"] != fast.images["layer"]).mean() < 1e-3
    assert [record.name for record in fast.records][:1] in (["pack"], ["composite"])


@pytest.mark.parametrize("output", ["alpha", "depth", "layer"])
def test_what_the_screen_can_show(output: str):
    scene = stack_scene()
    pictures = [
        render(RenderRequest(scene, EYE, RenderSettings(output=output, backend=b))).rgba8
        for b in BOTH
    ]
    assert (pictures[0] != pictures[1]).any(axis=2).mean() < 0.01
    assert len(np.unique(pictures[0].reshape(-1, 4), axis=0)) > (1 if output != "alpha" else 0)
    assert (pictures[0][..., 3] == 255).all()


def test_back_faces_by_setting():
    scene = stack_scene()
    behind = Camera.look_at((0, 0, 40), (0, 0, 0), width=60, height=40)
    assert shown(scene, behind).images["alpha"].max() == 0
    assert shown(scene, behind, back_faces=True).images["alpha"].max() > 0.9


def test_a_turned_scene_is_turned():
    scene = stack_scene()
    turn = np.diag([1.0, -1, -1, 1])
    plain = render(RenderRequest(scene, EYE)).rgba8
    camera = EYE.transformed(turn)
    moved = render(RenderRequest(scene, camera, world_from_file=turn)).rgba8
    np.testing.assert_array_equal(plain, moved)


def test_a_small_picture_is_averaged():
    """Rendering small comes close to rendering large and averaging."""
    scene = stack_scene()
    small = shown(scene, EYE.stretched(24, 16)).images["color"]
    request = RenderRequest(scene, EYE.stretched(24, 16), outputs=("color",), supersample=4)
    assert decibels(small, render(request).images["color"]) > 30


def test_cancelling():
    with pytest.raises(RenderCancelled):
        render(RenderRequest(stack_scene(), EYE, cancelled=lambda: True))


# Sets ---------------------------------------------------------------------------------------


def _set(places: list[float]) -> PlaneScene:
    members = []
    for index, x in enumerate(places):
        pose = np.eye(4)
        pose[0, 3] = -x
        camera = replace(EYE, camera_from_world=pose)
        members.append(stack_scene(camera, seed=index))
    return PlaneScene(members=tuple(members))


def test_nearest_members_and_their_weights():
    scene = _set([0.0, 0.1, 0.3, 0.6, 1.0, 1.5, 2.0])
    chosen, weights = nearest_members(scene, np.array([0.08, 0, 0]))
    assert [m.camera.position[0] for m in chosen] == pytest.approx([0.1, 0, 0.3, 0.6, 1.0])
    # k = f / (z0 D) = 80 / (1 * 6)
    expected = np.exp(-80 / 6 * (np.array([0.02, 0.08, 0.22, 0.52, 0.92]) - 0.02))
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_a_set_at_a_member_shows_mostly_that_member():
    scene = _set([0.0, 1.0, 2.0])
    for index in range(3):
        member = scene.members[index]
        alone = shown(member, member.camera).images["color"]
        # Neighbours, 1 unit away, weigh 2e-6.
        assert decibels(shown(scene, member.camera).images["color"], alone) > 60


def test_a_set_fills_holes_of_one_member():
    scene = _set([0.0, 0.05])
    first, second = scene.members
    holed = []
    for layer in first.layers:
        image = layer.image.copy()
        image[20:30, 40:60] = 0
        holed.append(replace(layer, image=image))
    scene = PlaneScene(members=(replace(first, layers=tuple(holed)), second))
    for backend in BOTH:
        frame = shown(scene, EYE, backend, background=None)
        assert frame.images["alpha"][24, 50] > 0.95
        assert frame.images["color"][24, 50].max() > 0.1
        assert frame.images["depth"][24, 50] > 0.5


# NeX ----------------------------------------------------------------------------------------


def test_view_dependent_colour_follows_the_eye():
    maps = np.zeros((1, 3, 3), np.float32)
    maps[0] = [[-1, 0, 1]] * 3  # x of the direction
    image = np.full((64, 96, 4), 128, np.uint8)
    image[..., 3] = 255
    factors = np.full((1, 64, 96, 3), 128, np.uint8)
    factors[..., 0] = 255  # red grows to the right
    basis = ViewBasis(maps, (0.7, 0.6), (factors,), (0,))
    scene = PlaneScene((Plane.facing(EYE, 2.0, image),), EYE, basis=basis)
    for backend in BOTH:
        color = shown(scene, EYE, backend).images["color"]
        assert color[32, 10, 0] < 0.25
        assert color[32, 85, 0] > 0.75
        np.testing.assert_allclose(color[5:60, 5:90, 1], 128 / 255, atol=0.005)
        # The same point, seen from the left.
        moved = Camera.look_at((-1.5, 0, 0), (0, 0, 2), width=96, height=64)
        assert shown(scene, moved, backend).images["color"][32, 48, 0] > 0.9
    plain = replace(basis, coefficients=(np.full_like(factors, 128),))
    flat = shown(replace(scene, basis=plain), EYE).images["color"]
    np.testing.assert_allclose(flat[5:60, 5:90], 128 / 255, atol=0.005)


def test_a_tour_of_planes_stays_near_their_camera():
    scene = stack_scene(count=20)
    path = tour(scene)
    assert path.loop
    places = np.array([key.world_from_camera[:3, 3] for key in path.keys])
    assert np.linalg.norm(places, axis=1).max() <= scene.safe_radius * 1.0001
    assert np.ptp(places[:, 0]) > scene.safe_radius
    for key in path.keys:
        camera = Camera.from_fov(key.world_from_camera, key.fov_y, 48, 32)
        assert shown(scene, camera).images["alpha"][4:-4, 6:-6].min() > 0.9


# A real one ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bedroom() -> PlaneScene:
    return open_scene(shared_data("mpi/single_view_mpi_5"))


def test_the_real_scene_reproduces_its_photo(bedroom: PlaneScene):
    camera = bedroom.camera.stretched(*bedroom.photo.shape[1::-1])
    photo = bedroom.photo / np.float32(255)
    frames = [shown(bedroom, camera, backend).images["color"] for backend in BOTH]
    assert decibels(frames[0], frames[1]) > 80
    for frame in frames:
        assert decibels(frame, photo) > 35
    # The wrong way round it must not.
    pairs = zip(bedroom.layers, bedroom.layers[::-1], strict=True)
    swapped = tuple(replace(one, image=other.image) for one, other in pairs)
    wrong = shown(replace(bedroom, layers=swapped), camera).images["color"]
    assert decibels(wrong, photo) < 28


def test_the_real_scene_from_aside(bedroom: PlaneScene):
    centre, _ = bedroom.focus
    reach = bedroom.safe_radius
    for offset in ((reach, 0, 0), (-reach / 2, reach / 2, 0), (0, 0, reach)):
        camera = Camera.look_at(offset, centre, bedroom.up, bedroom.camera.fov_y, 170, 170)
        frames = [shown(bedroom, camera, backend) for backend in BOTH]
        assert decibels(*(frame.images["color"] for frame in frames)) > 70
        # Within the safe range hardly anything is uncovered but the border.
        assert (frames[1].images["alpha"][15:-15, 15:-15] > 0.98).mean() > 0.98
