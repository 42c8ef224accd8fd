"""Fits: loss falls, seeds decide, checkpoints go on bit by bit, every encoding has a turn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from render.fitting.adam import Adam, Group
from render.fitting.architectures import ENCODINGS, architecture
from render.fitting.distance import DistanceFit, distance_field, overlap
from render.fitting.fit import Fit
from render.fitting.image import ImageFit, bilinear, cells, image_field, psnr_of
from render.fitting.loop import Report, run
from render.fitting.radiance import Budget, RadianceFit, psnr_of_views, radiance_field
from render.fitting.surfaces import Surface
from render.fitting.views import Views, box_of, read_views
from scenes.errors import Cancelled, SceneError
from scenes.paths.files import read_camera_set
from tests.render.fitting_inputs import octahedron, ramp, sphere_views

pytest.importorskip("igl", reason="libigl is not installed")

SHORT = Budget(samples=1 << 12, cells=16, steps=128)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    # Steps are so small that threads would mostly wait for each other.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def image_fit(encoding: str = "hash", seed: int = 0, side: int = 24) -> ImageFit:
    pixels = ramp()
    field = image_field(pixels.shape[1], pixels.shape[0], encoding, "small")
    return ImageFit(field, pixels, seed, side=side)


def distance_fit(encoding: str = "hash", seed: int = 0) -> DistanceFit:
    surface = octahedron()
    field = distance_field(surface.lower, surface.side, encoding, "small")
    return DistanceFit(field, surface, seed, samples=4096, batch=1024)


def radiance_fit(folder: Path, encoding: str = "hash", seed: int = 0) -> RadianceFit:
    path = sphere_views(folder)
    cameras = read_camera_set(path)
    box = box_of(cameras)
    views = read_views(path, cameras, box)
    return RadianceFit(radiance_field(box, encoding, "small"), views, box, seed, budget=SHORT)


def a_fit(form: str, folder: Path, encoding: str = "hash", seed: int = 0) -> Fit:
    match form:
        case "image":
            return image_fit(encoding, seed)
        case "distance":
            return distance_fit(encoding, seed)
        case _:
            return radiance_fit(folder, encoding, seed)


FORMS = ("image", "distance", "radiance")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("form", FORMS)
def test_every_encoding_takes_steps_and_gives_a_scene(
    form: str, encoding: str, tmp_path: Path
) -> None:
    fit = a_fit(form, tmp_path, encoding)
    before = fit.arrays()
    fit.step()
    fit.step(0.9)
    after = fit.arrays()
    assert np.isfinite(fit.loss)
    assert not np.array_equal(before.network, after.network)
    if fit.field.encoding.parameters:
        assert not np.array_equal(before.encoding, after.encoding)
    scene = fit.scene()
    assert scene.model.form == form
    assert scene.weights.network.dtype == scene.weights.encoding.dtype == np.float32
    assert all(np.isfinite(part).all() for part in (after.network, after.encoding))
    if form == "radiance":
        assert scene.occupancy is not None
        assert scene.occupancy.cells.shape == (1, 16, 16, 16)
        assert len(scene.cameras) == 6


@pytest.mark.parametrize("form", FORMS)
def test_the_loss_falls(form: str, tmp_path: Path) -> None:
    fit = a_fit(form, tmp_path)
    fit.step()
    first = fit.loss
    for number in range(100):
        fit.step(number / 100)
    assert fit.loss < 0.7 * first


@pytest.mark.parametrize("form", FORMS)
def test_a_seed_decides_everything(form: str, tmp_path: Path) -> None:
    fits = [a_fit(form, tmp_path, seed=seed) for seed in (3, 3, 4)]
    for fit in fits:
        for number in range(4):
            fit.step(number / 4)
    one, same, other = (fit.arrays() for fit in fits)
    assert np.array_equal(one.network, same.network)
    assert np.array_equal(one.encoding, same.encoding)
    assert not np.array_equal(one.network, other.network)


@pytest.mark.parametrize("form", FORMS)
def test_a_checkpoint_goes_on_bit_by_bit(form: str, tmp_path: Path) -> None:
    # 17 steps, so that a look at the occupancy lies on each side of the interruption.
    steps, stop = 34, 17
    whole = a_fit(form, tmp_path)
    run(whole, steps=steps)
    half, rest = a_fit(form, tmp_path), a_fit(form, tmp_path)
    with pytest.raises(Cancelled):
        run(
            half, steps=steps, cancel=lambda: half.steps_done == stop,
            checkpoint=tmp_path / "a.fit",
        )  # fmt: skip
    rest.load(tmp_path / "a.fit")
    assert rest.steps_done == stop
    assert rest.loss == half.loss
    run(rest, steps=steps)
    assert np.array_equal(whole.arrays().network, rest.arrays().network)
    assert np.array_equal(whole.arrays().encoding, rest.arrays().encoding)
    assert whole.loss == rest.loss


def test_an_affine_ramp_is_fitted() -> None:
    fit = image_fit(side=32)
    run(fit, steps=150)
    # Half a step of 8 bits is 54 dB; 35 dB is an error of 1.8 % of the range.
    assert psnr_of(fit) > 35
    scene = fit.scene()
    assert scene.size == (48, 32)
    assert scene.upper.tolist() == pytest.approx([1.0, 32 / 48, 0.0])


def test_an_octahedron_is_fitted() -> None:
    fit = distance_fit("dense")
    run(fit, steps=250)
    # Of a volume of 4/3 (side 2.4): a shell 0.03 thick around the surface of 6.9 would be 14 %.
    assert overlap(fit, 1 << 13) > 0.9
    assert fit.scene().model.unit == pytest.approx(2.4)


def test_a_sphere_is_seen(tmp_path: Path) -> None:
    fit = radiance_fit(tmp_path)
    run(fit, steps=120)
    # Before white a picture of nothing has about 11 dB, and one of the right outline in grey 16.
    assert psnr_of_views(fit, fit.views) > 18
    # The sphere fills 2 % of the box, and rays have been everywhere.
    assert fit._cells.float().mean() < 0.5
    colour = fit.drawn(fit.views.cameras[0])
    assert colour.shape == (24, 24, 4)
    assert colour[12, 12, 3] > 0.8 > 0.3 > colour[0, 0, 3]


def test_a_run_ends_reports_and_pauses(tmp_path: Path) -> None:
    reports: list[Report] = []
    told: list[tuple[int, int, str]] = []
    fit = image_fit(side=8)
    rests = iter([True, True, False])
    run(
        fit, steps=5, progress=lambda *words: told.append(words), report=reports.append,
        paused=lambda: next(rests, False),
    )  # fmt: skip
    assert fit.steps_done == 5
    assert told[-1] == (5, 5, "steps")
    assert reports[-1].steps == 5
    assert reports[-1].left == pytest.approx(0)
    assert reports[-1].psnr > 0
    run(fit, seconds=fit.seconds_spent + 0.05)
    assert fit.steps_done > 5
    with pytest.raises(ValueError, match="ends"):
        run(fit)


def test_a_checkpoint_of_another_fit_is_refused(tmp_path: Path) -> None:
    image_fit().save(tmp_path / "a.fit")
    with pytest.raises(SceneError, match="seed 1"):
        image_fit(seed=1).load(tmp_path / "a.fit")
    with pytest.raises(SceneError, match="with field"):
        image_fit("siren").load(tmp_path / "a.fit")
    with pytest.raises(SceneError, match="with kind distance"):
        distance_fit().load(tmp_path / "a.fit")
    whole = (tmp_path / "a.fit").read_bytes()
    (tmp_path / "b.fit").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "c.fit").write_bytes(b"nothing of the kind")
    for name in ("b.fit", "c.fit", "d.fit"):
        with pytest.raises(SceneError):
            image_fit().load(tmp_path / name)


@pytest.mark.parametrize("make", [ImageFit.of_file, RadianceFit.of_file, DistanceFit.of_file])
def test_what_is_not_there_is_one_error(make: Callable[[Path], Fit], tmp_path: Path) -> None:
    for name in ("a.png", "a.json", "a.obj"):
        with pytest.raises(SceneError, match=name):
            make(tmp_path / name)
        (tmp_path / name).write_bytes(b"\x00" * 64)
        with pytest.raises(SceneError, match=name):
            make(tmp_path / name)
        (tmp_path / name).unlink()


def test_views_without_pictures_are_one_error(tmp_path: Path) -> None:
    path = sphere_views(tmp_path, pictures=False)
    with pytest.raises(SceneError, match="pictures beside the file, found none of 6"):
        RadianceFit.of_file(path)
    sphere_views(tmp_path)
    (tmp_path / "r_2.png").write_bytes((tmp_path / "r_2.png").read_bytes()[:60])
    with pytest.raises(SceneError, match=r"r_2\.png"):
        RadianceFit.of_file(path)


def test_an_empty_mesh_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.obj"
    for text in ("v 0 0 0\n", "v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n"):
        path.write_text(text)
        with pytest.raises(SceneError, match=r"a\.obj"):
            DistanceFit.of_file(path)


def test_distances_have_the_sign_of_the_inside() -> None:
    surface = octahedron()
    points = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 5.0]])
    # The middle is 1 / sqrt(3) from each face; float32 keeps 1e-7 of that.
    assert surface.distances(points) == pytest.approx([-(3**-0.5), 1.0], abs=1e-6)
    with pytest.raises(Cancelled):
        surface.samples(64, 0, cancel=lambda: True)
    with pytest.raises(ValueError, match="no triangles"):
        Surface.of(np.zeros((3, 3)), np.zeros((0, 3), int))


def test_positions_lie_one_in_each_cell() -> None:
    spots = cells(5, torch.Generator().manual_seed(0))
    found = {tuple(cell) for cell in (spots * 5).long().tolist()}
    assert found == {(x, y) for x in range(5) for y in range(5)}


def test_bilinear_targets_are_the_pixels_at_their_centres() -> None:
    pixels = ramp(7, 5)
    y, x = np.mgrid[:5, :7]
    spots = np.stack([(x + 0.5) / 7, (y + 0.5) / 5], -1).reshape(-1, 2).astype(np.float32)
    found = bilinear(torch.from_numpy(pixels), torch.from_numpy(spots)).numpy()
    # Positions are rounded to 24 bits, and a pixel's neighbours differ by at most 1.
    assert found == pytest.approx(pixels.reshape(-1, 3) / 255, abs=1e-5)
    one = bilinear(torch.from_numpy(pixels[:1, :1].copy()), torch.rand(9, 2)).numpy()
    assert one == pytest.approx(np.tile(pixels[0, 0] / np.float32(255), (9, 1)))


def test_radiance_can_be_a_snapshot_of_instant_ngp() -> None:
    for size in ("small", "base"):
        field = architecture("radiance", "hash", size, (0.0,) * 3, (1.0,) * 3)
        layers = field.network.layers
        assert [(layer.inputs, layer.outputs) for layer in layers] == [
            (32, 64), (64, 16), (32, 64), (64, 64), (64, 3)
        ]  # fmt: skip
        assert not any(layer.bias for layer in layers)  # type: ignore[union-attr]
    # Published for L8 F4 T2^14 in a box of side 1.
    small = architecture("radiance", "hash", "small", (0.0,) * 3, (1.0,) * 3)
    assert small.encoding.parameters == 475_136


def test_rays_of_views_meet_their_pixels(tmp_path: Path) -> None:
    fit = radiance_fit(tmp_path)
    views: Views = fit.views
    origins, directions, pixels = views.rays(512, torch.Generator().manual_seed(0))
    # The sphere has radius 0.5 and lies at the file's origin; instant-ngp's cube is 1 / 0.33 wide.
    middle = torch.tensor(fit.box.scene_from_file[:3, 3], dtype=torch.float32)
    ahead = ((middle - origins) * directions).sum(1, keepdim=True)
    distance = (origins + ahead * directions - middle).norm(dim=1)
    radius = 0.5 * 0.33
    # float32 places of rays differ by 1e-6.
    assert (pixels[distance < radius - 1e-5, 3] == 1).all()
    assert (pixels[distance > radius + 1e-5, 3] == 0).all()


def test_steps_are_those_of_adam() -> None:
    generator = torch.Generator().manual_seed(0)
    part = torch.randn(50, generator=generator)
    group = Group("network", part.clone(), 0.02, 0.1)
    adam = Adam([group], (0.9, 0.99), 1e-8)
    value, mean, square = part.double().numpy(), np.zeros(50), np.zeros(50)
    for step in range(1, 8):
        gradient = torch.randn(50, generator=generator)
        group.part.grad = gradient.clone()
        adam.step()
        whole = gradient.double().numpy() + 0.1 * value
        mean, square = 0.9 * mean + 0.1 * whole, 0.99 * square + 0.01 * whole**2
        spread = np.sqrt(square / (1 - 0.99**step)) + 1e-8
        value = value - 0.02 * mean / (1 - 0.9**step) / spread
    # Seven steps in float32 of numbers around 1.
    np.testing.assert_allclose(group.part.numpy(), value, atol=1e-5)
    adam.forget_gradients()
    adam.step()
    assert group.state["step"] == 7


def test_a_step_loads_no_compiler() -> None:
    code = (
        "import sys; import numpy as np; from render.fitting.image import ImageFit, image_field;"
        "fit = ImageFit(image_field(8, 8, 'hash', 'small'), np.zeros((8, 8, 3), np.uint8));"
        "fit.step(); print([n for n in ('torch._dynamo', 'triton') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
