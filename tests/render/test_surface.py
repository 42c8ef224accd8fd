"""Surfaces of distance fields: traced, soft, shaded and as meshes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kernels.fields.encodings import Identity
from kernels.fields.model import Field, Weights
from kernels.fields.networks import Layer, Network, RadialBasis, flatten
from render.fields.distances import CHUNK, NeuralDistance, before_activation
from render.fields.mesh import extract, polygonize
from render.fields.surface import neus, shade, trace_surface
from render.request import RenderCancelled
from scenes.errors import Cancelled
from scenes.fields import FieldScene
from scenes.open import open_scene
from tests.data import shared_data
from tests.kernels.fields_distances import Body, box, sphere, torus

WIDTH = 2e-3
PIXEL = (WIDTH, 0.0)
LOWER, UPPER = np.full(3, -1.5), np.full(3, 1.5)


def _grid_of_rays(side: int = 64, reach: float = 1.2):
    """Parallel rays down the z axis, with a little slant."""
    across = (np.arange(side) + 0.5) / side * 2 * reach - reach
    x, y = np.meshgrid(across, across)
    origins = np.stack([x.ravel(), y.ravel(), np.full(side * side, -3.0)], 1).astype(np.float32)
    directions = np.tile(np.array([0.02, -0.03, 1.0]), (side * side, 1))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return origins, directions.astype(np.float32)


def _reaches(count: int, far: float = 6.0):
    return np.zeros(count, np.float32), np.full(count, far, np.float32)


def _exact(origins, directions):
    o, d = origins.astype(np.float64), directions.astype(np.float64)
    b = (o * d).sum(1)
    inside = 1 - ((o * o).sum(1) - b * b)
    return np.where(inside > 0, -b - np.sqrt(np.maximum(inside, 0)), np.nan), inside


BALL = Field(
    "distance",
    Identity(3),
    Network((RadialBasis(3, 1), Layer(1, 1))),
    (-2.0, -3.0, -2.5),
    (2.0, 3.0, 2.5),
    unit=5.0,
)
"""One Gaussian and a constant: its zero is an ellipsoid, and nowhere is it a true distance."""


def _ball_scene(**changes) -> FieldScene:
    sigma = 0.3
    level = np.exp(-(0.25**2) / (2 * sigma**2))
    arrays = [np.full((1, 3), 0.5), np.array([sigma]), np.array([[-0.2]]), np.array([0.2 * level])]
    weights = Weights(flatten(BALL.network, arrays), np.zeros(0, "f4"), np.zeros(0, "f4"))
    lower, upper = np.array(BALL.lower), np.array(BALL.upper)
    return FieldScene(BALL, weights, lower, upper, **changes)


RADII = np.array([1.0, 1.5, 1.25])
"""A quarter of the sides of its box."""


def test_sphere_depth_normals_and_evaluations():
    origins, directions = _grid_of_rays()
    near, far = _reaches(len(origins))
    seen = trace_surface(Body(sphere()), origins, directions, near, far, PIXEL)
    exact, inside = _exact(origins, directions)
    sure = np.abs(inside) > 4 * WIDTH
    np.testing.assert_array_equal(seen.hit[sure], inside[sure] > 0)
    steep = inside > 0.2
    np.testing.assert_allclose(seen.t[steep], exact[steep], atol=WIDTH)
    points = origins + seen.t[:, None] * directions
    # A pixel's quarter beside a unit sphere turns the normal by as much.
    np.testing.assert_allclose(seen.normal[seen.hit], points[seen.hit], atol=WIDTH)
    assert not seen.normal[~seen.hit].any()
    assert not seen.t[~seen.hit].any()
    assert seen.evaluations.min() >= 1
    assert seen.evaluations.mean() < 10


def test_rays_that_end_before_they_begin_cost_nothing():
    origins, directions = _grid_of_rays(8)
    near, _ = _reaches(len(origins))
    seen = trace_surface(Body(sphere()), origins, directions, near, near - 1, PIXEL)
    assert not seen.hit.any()
    assert not seen.evaluations.any()
    soft = neus(Body(sphere()), origins, directions, near, near, PIXEL, 50.0)
    assert not soft.hit.any()
    nothing = np.zeros((0, 3), np.float32)
    empty = trace_surface(Body(sphere()), nothing, nothing, near[:0], near[:0], PIXEL)
    assert empty.t.shape == (0,)


@pytest.mark.parametrize("function", [torus(0.7, 0.25), box(0.9, 0.9, 4e-3)])
def test_nothing_leaks_at_grazing_rays(function):
    """Every ray that a fine march finds inside must hit, not later than there."""
    side = 40
    across = (np.arange(side) + 0.5) / side - 0.5
    x, z = np.meshgrid(across, across)
    origins = np.stack([x.ravel(), np.full(side * side, -2.0), z.ravel() * 1.2], 1)
    directions = np.array([0.0, 1.0, 0.0]) - [0, 0, 0.5] * origins[:, 2:]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origins, directions = origins.astype(np.float32), directions.astype(np.float32)
    near, far = _reaches(len(origins), 4.0)
    seen = trace_surface(Body(function), origins, directions, near, far, PIXEL)
    first = np.full(len(origins), np.inf)
    for t in np.linspace(0, 4, 2001):
        value = function(origins + np.float32(t) * directions)
        first = np.where(np.isinf(first) & (value < -1e-6), t, first)
    met = np.isfinite(first)
    assert met.sum() > 100
    assert seen.hit[met].all()
    assert (seen.t[met] <= first[met] + 1e-5).all()
    found = np.abs(function(origins + seen.t[:, None] * directions))[seen.hit]
    assert found.max() < WIDTH


def test_neus_agrees_with_tracing_and_sharpens():
    origins, directions = _grid_of_rays(24, 0.4)
    near, far = _reaches(len(origins))
    exact, inside = _exact(origins, directions)
    assert (inside > 0.0).all()
    fine = (1e-5, 0.0)
    traced = trace_surface(Body(sphere()), origins, directions, near, far, fine)
    np.testing.assert_allclose(traced.t, exact, atol=2e-5)
    errors = []
    for sharpness in (20.0, 80.0, 320.0):
        soft = neus(Body(sphere()), origins, directions, near, far, fine, sharpness)
        # Rays at the corners come no deeper than 0.35: e^-7 is left at s = 20.
        assert soft.alpha.min() > 0.999
        assert soft.alpha.max() <= 1 + 1e-5
        errors.append(np.abs(soft.t - exact).mean())
        # Means of some 1.8 / s around the surface, which only its curvature and slant shift:
        # measured 0.013 / s and less.
        assert errors[-1] < 0.02 / sharpness
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    outwards = np.einsum("nd,nd->n", soft.normal, origins + soft.t[:, None] * directions)
    assert (outwards > 0.99).all()


def test_neus_steps_do_not_change_opacity():
    """Opacities of sections multiply to that between the first and the last distance."""
    origins, directions = _grid_of_rays(16, 1.4)
    near, far = _reaches(len(origins))
    found = [
        neus(Body(sphere()), origins, directions, near, far, (width, 0.0), 10.0).alpha
        for width in (1e-3, 0.1)
    ]
    o, d = origins.astype(np.float64), directions.astype(np.float64)
    nearest = np.sqrt((o * o).sum(1) - (o * d).sum(1) ** 2) - 1
    # From far away to the nearest point: 1 - Phi(f) / Phi(infinity). The nearest of the samples
    # is half a step away from it, and where there is a second half it adds nothing.
    truth = 1 / (1 + np.exp(10 * nearest))
    np.testing.assert_allclose(found[0], truth, atol=0.01)
    np.testing.assert_allclose(found[1], truth, atol=0.02)


def test_shading():
    normal = np.array([[0, 0, -1], [0, 0, 1], [1, 0, 0]], np.float32)
    along = np.tile(np.array([0, 0, 1], np.float32), (3, 1))
    color = shade(normal, along, np.array([0, 0, -1], np.float32))
    assert color.shape == (3, 3)
    assert color.dtype == np.float32
    # 0.8 in linear light, from either side.
    np.testing.assert_allclose(color[:2], 1.055 * 0.8 ** (1 / 2.4) - 0.055, atol=1e-6)
    assert 0.2 < color[2, 0] < 0.6
    aside = shade(normal, along, np.array([0.6, 0, -0.8], np.float32))
    # 0.8 (0.06 + 0.24 + 0.7 0.8) in linear light.
    np.testing.assert_allclose(aside[:2], 1.055 * 0.688 ** (1 / 2.4) - 0.055, atol=1e-6)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_a_network_is_traced_in_its_scene(backend):
    scene = _ball_scene()
    field = NeuralDistance(scene.model, scene.weights, backend)
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1.5, 0], [0, 0, 1.25], [1.9, 2, 2]], np.float32)
    values, slopes = field.slopes(points)
    np.testing.assert_allclose(values, field.distances(points), atol=1e-6)
    np.testing.assert_allclose(values[1:4], 0, atol=1e-6)
    assert values[0] < 0 < values[4]
    for axis in range(3):
        step = np.zeros(3, np.float32)
        step[axis] = 1e-2
        difference = (field.distances(points + step) - field.distances(points - step)) / 2e-2
        # Differences of float32 over 0.02, and their third derivative.
        np.testing.assert_allclose(slopes[:, axis], difference, atol=1e-3)
    origins, directions = _grid_of_rays(24)
    near, far = _reaches(len(origins))
    seen = trace_surface(field, origins, directions, near, far, PIXEL, backend)
    points = (origins + seen.t[:, None] * directions)[seen.hit]
    assert len(points) > 100
    # Its slope is less than 1, so places are off by more than the field there is.
    np.testing.assert_allclose(((points / RADII) ** 2).sum(1), 1, atol=4 * WIDTH)


def test_fields_without_a_surface():
    scene = _ball_scene()
    image = Field("image", Identity(2), Network((Layer(2, 1),)), (0, 0), (1, 1))
    with pytest.raises(ValueError, match="a image field has no surface"):
        NeuralDistance(image, Weights.empty(image), "cpu")
    with pytest.raises(ValueError, match="sharpness"):
        neus(Body(sphere()), *_grid_of_rays(2), *_reaches(4), PIXEL, 0.0)
    with pytest.raises(ValueError, match="resolution"):
        extract(scene, 1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        before_activation("sigmoid", 1.5)


@pytest.mark.parametrize("activation", ["relu", "exponential", "sigmoid", "softplus", "none"])
def test_thresholds_are_the_inverse_of_activations(activation):
    forth = {
        "none": lambda v: v,
        "relu": lambda v: max(v, 0),
        "exponential": np.exp,
        "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
        "softplus": lambda v: np.log1p(np.exp(v)),
    }[activation]
    for density in (0.01, 0.5, 0.99):
        assert forth(before_activation(activation, density)) == pytest.approx(density, rel=1e-12)


def test_cancelling():
    origins, directions = _grid_of_rays(8)
    near, far = _reaches(len(origins))
    for march in (
        lambda stop: trace_surface(
            Body(sphere()), origins, directions, near, far, PIXEL, "cpu", stop
        ),
        lambda stop: neus(Body(sphere()), origins, directions, near, far, PIXEL, 50.0, stop),
    ):
        with pytest.raises(RenderCancelled):
            march(lambda: True)
    asked = []
    with pytest.raises(Cancelled):
        polygonize(
            Body(sphere()), LOWER, UPPER, 64, cancel=lambda: len(asked) > 3 or asked.append(1)
        )
    assert CHUNK >= 1 << 12


# Meshes --------------------------------------------------------------------------------------


def _volume(mesh) -> float:
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    return np.einsum("ni,ni->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6


@pytest.mark.parametrize("layers", [1, 3, 1000])
@pytest.mark.parametrize("resolution", [24, 33])
def test_sphere_is_closed_wherever_slabs_meet(monkeypatch, layers, resolution):
    """At 24 cells the sphere goes exactly through grid points."""
    side = resolution + 1
    monkeypatch.setattr("render.fields.mesh.SLAB", layers * side * side)
    mesh = polygonize(Body(sphere()), LOWER, UPPER, resolution)
    assert mesh.is_closed
    radii = np.linalg.norm(mesh.vertices, axis=1)
    # Newton's step leaves the square of the distance to the chord.
    np.testing.assert_allclose(radii, 1, atol=1e-5)
    np.testing.assert_allclose(mesh.normals, mesh.vertices, atol=1e-4)
    # Outwards is positive; facets cut off a part of the order of the square of a cell.
    assert _volume(mesh) == pytest.approx(4 / 3 * np.pi, rel=3 * (3 / resolution) ** 2)
    assert len(mesh.vertices) - len(mesh.faces) / 2 == 2


def test_torus_has_a_hole_and_boxes_need_not_be_cubes():
    mesh = polygonize(
        Body(torus(0.8, 0.3)), np.array([-1.2, -1.3, -0.4]), np.array([1.2, 1.3, 0.4]), 60
    )
    assert mesh.is_closed
    assert len(mesh.vertices) - len(mesh.faces) / 2 == 0
    assert _volume(mesh) == pytest.approx(2 * np.pi**2 * 0.8 * 0.3**2, rel=0.02)


def test_empty_fields_and_fields_that_are_no_numbers():
    for function in (lambda p: np.ones(len(p)), lambda p: np.full(len(p), np.nan)):
        mesh = polygonize(Body(function), LOWER, UPPER, 8)
        assert len(mesh.vertices) == len(mesh.faces) == 0


def test_what_the_box_cuts_is_closed():
    scene = _ball_scene()
    half = replace(scene, lower=np.array([-0.7, -3, -2.5]), upper=np.array([2.0, 0, 0.9]))
    mesh = extract(half, 50)
    assert mesh.is_closed
    assert len(mesh.vertices) - len(mesh.faces) / 2 == 2
    # Caps lie on the faces, to within rounding.
    assert mesh.vertices[:, 1].max() == pytest.approx(0, abs=1e-5)
    assert mesh.vertices[:, 0].min() == pytest.approx(-0.7, abs=1e-5)
    cap = np.abs(mesh.vertices[:, 1]) < 1e-5
    assert cap.sum() > 50
    np.testing.assert_allclose(np.median(mesh.normals[cap], 0), [0, 1, 0], atol=1e-6)
    # By Monte Carlo, good to 0.3 %; bevelled edges take about a thousandth.
    points = np.random.default_rng(2).uniform(half.lower, half.upper, (1_000_000, 3))
    share = ((points / RADII) ** 2).sum(1) < 1
    assert _volume(mesh) == pytest.approx(share.mean() * np.prod(half.upper - half.lower), rel=0.01)


SHAPES = {
    "deepsdf_round_cross": {},
    "deepsdf_primitives": {"code": 5},
    "deepsdf_maurock/weights.pt": {},
}


@pytest.mark.parametrize("name", SHAPES)
def test_real_networks_are_closed_and_traced_where_they_are_meshed(name):
    scene = open_scene(shared_data(f"neural/{name}"), **SHAPES[name])
    assert isinstance(scene, FieldScene)
    mesh = extract(scene, 48)
    assert len(mesh.faces) > 500
    assert mesh.is_closed
    field = NeuralDistance(scene.model, scene.weights, "cpu")
    inner = (np.abs(mesh.vertices) < 0.95).all(1)
    # From outside along the normal, or the other way through thin parts: a tenth of a cell and
    # more is free before a vertex, and the ray then meets the surface there.
    points, normals = mesh.vertices[inner], mesh.normals[inner]
    back = np.float32(0.02)
    outside = field.distances(points + back * normals) > 0.2 * back
    origins, directions = (points + back * normals)[outside], -normals[outside]
    near, far = _reaches(len(origins), 0.1)
    seen = trace_surface(field, origins, directions, near, far, (1e-4, 0.0))
    assert outside.mean() > 0.9
    assert seen.hit.mean() > 0.999
    # Newton's one step leaves some thousandths where a network bends sharply.
    assert np.quantile(np.abs(seen.t - back), 0.99) < 2e-3


def test_surface_of_a_density_and_of_a_distance_are_the_same():
    scene = _ball_scene()
    told = []
    mesh = extract(scene, 40, progress=lambda done, total, unit: told.append((done, total, unit)))
    assert mesh.is_closed
    np.testing.assert_allclose(((mesh.vertices / RADII) ** 2).sum(1), 1, atol=1e-3)
    # A box of 4 by 6 by 5 and half a cell on either side: 28 cells across, 29 layers of points.
    assert told[0] == (0, 29, "layers")
    assert told[-1][0] == told[-1][1] == len(mesh.vertices)
    dense = Field("volume", BALL.encoding, BALL.network, BALL.lower, BALL.upper, density="softplus")
    flat = scene.weights.network.copy()
    flat[-2:] *= -1
    weights = Weights(flat, scene.weights.encoding, scene.weights.direction)
    cut = FieldScene(dense, weights, scene.lower, scene.upper, transfer=np.ones((256, 4), "f4"))
    again = extract(cut, 40, float(np.log(2)))
    assert _volume(again) == pytest.approx(_volume(mesh), rel=1e-4)
    assert np.einsum("nd,nd->n", again.normals, again.vertices).min() > 0
