"""Plane operations: against formulas written out here, and ``cpu`` against ``reference``."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.gaussians.types import View
from kernels.planes.basis import basis
from kernels.planes.blend import blend
from kernels.planes.composite import composite
from kernels.planes.geometry import KEY, U, V, W, geometry_of, magnification, plane_rows
from kernels.planes.halve import halve
from kernels.planes.pack import pack
from kernels.planes.types import HEIGHT, OFFSET, STRIDE, WIDTH, Coefficients, Options, Wanted
from kernels.workspace import Workspace
from tests.kernels.planes_inputs import (
    NO_SHELLS,
    Stack,
    decibels,
    looking,
    noise,
    shells,
    stack,
    turned,
)

BOTH = ["reference", "cpu"]
BEHIND = Options(back_faces=True)
NOTHING = Wanted(False, None, True)


# Geometry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("orthographic", [False, True])
def test_rows_are_the_ray_plane_intersection(orthographic: bool):
    rng = np.random.default_rng(0)
    view = looking(eye=(0.3, -0.2, -1), rotation=turned(0.4, -0.3, 0.2), orthographic=orthographic)
    for _ in range(50):
        middle = np.array([[0, 0, 4], [2, 0, 0], [0, 2, 0]])
        corner, across, down = middle + rng.normal(size=(3, 3))
        rows, front = plane_rows(corner[None], across[None], down[None], np.array([[70, 50]]), view)
        x, y = rng.uniform(0, 60, 2)
        ray = np.array([(x - view.cx) / view.fx, (y - view.cy) / view.fy, 1.0])
        start = view.position
        along = view.rotation.T @ ray
        if orthographic:
            start = start + view.rotation.T @ [ray[0], ray[1], 0]
            along = view.rotation.T @ [0, 0, 1.0]
        normal = np.cross(across, down)
        depth = normal @ (corner - start) / (normal @ along)
        inside = start + depth * along - corner
        s, t = np.linalg.lstsq(np.stack([across, down], 1), inside, rcond=None)[0]
        u, v, w, key = (rows[0, i : i + 3] @ [x, y, 1] for i in (U, V, W, KEY))
        np.testing.assert_allclose([u / w, v / w], [70 * s - 0.5, 50 * t - 0.5], rtol=1e-10)
        np.testing.assert_allclose(-key if orthographic else 1 / key, depth, rtol=1e-10)
        towards = along if orthographic else corner - start
        assert front[0] == (normal @ towards > 0)


def test_edge_on_planes_are_not_seen():
    view = looking()
    rows, _ = plane_rows(
        np.array([[0.0, 0, 1], [-1, 0, 2]]), np.array([[1.0, 0, 0], [1, 0, 0]]),
        np.array([[0.0, 0, 1], [0, 0, 1]]), np.array([[4, 4], [4, 4]]), view,
    )  # fmt: skip
    assert not rows.any()


def test_magnification_counts_texels_per_pixel():
    view = looking()
    for depth, expected in ((1.0, 70 / 90), (2.0, 0.5 * 70 / 90)):
        half = np.array([45.0, 30]) / 80
        rows, _ = plane_rows(
            np.array([[*-half, depth]]), np.array([[2 * half[0] * 1.0, 0, 0]]),
            np.array([[0, 2 * half[1] * 1.0, 0]]), np.array([[70, 60 * 70 / 90]]), view,
        )  # fmt: skip
        # The plane does not grow with its distance, so twice as far it takes half the pixels.
        np.testing.assert_allclose(magnification(rows, 45, 30), expected * depth**2)


# Textures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wraps", [False, True])
def test_packing_and_halving_are_exact(wraps: bool):
    rng = np.random.default_rng(0)
    images = [noise(rng, h, w, (0, 255)) for h, w in ((1, 1), (33, 64), (7, 130), (50, 3))]
    images[1][:, :40, 3] = 0
    both = []
    for backend in BOTH:
        textures = pack(backend, images, [wraps] * 4)
        while textures.filled[0] < textures.levels:
            halve(backend, textures)
        both.append(textures)
    np.testing.assert_array_equal(both[0].texels[:-64], both[1].texels[:-64])
    np.testing.assert_array_equal(both[0].occupied, both[1].occupied)
    row = both[1].table[2, 0]
    flat = both[1].texels[row[OFFSET] : row[OFFSET] + row[STRIDE] * (row[HEIGHT] + 2)]
    inside = flat.reshape(-1, row[STRIDE])[1:-1, 1:-1]
    np.testing.assert_array_equal(
        np.ascontiguousarray(inside).view(np.uint8).reshape(7, 130, 4), images[2]
    )
    with pytest.raises(ValueError, match="levels"):
        halve("cpu", both[1])


def test_halving_weighs_colours_with_alpha():
    image = np.array([[[200, 0, 0, 255], [0, 100, 0, 0]], [[0, 0, 50, 85], [7, 7, 7, 0]]], np.uint8)
    textures = pack("cpu", [image], [False])
    halve("cpu", textures)
    row = textures.table[0, 1]
    texel = textures.texels[row[OFFSET] + row[STRIDE] + 1]
    assert (row[WIDTH], row[HEIGHT]) == (1, 1)
    # 255 and 85 of 4 x 255: the hidden green and grey have no part in it.
    assert [texel >> shift & 255 for shift in (0, 8, 16, 24)] == [150, 0, 13, 85]


# Compositing --------------------------------------------------------------------------------


def _by_hand(layers: Stack, view: View, x: int, y: int) -> np.ndarray:
    """Premultiplied colour and alpha of one pixel, one plane after the other."""
    rows, front = plane_rows(
        *layers.planes,  # type: ignore[arg-type]
        np.array([image.shape[1::-1] for image in layers.images]),
        view,
    )
    found = []
    for row, image, seen in zip(rows, layers.images, front, strict=True):
        u, v, w, key = (row[i : i + 3] @ [x + 0.5, y + 0.5, 1] for i in (U, V, W, KEY))
        if key <= 0 or not seen:
            continue
        u, v = u / w, v / w
        total = np.zeros(4)
        for j in (int(np.floor(v)), int(np.floor(v)) + 1):
            for i in (int(np.floor(u)), int(np.floor(u)) + 1):
                if 0 <= i < image.shape[1] and 0 <= j < image.shape[0]:
                    r, g, b, a = image[j, i] / 255
                    weight = (1 - abs(u - i)) * (1 - abs(v - j))
                    total += weight * np.array([r * a, g * a, b * a, a])
        found.append((key, total))
    out, light = np.zeros(4), 1.0
    for _, color in sorted(found, key=lambda one: -one[0]):
        out += light * color
        light *= 1 - color[3]
    return out


def test_the_reference_is_what_one_writes_by_hand():
    layers = stack(6, askew=0.15)
    view = looking(eye=(0.1, 0.05, -0.3), rotation=turned(0.15, -0.1))
    color = layers.rendered("reference", view, wanted=NOTHING).color
    for x, y in np.random.default_rng(1).integers(0, (90, 60), (60, 2)).tolist():
        # The pictures are float32.
        np.testing.assert_allclose(color[y, x], _by_hand(layers, view, x, y), atol=2e-7)


VIEWS = {
    "reference view": looking(),
    "larger": looking(150, 110, focal=140),
    "moved": looking(eye=(0.05, -0.03, 0.02)),
    "turned": looking(eye=(0.1, 0.05, -0.5), rotation=turned(0.2, -0.1, 0.05)),
    "rolled": looking(eye=(0, 0, -0.3), rotation=turned(0, 0, 1.2)),
    "grazing": looking(eye=(1.5, 0, 1.9), rotation=turned(1.45, 0.02)),
    "between the planes": looking(eye=(0.1, 0, 2.6), rotation=turned(0.3, 0.1)),
    "behind them": looking(eye=(0.1, 0, 30), rotation=turned(np.pi, 0.1)),
    "close": looking(eye=(0.1, 0.1, 0.93), focal=300),
    "tall and narrow": looking(3, 170, eye=(0, 0, -0.1)),
    "one pixel": looking(1, 1),
    "orthographic": looking(eye=(0.1, 0, -1), focal=40, orthographic=True),
}


@pytest.mark.parametrize("askew", [0.0, 0.3])
@pytest.mark.parametrize("name", VIEWS)
def test_cpu_against_reference(name: str, askew: float):
    layers = stack(9, seed=3, askew=askew)
    options = BEHIND if name == "behind them" or askew else Options()
    truth, fast = (layers.rendered(backend, VIEWS[name], options) for backend in BOTH)
    assert decibels(fast.color, truth.color) > 80
    assert np.abs(fast.rgba8.astype(int) - truth.rgba8).max() <= 1
    # Light that the cpu does not follow any more (1/4096) may have come from 80 units away.
    np.testing.assert_allclose(fast.depth, truth.depth, rtol=1e-4, atol=80 / 4096)
    assert (fast.index != truth.index).mean() < 1e-3
    if name != "one pixel":
        assert truth.color[..., 3].max() > 0.5


@pytest.mark.parametrize("name", ["reference view", "turned", "grazing", "orthographic"])
@pytest.mark.parametrize("scale", [0.7, 0.24, 0.05])
def test_smaller_pictures_are_averaged_alike(name: str, scale: float):
    view = VIEWS[name]
    small = View(
        view.rotation, view.position, view.fx * scale, view.fy * scale, view.cx * scale,
        view.cy * scale, max(1, int(90 * scale)), max(1, int(60 * scale)), view.orthographic,
    )  # fmt: skip
    layers = stack(6, 130, 90, askew=0.1)
    truth, fast = (layers.rendered(b, small, BEHIND, NOTHING, 9) for b in BOTH)
    assert decibels(fast.color, truth.color) > 75
    plain = layers.rendered("cpu", small, Options(True, mipmaps=False), NOTHING, 9)
    assert decibels(plain.color, truth.color) < 40


def test_mipmaps_keep_the_mean_of_a_picture():
    """Fine stripes seen from far are grey, not whatever stripe the pixel met."""
    image = np.full((64, 64, 4), 255, np.uint8)
    image[:, ::2, :3] = 0
    layers = Stack([image], tuple(np.array([side], float) for side in
                                  ([-1, -1, 4], [2, 0, 0], [0, 2, 0])))  # fmt: skip
    view = looking(24, 24, focal=24)  # 12 pixels for 64 texels
    color = layers.rendered("cpu", view, wanted=NOTHING, levels=7).color
    inner = color[8:16, 8:16, :3]
    np.testing.assert_allclose(inner, 0.5, atol=0.01)
    rough = layers.rendered("cpu", view, Options(mipmaps=False), NOTHING, 7).color
    assert rough[8:16, 8:16, :3].std() > 0.1


def _crossing() -> Stack:
    """A red and a green plane that cross along the vertical line x = 0, at depth 4."""
    red, green = np.zeros((2, 8, 8, 4), np.uint8)
    red[...], green[...] = (255, 0, 0, 255), (0, 255, 0, 255)
    corner = np.array([[-2.0, -2, 3], [-2, -2, 5]])
    across = np.array([[4.0, 0, 2], [4, 0, -2]])
    down = np.array([[0.0, 4, 0]] * 2)
    return Stack([red, green], (corner, across, down))


@pytest.mark.parametrize("backend", BOTH)
def test_crossing_planes_swap_along_their_line(backend: str):
    view = looking(80, 40)
    found = _crossing().rendered(backend, view, wanted=Wanted(False, None, True, index=True))
    left, right = found.index[10:30, 12:40], found.index[10:30, 40:68]
    assert (left == 0).all()
    assert (right == 1).all()
    np.testing.assert_array_equal(found.color[20, 20, :2], [1, 0])
    np.testing.assert_array_equal(found.color[20, 60, :2], [0, 1])
    # Sorting whole planes, by any depth of theirs, shows one of them everywhere they overlap.
    for only in (0, 1):
        one = Stack([_crossing().images[only]], tuple(s[[only]] for s in _crossing().planes))
        whole = one.rendered(backend, view, wanted=NOTHING).color
        assert decibels(whole[10:30, 12:68, :3], found.color[10:30, 12:68, :3]) < 6


def test_many_crossing_planes_agree():
    layers = stack(24, 20, 16, seed=5, askew=1.0)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        view = looking(
            150, 40, tuple(rng.normal(0, 0.5, 3) - [0, 0, 1]), turned(*rng.normal(0, 0.3, 3))
        )
        truth, fast = (layers.rendered(b, view, BEHIND, NOTHING) for b in BOTH)
        assert decibels(fast.color, truth.color) > 75


def test_coplanar_layers_show_the_later_one():
    images = [np.full((4, 4, 4), value, np.uint8) for value in (255, 128)]
    images[1][..., 3] = 255
    sides = tuple(np.array([side] * 2, float) for side in ([-1, -1, 2], [2, 0, 0], [0, 2, 0]))
    for backend in BOTH:
        found = Stack(images, sides).rendered(backend, looking())
        assert (found.index[20:40, 30:60] == 1).all()


@pytest.mark.parametrize("backend", BOTH)
def test_nothing_bleeds_from_where_nothing_is_seen(backend: str):
    """Green is hidden beside red: between them red fades, it does not turn green."""
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, :4] = (255, 0, 0, 255)
    image[:, 4:] = (0, 255, 0, 0)
    sides = tuple(np.array([side], float) for side in ([-1, -1, 2], [2, 0, 0], [0, 2, 0]))
    color = Stack([image], sides).rendered(backend, looking(200, 200, focal=200)).color
    assert color[..., 1].max() == 0
    np.testing.assert_allclose(color[..., 0], color[..., 3], atol=1e-6)
    assert 0.3 < color[100, 100, 3] < 0.7


@pytest.mark.parametrize("backend", BOTH)
def test_planes_seen_from_behind(backend: str):
    layers = stack(1, alpha=(255, 255))
    behind = looking(eye=(0, 0, 2), rotation=turned(np.pi, 0))
    assert layers.rendered(backend, behind).color.max() == 0
    shown = layers.rendered(backend, behind, BEHIND).color
    front = layers.rendered(backend, looking()).color
    np.testing.assert_allclose(shown[:, ::-1], front, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 2, 512])
def test_any_number_of_planes(count: int):
    layers = stack(count, 9, 7, alpha=(0, 40))
    view = looking(40, 30, eye=(0.01, 0, 0), focal=36)
    truth, fast = (layers.rendered(backend, view) for backend in BOTH)
    # Errors of float32 add up over 512 layers.
    assert decibels(fast.color, truth.color) > 70
    assert np.abs(fast.rgba8.astype(int) - truth.rgba8).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2)])
def test_small_and_odd_pictures(size: tuple[int, int]):
    layers = stack(3, *size, alpha=(100, 255))
    for view in (looking(), VIEWS["turned"]):
        truth, fast = (layers.rendered(b, view, levels=10) for b in BOTH)
        assert decibels(fast.color, truth.color) > 75


def test_a_large_picture():
    """8192 x 8192 texels: places beyond what float32 numbers hold exactly."""
    side = 8192
    image = np.zeros((side, side, 4), np.uint8)
    image[..., 3] = 255
    image[::2, ::2, 0] = 255
    image[5000, 8100] = (0, 0, 255, 255)
    sides = tuple(np.array([each], float) for each in ([0, 0, 1], [side, 0, 0], [0, side, 0]))
    layers = Stack([image], sides)
    # One texel a pixel, around the blue one.
    eye = (8100.5, 5000.5, 0.0)
    view = looking(65, 65, eye=eye, focal=1.0)
    found = layers.rendered("cpu", view, wanted=Wanted(True, (0, 0, 0)))
    assert found.rgba8[32, 32].tolist() == [0, 0, 255, 255]
    assert (found.rgba8[::2, ::2, 0] > 250).sum() == 33 * 33 - 1


def test_counters_say_what_was_spared():
    opaque = stack(5, alpha=(255, 255))
    hidden = opaque.rendered("cpu", looking()).counters
    # Four of five are hidden but for sixteen pixels at either end of a line, where edges fade.
    assert hidden["stopped"] > 4 * (90 - 32) * 60
    empty = stack(5, alpha=(0, 0)).rendered("cpu", looking()).counters
    assert empty == {"touched": 0, "empty": 5 * 90 * 60, "stopped": 0}
    thin = stack(5, alpha=(1, 9)).rendered("cpu", looking(64, 48)).counters
    assert thin["touched"] == 5 * 64 * 48


def test_transparent_pictures_keep_straight_colours():
    layers = stack(2, alpha=(0, 200))
    view = VIEWS["moved"]
    for background in (None, (1.0, 0.0, 0.5)):
        wanted = Wanted(True, background, True)
        truth, fast = (layers.rendered(b, view, wanted=wanted) for b in BOTH)
        assert np.abs(fast.rgba8.astype(int) - truth.rgba8)[truth.color[..., 3] > 0.01].max() <= 1
        alpha = truth.color[..., 3]
        if background is None:
            np.testing.assert_array_equal(truth.rgba8[..., 3], np.floor(alpha * 255 + 0.5))
        else:
            assert (truth.rgba8[..., 3] == 255).all()


def test_doors():
    layers = stack(2)
    textures = pack("cpu", layers.images, [False, False])
    view = looking()
    none = (np.zeros((0, 3)),) * 3
    geometry = geometry_of(none, np.zeros((0, 2), np.int64), NO_SHELLS, np.zeros(0, bool), view,
                           False)  # fmt: skip
    with pytest.raises(ValueError, match="2 pictures do not fit 0 layers"):
        composite("cpu", textures, geometry, view, Options(), NOTHING, None, Workspace())
    with pytest.raises(ValueError, match="uint8"):
        pack("cpu", [np.zeros((2, 2, 4), np.float32)], [False])


# Shells -------------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", [0.0, 0.4])
@pytest.mark.parametrize("planes", [0, 4])
def test_shells_cpu_against_reference(spread: float, planes: int):
    layers = shells(5, spread=spread)
    if planes:
        flat = stack(planes, askew=0.4)
        layers = Stack(flat.images + layers.images, flat.planes, layers.shells)
    for view in (
        looking(rotation=turned(3.0, 0.3)),
        looking(eye=(0.3, 0.1, 0.2), rotation=turned(2.0, 1.3)),
        looking(eye=(0.3, 0.1, -9), focal=20, orthographic=True),
        looking(40, 30, eye=(0.3, 0.1, 0.2), focal=6),
    ):
        truth, fast = (layers.rendered(b, view, BEHIND, levels=4) for b in BOTH)
        # Rims of spheres, which rays touch, may be hit by one and missed by the other.
        close = np.abs(fast.color - truth.color).max(axis=2) < 2e-3
        assert close.mean() > 0.998
        assert decibels(fast.color[close], truth.color[close]) > 75


@pytest.mark.parametrize("backend", BOTH)
def test_a_shell_around_the_eye_is_an_equirectangular_picture(backend: str):
    height, width = 60, 120
    image = np.zeros((height, width, 4), np.uint8)
    image[..., 3] = 255
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None]
    layers = Stack([image], shells=(np.zeros((1, 3)), np.full(1, 7.0), np.eye(3)[None]))
    for direction in ([0, 0, 1], [1, 0, 0], [-0.3, 0.5, -0.8], [0.2, -0.9, 0.1]):
        forward = np.array(direction) / np.linalg.norm(direction)
        right = np.cross([0.0, 1, 0], forward)
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        color = layers.rendered(backend, looking(3, 3, rotation=rotation, focal=1e4)).color
        u = (np.arctan2(forward[0], forward[2]) / (2 * np.pi) + 0.5) * width - 0.5
        v = (np.arcsin(forward[1]) / np.pi + 0.5) * height - 0.5
        np.testing.assert_allclose(color[1, 1, :2] * 255, [u, v], atol=2e-2)


# View-dependent colour ----------------------------------------------------------------------


def _coefficients(backend: str, view: View, sizes: list[tuple[int, int]], zero: bool = False):
    rng = np.random.default_rng(7)
    maps = rng.uniform(-1, 1, (3, 9, 11)).astype(np.float32)
    values = basis(backend, maps, (0.7, 0.6), turned(0.1, 0.05), view, Workspace())
    texels = sum(h * w for h, w in sizes)
    factors = rng.integers(90, 166, (texels, 3, 3)).astype(np.uint8)
    starts = np.concatenate([[0], np.cumsum([h * w for h, w in sizes])[:-1]])
    if zero:
        values = np.zeros_like(values)
    return Coefficients(factors, starts.astype(np.int64), values)


def test_basis_cpu_against_reference():
    rng = np.random.default_rng(0)
    maps = rng.uniform(-1, 1, (8, 40, 50)).astype(np.float32)
    for view in (VIEWS["turned"], VIEWS["orthographic"], looking(70, 50, focal=20)):
        truth, fast = (
            np.asarray(basis(b, maps, (0.7, 0.6), turned(0.3, 0.2), view, Workspace()))
            for b in BOTH
        )
        assert truth.shape == (view.height, view.width, 8)
        np.testing.assert_allclose(fast, truth, atol=2e-5)
    with pytest.raises(ValueError, match="maps"):
        basis("cpu", maps[0], (0.7, 0.6), np.eye(3), VIEWS["turned"], Workspace())


@pytest.mark.parametrize("name", ["reference view", "turned", "between the planes"])
def test_view_dependent_colour_cpu_against_reference(name: str):
    layers = stack(4)
    view = VIEWS[name]
    truth, fast = (
        layers.rendered(b, view, coefficients=_coefficients(b, view, [(50, 70)] * 4)) for b in BOTH
    )
    assert decibels(fast.color, truth.color) > 75


def test_without_functions_colour_does_not_depend_on_the_view():
    layers = stack(4)
    view = VIEWS["turned"]
    for backend in BOTH:
        dependent = _coefficients(backend, view, [(50, 70)] * 4)
        zero = _coefficients(backend, view, [(50, 70)] * 4, zero=True)
        plain = layers.rendered(backend, view, Options(mipmaps=False)).color
        np.testing.assert_allclose(
            layers.rendered(backend, view, coefficients=zero).color, plain, atol=1e-5
        )
        changed = layers.rendered(backend, view, coefficients=dependent).color
        assert decibels(changed, plain) < 35


# Blending -----------------------------------------------------------------------------------


def test_blending_cpu_against_reference_and_by_hand():
    rng = np.random.default_rng(0)
    colors = []
    for _ in range(3):
        alpha = rng.random((20, 30, 1)) * (rng.random((20, 30, 1)) > 0.3)
        colors.append(np.concatenate([rng.random((20, 30, 3)) * alpha, alpha], 2, dtype=np.float32))
    depths = [rng.uniform(1, 5, (20, 30)).astype(np.float32) for _ in colors]
    weights = [1.0, 0.3, 0.02]
    results = [blend(b, colors, depths, weights) for b in BOTH]
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    total = sum(w * c[..., 3] for w, c in zip(weights, colors, strict=True))
    straight = sum(w * c[..., :3] for w, c in zip(weights, colors, strict=True))
    straight = straight / np.maximum(total, 1e-12)[..., None]
    alpha = np.max([c[..., 3] for c in colors], 0)
    np.testing.assert_allclose(results[1][0][..., :3], straight * alpha[..., None], atol=1e-5)
    assert blend("cpu", colors, [], weights)[1] is None
    with pytest.raises(ValueError, match="at least one"):
        blend("cpu", [], [], [])


def test_a_hole_in_one_image_is_filled_by_the_other():
    """A plain mean would leave it half as bright."""
    whole = np.ones((4, 4, 4), np.float32)
    holed = whole.copy()
    holed[1, 1] = 0
    for backend in BOTH:
        color, _ = blend(backend, [holed, whole], [], [1.0, 0.5])
        np.testing.assert_allclose(color, 1.0, atol=1e-6)
