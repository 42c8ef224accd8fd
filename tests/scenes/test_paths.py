"""Camera paths: the way through the keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from scenes.camera import look_at_pose
from scenes.paths.interpolate import camera_at, cameras_of, ease, frame_times, pose_at
from scenes.paths.path import CameraPath, Keyframe
from scenes.paths.rotations import (
    between,
    exponential,
    logarithm,
    matrices_of,
    multiply,
    quaternions_of,
    right_jacobians,
)
from scenes.paths.spline import solve_block_tridiagonal

TIMES = (0.0, 1.0, 1.7, 3.1, 4.0)
MODES = ("spline", "linear", "hold")


def key(time: float, rotation: ArrayLike = (0, 0, 0), position: ArrayLike = (0, 0, 0), **more):
    pose = np.eye(4)
    pose[:3, :3] = matrices_of(exponential(np.array(rotation, dtype=np.float64)))
    pose[:3, 3] = position
    return Keyframe(time, pose, more.pop("fov_y", 0.9), **more)


def wild_path(seed: int = 0, **settings) -> CameraPath:
    rng = np.random.default_rng(seed)
    keys = tuple(
        key(t, rng.normal(size=3) * 0.6, rng.normal(size=3), fov_y=rng.uniform(0.4, 1.4))
        for t in TIMES
    )
    return CameraPath(keys, duration=5.0, fps=25.0, **settings)


def assert_rigid(poses: np.ndarray) -> None:
    rotation = poses[:, :3, :3]
    np.testing.assert_allclose(
        rotation @ rotation.transpose(0, 2, 1), np.tile(np.eye(3), (len(poses), 1, 1)), atol=1e-12
    )
    assert (np.linalg.det(rotation) > 0).all()
    assert (poses[:, 3] == [0, 0, 0, 1]).all()


def spin(path: CameraPath, times: ArrayLike, step: float) -> np.ndarray:
    """Angular velocity in the moving frame by central differences, (T, 3)."""
    times = np.asarray(times)
    before = quaternions_of(pose_at(path, times - step)[0][:, :3, :3])
    after = quaternions_of(pose_at(path, times + step)[0][:, :3, :3])
    return between(before, after) / (2 * step)


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("interpolation", MODES)
def test_passes_through_its_keys(interpolation: str, loop: bool) -> None:
    path = wild_path(interpolation=interpolation, loop=loop)
    poses, fov_y = pose_at(path, TIMES)
    assert_rigid(poses)
    np.testing.assert_allclose(poses, [k.world_from_camera for k in path.keys], atol=1e-12)
    np.testing.assert_allclose(fov_y, [k.fov_y for k in path.keys], atol=1e-12)


@pytest.mark.parametrize("loop", [False, True])
def test_position_has_continuous_speed_and_acceleration(loop: bool) -> None:
    path = wild_path(loop=loop)
    step = 1e-4
    for time in (*TIMES[1:-1], *((5.0, 4.0) if loop else ())):
        # One-sided differences of a cubic: exact to rounding with four points.
        def one_sided(sign: float, time: float = time) -> tuple[np.ndarray, np.ndarray]:
            samples = pose_at(path, time + sign * step * np.arange(4))[0][:, :3, 3]
            speed = sign * np.array([-11 / 6, 3, -3 / 2, 1 / 3]) @ samples / step
            return speed, np.array([2, -5, 4, -1]) @ samples / step**2

        (speed_before, bend_before), (speed_after, bend_after) = one_sided(-1), one_sided(1)
        np.testing.assert_allclose(speed_before, speed_after, atol=1e-9)
        np.testing.assert_allclose(bend_before, bend_after, atol=1e-5)


@pytest.mark.parametrize("loop", [False, True])
def test_rotation_has_continuous_speed_and_acceleration(loop: bool) -> None:
    path = wild_path(loop=loop)
    step = 1e-4
    for time in (*TIMES[1:-1], *((5.0, 4.0) if loop else ())):
        around = spin(path, [time - 3 * step, time - step, time + step, time + 3 * step], step)
        assert np.abs(around[2] - around[1]).max() < 2e-2
        bend_before, bend_after = (
            (around[1] - around[0]) / (2 * step),
            (around[3] - around[2]) / (2 * step),
        )
        np.testing.assert_allclose(bend_before, bend_after, atol=0.05)


def test_natural_ends_have_no_acceleration() -> None:
    path = wild_path()
    step = 1e-4
    samples = pose_at(path, step * np.arange(4))[0][:, :3, 3]
    np.testing.assert_allclose(np.array([2, -5, 4, -1]) @ samples / step**2, 0.0, atol=1e-5)


def test_a_steady_turn_stays_steady() -> None:
    path = CameraPath(tuple(key(float(t), (0, 1.0 * t, 0)) for t in range(4)), duration=3.0)
    np.testing.assert_allclose(
        spin(path, np.linspace(0.1, 2.9, 20), 1e-4), np.tile([0, 1.0, 0], (20, 1)), atol=1e-9
    )


def test_two_keys_make_a_straight_even_way() -> None:
    path = CameraPath((key(0, (0.3, 0, 0), (1, 0, 0)), key(2, (0, 0.8, 0.2), (3, 4, 0))), 2.0)
    times = np.linspace(0, 2, 9)
    straight = pose_at(replace(path, interpolation="linear"), times)
    for a, b in zip(pose_at(path, times), straight, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_roll_is_kept() -> None:
    rolled = [key(t, (0, 0, 0.5)) for t in (0.0, 1.0, 2.0)]
    path = CameraPath(tuple(rolled), duration=2.0)
    poses, _ = pose_at(path, np.linspace(0, 2, 11))
    np.testing.assert_allclose(poses, np.tile(rolled[0].world_from_camera, (11, 1, 1)), atol=1e-12)


def test_takes_the_short_way_across_the_antipode() -> None:
    # 170 and 190 degrees about one axis: quaternions of opposite sign, 20 degrees apart.
    path = CameraPath((key(0, (0, np.deg2rad(170), 0)), key(1, (0, np.deg2rad(190), 0))), 1.0)
    middle = quaternions_of(pose_at(path, [0.5])[0][0, :3, :3])
    expected = exponential(np.array([0, np.pi, 0]))
    assert abs(middle @ expected) == pytest.approx(1.0, abs=1e-12)


def test_field_of_view_moves_in_the_tangent_and_stays_in_bounds() -> None:
    wide, narrow = 2.0 * np.arctan(1.0), 2.0 * np.arctan(0.25)
    path = CameraPath((key(0, fov_y=wide), key(1, fov_y=narrow)), 1.0)
    assert pose_at(path, [0.5])[1][0] == pytest.approx(2.0 * np.arctan(0.5))
    extreme = [key(t, fov_y=np.deg2rad(f)) for t, f in ((0, 169), (0.1, 169.9), (3, 1), (3.1, 0.5))]
    _, fov_y = pose_at(CameraPath(tuple(extreme), 4.0), np.linspace(0, 4, 400))
    assert fov_y.min() >= np.deg2rad(1) - 1e-12
    assert fov_y.max() <= np.deg2rad(170) + 1e-12


def test_equal_neighbours_make_a_pause_and_not_a_swing() -> None:
    places = [0.0, 10.0, 10.0, 20.0]
    path = CameraPath(tuple(key(float(t), (0, 0, 0), (x, 0, 0)) for t, x in enumerate(places)), 3.0)
    x = pose_at(path, np.linspace(0, 3, 301))[0][:, 0, 3]
    np.testing.assert_allclose(x[100:201], 10.0, atol=1e-12)
    assert (np.diff(x) >= -1e-12).all()


def test_turning_on_the_spot_stays_on_the_spot() -> None:
    keys = [key(0, (0, 0, 0), (5, 0, 0)), key(1, (0, 1, 0), (0, 0, 0)), key(2, (0, 2, 0))]
    poses, _ = pose_at(CameraPath(tuple(keys), 2.0), np.linspace(1, 2, 20))
    np.testing.assert_allclose(poses[:, :3, 3], 0.0, atol=1e-12)


def test_holding_jumps_at_the_keys_only() -> None:
    path = CameraPath((key(0, position=(1, 0, 0)), key(1, position=(2, 0, 0))), 2.0)
    path = replace(path, interpolation="hold")
    x = pose_at(path, [0, 0.999, 1.0, 1.5, 2.0])[0][:, 0, 3]
    assert x.tolist() == [1, 1, 2, 2, 2]


def test_times_outside_the_keys_hold_the_ends() -> None:
    path = wild_path()
    poses, _ = pose_at(replace(path, keys=path.keys[1:]), [-3.0, 0.0, 1.0, 4.0, 99.0])
    np.testing.assert_allclose(poses[:3], [path.keys[1].world_from_camera] * 3, atol=1e-12)
    np.testing.assert_allclose(poses[3:], [path.keys[-1].world_from_camera] * 2, atol=1e-12)


def test_a_loop_closes_over_the_rest_of_its_duration() -> None:
    path = wild_path(loop=True, interpolation="linear")
    first, last = (path.keys[i].world_from_camera[:3, 3] for i in (0, -1))
    np.testing.assert_allclose(pose_at(path, [4.5])[0][0, :3, 3], 0.5 * (first + last))
    np.testing.assert_allclose(pose_at(path, [5.25])[0], pose_at(path, [0.25])[0], atol=1e-12)


def test_a_loop_that_starts_late_wraps_to_before_its_first_key() -> None:
    keys = tuple(replace(k, time=k.time + 0.5) for k in wild_path().keys)
    path = replace(wild_path(loop=True), keys=keys)
    np.testing.assert_allclose(
        pose_at(path, [0.2])[0], pose_at(wild_path(loop=True), [4.7])[0], atol=1e-12
    )


def test_a_loop_whose_last_key_is_its_first_runs_round_smoothly() -> None:
    open_keys = wild_path().keys
    path = replace(
        wild_path(loop=True), keys=(*open_keys, replace(open_keys[0], time=5.0)), duration=5.0
    )
    times = np.linspace(0, 5, 50)
    np.testing.assert_allclose(
        pose_at(path, times)[0], pose_at(wild_path(loop=True), times)[0], atol=1e-12
    )


def test_a_loop_without_time_to_return_cuts_and_ignores_what_is_beyond() -> None:
    path = replace(wild_path(loop=True), duration=4.0)
    open_path = replace(path, loop=False)
    times = np.linspace(0, 3.99, 40)
    np.testing.assert_allclose(pose_at(path, times)[0], pose_at(open_path, times)[0], atol=1e-12)
    beyond = replace(path, keys=(*path.keys, key(9.0, position=(99, 0, 0))))
    np.testing.assert_allclose(pose_at(beyond, times)[0], pose_at(path, times)[0], atol=1e-12)


def test_the_later_of_two_keys_at_one_time_counts() -> None:
    path = CameraPath((key(0), key(1, position=(1, 0, 0)), key(1, position=(2, 0, 0))), 2.0)
    assert pose_at(path, [1.0])[0][0, 0, 3] == pytest.approx(2.0)
    one_time = CameraPath((key(1), key(1, position=(2, 0, 0))), 2.0, loop=True)
    assert pose_at(one_time, [0.0, 1.0])[0][:, 0, 3].tolist() == [2, 2]


@pytest.mark.parametrize("loop", [False, True])
def test_one_key_stands_still_and_none_is_an_error(loop: bool) -> None:
    path = CameraPath((key(1, (0, 0.3, 0), (1, 2, 3)),), 2.0, loop=loop)
    poses, _ = pose_at(path, [0.0, 1.0, 5.0])
    np.testing.assert_allclose(poses, [path.keys[0].world_from_camera] * 3, atol=1e-12)
    with pytest.raises(ValueError, match="without keys"):
        camera_at(CameraPath(), 0.0, 10, 10)


def test_keys_refuse_what_is_no_pose() -> None:
    with pytest.raises(ValueError, match="4, 4"):
        Keyframe(0.0, np.eye(3), 1.0)
    with pytest.raises(ValueError, match="finite"):
        Keyframe(0.0, np.full((4, 4), np.nan), 1.0)


def test_frames_and_their_cameras() -> None:
    path = replace(wild_path(), duration=2.0, fps=24.0)
    times = frame_times(path)
    assert len(times) == 48
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(47 / 24)
    cameras = cameras_of(path, 64, 36)
    assert len(cameras) == 48
    one = camera_at(path, float(times[7]), 64, 36)
    np.testing.assert_allclose(cameras[7].camera_from_world, one.camera_from_world)
    assert (one.width, one.height, one.fx) == (64, 36, one.fy)
    assert len(frame_times(replace(path, duration=0.01))) == 1


@pytest.mark.parametrize(
    ("easing", "slopes"), [("none", (1, 1)), ("in", (0, 1)), ("out", (1, 0)), ("in-out", (0, 0))]
)
def test_easing_sets_the_speed_at_its_ends(easing: str, slopes: tuple[float, float]) -> None:
    u = np.linspace(0, 1, 101)
    eased = ease(easing, u)
    assert (eased[0], eased[-1]) == (0, 1)
    assert (np.diff(eased) > 0).all()
    assert (eased[1] - eased[0]) / 0.01 == pytest.approx(slopes[0], abs=0.04)
    assert (eased[-1] - eased[-2]) / 0.01 == pytest.approx(slopes[1], abs=0.04)


@pytest.mark.parametrize("interpolation", ["spline", "linear"])
def test_easing_keeps_the_curve_and_stops_at_the_key(interpolation: str) -> None:
    plain = wild_path(interpolation=interpolation)
    keys = list(plain.keys)
    keys[1] = replace(keys[1], easing="in")
    eased = replace(plain, keys=tuple(keys))
    time = 1.0 + 0.7 * float(ease("in", 0.4))
    np.testing.assert_allclose(
        pose_at(eased, [1.0 + 0.7 * 0.4])[0], pose_at(plain, [time])[0], atol=1e-12
    )
    near = pose_at(eased, [1.0, 1.0 + 1e-6])[0][:, :3, 3]
    assert np.linalg.norm(near[1] - near[0]) < 1e-9


def test_hundreds_of_keys_are_quick_and_smooth() -> None:
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    keys = tuple(
        Keyframe(i * 0.1, look_at_pose((np.cos(a), -0.3, np.sin(a)), (0, 0, 0)), 0.9)
        for i, a in enumerate(turn)
    )
    path = CameraPath(keys, duration=40.0, loop=True)
    poses, _ = pose_at(path, np.linspace(0, 40, 1000))
    np.testing.assert_allclose(np.hypot(poses[:, 0, 3], poses[:, 2, 3]), 1.0, atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.floats(0, 20), min_size=1, max_size=6),
    seed=st.integers(0, 1000),
    loop=st.booleans(),
    interpolation=st.sampled_from(MODES),
    easing=st.sampled_from(["none", "in", "out", "in-out"]),
)
def test_any_path_gives_rigid_finite_poses(
    times: list[float], seed: int, loop: bool, interpolation: str, easing: str
) -> None:
    rng = np.random.default_rng(seed)
    keys = tuple(
        key(t, rng.normal(size=3) * 2, rng.normal(size=3), fov_y=1.0, easing=easing) for t in times
    )
    path = CameraPath(keys, duration=10.0, loop=loop, interpolation=interpolation)
    poses, fov_y = pose_at(path, np.linspace(-1, 21, 45))
    assert np.isfinite(poses).all()
    assert_rigid(poses)
    np.testing.assert_allclose(fov_y, 1.0, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3))
def test_exponential_and_logarithm_are_inverse(vector: list[float]) -> None:
    rotation = np.array(vector)
    quat = exponential(rotation)
    if np.linalg.norm(rotation) < np.pi - 1e-6:
        np.testing.assert_allclose(logarithm(-quat), rotation, atol=1e-9)
    back = quaternions_of(matrices_of(quat))
    assert abs(back @ quat) == pytest.approx(1.0, abs=1e-12)
    jacobian, inverse = right_jacobians(rotation)
    np.testing.assert_allclose(jacobian @ inverse, np.eye(3), atol=1e-9)
    # The right Jacobian is the derivative of the exponential map, seen from the moving frame.
    step = np.array([0.3, -0.5, 0.2]) * 1e-6
    moved = between(exponential(rotation - step), exponential(rotation + step)) / 2
    np.testing.assert_allclose(moved, jacobian @ step, atol=1e-11)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("cyclic", [False, True])
def test_block_tridiagonal_solver_against_dense(count: int, cyclic: bool) -> None:
    rng = np.random.default_rng(count)
    lower, upper = rng.normal(size=(2, count, 2, 2)) * 0.3
    diagonal = rng.normal(size=(count, 2, 2)) * 0.2 + 4 * np.eye(2)
    right = rng.normal(size=(count, 2, 3))
    dense = np.zeros((count, 2, count, 2))
    for i in range(count):
        dense[i, :, i] += diagonal[i]
        if cyclic or i > 0:
            dense[i, :, i - 1] += lower[i]
        if cyclic or i < count - 1:
            dense[i, :, (i + 1) % count] += upper[i]
    expected = np.linalg.solve(dense.reshape(2 * count, -1), right.reshape(2 * count, 3))
    found = solve_block_tridiagonal(lower, diagonal, upper, right, cyclic)
    np.testing.assert_allclose(found.reshape(2 * count, 3), expected, atol=1e-10)


def test_quaternion_product_matches_matrices() -> None:
    a, b = exponential(np.random.default_rng(3).normal(size=(2, 3)))
    np.testing.assert_allclose(
        matrices_of(multiply(a, b)), matrices_of(a) @ matrices_of(b), atol=1e-14
    )
