"""Networks of NeRF, SIREN and DeepSDF from checkpoints of PyTorch."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from kernels.fields.encode import encode
from kernels.fields.network import network as evaluate
from scenes.errors import Cancelled, SceneError
from scenes.field_files.settings import parse
from scenes.fields import FieldScene
from scenes.open import open_scene, sniff_scene
from scenes.paths.formats.transforms import read_set
from tests.data import shared_data

Array = NDArray[Any]
State = dict[str, torch.Tensor]


def results(
    scene: FieldScene, positions: Array, directions: Array | None = None, backend: str = "reference"
) -> Array:
    """What the network gives for positions of the scene, before the last activations."""
    model = scene.model
    dims = model.encoding.inputs
    lower, upper = np.array(model.lower), np.array(model.upper)
    places = (positions[:, :dims] - lower) / (upper - lower)
    columns = [encode("reference", model.encoding, places, np.empty(0))]
    if model.direction is not None:
        assert directions is not None
        seen = (directions - model.toward[0]) / (model.toward[1] - model.toward[0])
        columns.append(encode("reference", model.direction, seen, np.empty(0)))
    inputs = np.concatenate(columns, 1)
    flat = scene.weights.network
    if backend == "cpu":
        return np.asarray(evaluate("cpu", model.network, inputs.astype(np.float32), flat))
    return np.asarray(evaluate("reference", model.network, inputs, flat.astype(np.float64)))


class Drawn:
    """Layers of torch.nn.Linear with numbers drawn by chance."""

    def __init__(self) -> None:
        self.state: State = {}
        self.rng = np.random.default_rng(0)

    def linear(self, name: str, inputs: int, outputs: int) -> Callable[[Array], Array]:
        weights = self.rng.normal(0, 1 / math.sqrt(inputs), (outputs, inputs)).astype(np.float32)
        bias = self.rng.normal(0, 0.3, outputs).astype(np.float32)
        self.state |= {f"{name}.weight": torch.tensor(weights), f"{name}.bias": torch.tensor(bias)}
        return lambda x: x @ weights.T.astype(np.float64) + bias


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def waves(x: Array, count: int, itself: bool = True) -> Array:
    """As all NeRF programs encode: [x, sin(x), cos(x), sin(2 x), ...]."""
    parts = [x] if itself else []
    for k in range(count):
        parts += [np.sin(2**k * x), np.cos(2**k * x)]
    return np.concatenate(parts, 1)


def flexible(itself: bool = True, looks: bool = True) -> tuple[State, Callable[..., Array]]:
    drawn = Drawn()
    width = (3 if itself else 0) + 12
    first = drawn.linear("layer1", width, 8)
    trunk = [drawn.linear(f"layers_xyz.{i}", 8 + (width if i == 2 else 0), 8) for i in range(4)]
    if looks:
        density, feature = drawn.linear("fc_alpha", 8, 1), drawn.linear("fc_feat", 8, 8)
        side = drawn.linear("layers_dir.0", 8 + 9, 4)
        color = drawn.linear("fc_rgb", 4, 3)
    else:
        everything = drawn.linear("fc_out", 8, 4)

    def forward(x: Array, d: Array) -> Array:
        place = waves(x, 2, itself)
        h = first(place)
        for i, layer in enumerate(trunk):
            h = relu(layer(np.concatenate([h, place], 1) if i == 2 else h))
        if not looks:
            return everything(h)[:, [3, 0, 1, 2]]
        side_input = np.concatenate([relu(feature(h)), waves(d, 1)], 1)
        return np.concatenate([density(h), color(relu(side(side_input)))], 1)

    return drawn.state, forward


def classic(looks: bool = True) -> tuple[State, Callable[..., Array]]:
    drawn = Drawn()
    width = 3 + 12
    trunk = [
        drawn.linear(f"pts_linears.{i}", {0: width, 3: width + 8}.get(i, 8), 8) for i in range(5)
    ]
    side = drawn.linear("views_linears.0", 8 + 9, 4)
    if looks:
        density, feature = drawn.linear("alpha_linear", 8, 1), drawn.linear("feature_linear", 8, 8)
        color = drawn.linear("rgb_linear", 4, 3)
    else:
        everything = drawn.linear("output_linear", 8, 5)

    def forward(x: Array, d: Array) -> Array:
        place = waves(x, 2)
        h = place
        for i, layer in enumerate(trunk):
            h = relu(layer(np.concatenate([place, h], 1) if i == 3 else h))
        if not looks:
            return everything(h)[:, [3, 0, 1, 2]]
        side_input = np.concatenate([feature(h), waves(d, 1)], 1)
        return np.concatenate([density(h), color(relu(side(side_input)))], 1)

    return drawn.state, forward


NERFS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "flexible": (flexible, "model_fine_state_dict", "fine"),
    "without x": (lambda: flexible(itself=False), "model_coarse_state_dict", "coarse"),
    "without direction": (lambda: flexible(looks=False), "model_fine_state_dict", "fine"),
    "classic": (classic, "network_fine_state_dict", "fine"),
    "classic without direction": (lambda: classic(looks=False), "network_fn_state_dict", "coarse"),
}


@pytest.mark.parametrize("name", NERFS)
def test_nerf_networks(name: str, tmp_path: Path) -> None:
    make, place, network = NERFS[name]
    state, forward = make()
    path = tmp_path / "a.tar"
    torch.save({"global_step": 7, place: state}, path)
    scene = open_scene(path, network=network)
    assert (scene.format, scene.metadata["step"], scene.warnings) == ("nerf", 7, ())
    rng = np.random.default_rng(1)
    x, d = rng.uniform(-2, 2, (40, 3)), rng.normal(size=(40, 3))
    # Both in float64 with the same float32 weights.
    np.testing.assert_allclose(results(scene, x, d), forward(x, d), rtol=1e-9, atol=1e-9)


def test_nerf_takes_the_other_network_where_there_is_one_only(tmp_path: Path) -> None:
    torch.save({"model_coarse_state_dict": flexible()[0]}, tmp_path / "a.ckpt")
    scene = open_scene(tmp_path / "a.ckpt")
    assert scene.warnings == ("The file has no fine network; this is the coarse one.",)


def test_nerf_reads_the_settings_beside(tmp_path: Path) -> None:
    torch.save({"model_fine_state_dict": flexible()[0]}, tmp_path / "a.ckpt")
    settings = tmp_path / "config.yml"
    settings.write_text(
        "dataset:\n  near: 1\n  far: 9.0 # depths\n  no_ndc: False\n"
        "nerf:\n  validation:\n    white_background: False\n"
    )
    scene = open_scene(tmp_path / "a.ckpt")
    assert scene.background == (0, 0, 0)
    np.testing.assert_array_equal(scene.upper, np.full(3, 4.0))
    assert len(scene.warnings) == 1
    settings.write_text("models:\n  fine:\n    log_sampling_xyz: False\n")
    with pytest.raises(SceneError, match="log_sampling"):
        open_scene(tmp_path / "a.ckpt")


def test_settings() -> None:
    text = "a:\n  b: 1\n  c:\n    d: 'x y'\ne: # nothing\n  f: 2 # two\n- g: 3\nh 4\n  : 5\n"
    assert parse(text) == {"a.b": "1", "a.c.d": "x y", "e.f": "2"}


def test_nerf_of_a_chair() -> None:
    """Against a photograph: 25 dB is what its training says of itself (the key ``psnr``)."""
    scene = open_scene(shared_data("neural/nerf_chair_lowres/checkpoint155000.ckpt"))
    assert scene.background == (1, 1, 1)
    assert scene.up.tolist() == [0, 0, 1]
    folder = shared_data("multiview/nerf_synthetic_chair")
    views = read_set(folder / "transforms_test.json")
    picture = views.pictures[0]
    assert picture is not None
    rgba = np.asarray(Image.open(picture), np.float64) / 255
    # It was trained on pictures of half the size.
    rgba = rgba.reshape(400, 2, 400, 2, 4).mean((1, 3))
    pixels = np.arange(6, 400, 16)
    wanted = (rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:])[pixels][:, pixels].reshape(-1, 3)
    camera = views.cameras[0].stretched(400, 400)
    columns, rows = np.meshgrid(pixels + 0.5, pixels + 0.5)
    rays = np.stack(
        [(columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, np.ones_like(rows)], -1
    ).reshape(-1, 3)
    rays = rays @ camera.world_from_camera[:3, :3].T
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    steps = 192
    between = 2 * 2.6 / steps  # the box of 3^3 reaches 2.6 from its middle
    depths = np.linalg.norm(camera.position) + between * (np.arange(steps) + 0.5 - steps / 2)
    places = camera.position + rays[:, None] * depths[:, None]
    views_of = np.repeat(rays, steps, 0)
    found = results(scene, places.reshape(-1, 3), views_of, "cpu").reshape(-1, steps, 4)
    density = np.maximum(found[..., 0].astype(np.float64), 0)
    density[((places < scene.lower) | (places > scene.upper)).any(-1)] = 0
    left = np.exp(-between * np.cumsum(density, 1))
    before = np.concatenate([np.ones((len(rays), 1)), left], 1)
    colors = 1 / (1 + np.exp(-found[..., 1:].astype(np.float64)))
    shown = ((before[:, :-1] - left)[..., None] * colors).sum(1) + left[:, -1:]
    psnr = -10 * np.log10(np.mean((shown - wanted) ** 2))
    # 26.4 to 31.9 dB over the eight views, 31.9 at this one with all pixels and more steps.
    assert psnr > 28


def test_siren_of_a_picture() -> None:
    """The network saw every tenth pixel: those it knows, between them it guesses (19.2 dB)."""
    path = shared_data("neural/siren_celtic_knot/model")
    scene = open_scene(path)
    picture = np.asarray(Image.open(path.parent / "celtic_spiral_knot.jpg"), np.float64)
    height, width = picture.shape[:2]
    assert scene.size == (width, height)
    chosen = np.random.default_rng(0).choice(width * height, 12_000, replace=False)
    rows, columns = np.divmod(chosen, width)

    def known(shift: float) -> tuple[float, float]:
        """The share of pixels within 3 of 255, and the PSNR of all."""
        places = np.stack([columns + 0.5 + shift, rows + 0.5 + shift], 1) / max(width, height)
        errors = 255 * results(scene, places, backend="cpu") - picture[rows, columns]
        share = np.mean(np.abs(errors).max(1) < 3)
        return float(share), float(-10 * np.log10(np.mean(errors**2) / 255**2))

    share, psnr = known(0.0)
    # A tenth drawn with repetition is 9.5 % of all pixels.
    assert share > 0.1
    # 19.2 for all pixels without the last clamp; 12,000 of them tell it within some 0.1.
    assert 19.0 < psnr < 19.6
    assert known(0.5)[0] < 0.07  # half a pixel aside, those it knows are missed, too


@pytest.mark.parametrize("colors", [1, 3])
def test_siren_of_its_authors(colors: int, tmp_path: Path) -> None:
    drawn = Drawn()
    layers = [drawn.linear(f"net.net.{i}.0", 2 if i == 0 else 8, 8) for i in range(3)]
    last = drawn.linear("net.net.3.0", 8, colors)
    path = tmp_path / "model_final.pth"
    torch.save(drawn.state, path)
    scene = open_scene(path, picture_width=5, picture_height=4)
    assert scene.size == (5, 4)
    rows, columns = (a.reshape(-1) for a in np.mgrid[:4, :5])
    x = np.stack([2 * rows / 3 - 1, 2 * columns / 4 - 1], 1)
    for layer in layers:
        x = np.sin(30 * layer(x))
    found = results(scene, np.stack([columns + 0.5, rows + 0.5], 1) / 5)
    # The first layer is rounded to float32 again: 6e-8 of 2, times 30 in each of three layers.
    np.testing.assert_allclose(found, last(x) / 2 + 0.5, atol=5e-3)


def test_siren_of_unknown_size(tmp_path: Path) -> None:
    drawn = Drawn()
    drawn.linear("network.0", 2, 8)
    drawn.linear("network.2", 8, 3)
    path = tmp_path / "model"
    torch.save({"network": drawn.state}, path)
    scene = open_scene(path)
    assert scene.size == (512, 512)
    assert len(scene.warnings) == 1
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    assert open_scene(path).size == (30, 20)
    assert open_scene(path, picture_width=60).size == (60, 20)
    Image.new("RGB", (30, 20)).save(tmp_path / "b.png")
    assert open_scene(path).size == (512, 512)


CROSS = "neural/deepsdf_round_cross"


@pytest.mark.parametrize(
    "name", ["", "specs.json", "ModelParameters/latest.pth", "LatentCodes/latest.pth"]
)
def test_deepsdf_opens_by_any_of_its_files(name: str) -> None:
    folder = shared_data(CROSS)
    found = sniff_scene(folder / name)
    assert found is not None
    assert found.name == "deepsdf"
    scene = open_scene(folder / name)
    assert (scene.metadata["codes"], scene.name) == (20, "deepsdf_round_cross")
    assert not scene.warnings


def test_deepsdf_codes_become_biases() -> None:
    """Against the layers as their program states them, with the code among the inputs."""
    folder = shared_data(CROSS)
    raw = torch.load(folder / "ModelParameters/latest.pth", weights_only=True, map_location="cpu")
    codes = torch.load(folder / "LatentCodes/latest.pth", weights_only=True, map_location="cpu")
    state = {name.removeprefix("module."): v for name, v in raw["model_state_dict"].items()}
    x = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    for code in (0, 7, 19):
        number = codes["latent_codes"]["weight"][code].double().expand(50, -1)
        inputs = torch.cat([number, torch.tensor(x)], 1)
        h = inputs
        for layer in range(7):
            v = state[f"lin{layer}.parametrizations.weight.original1"].double()
            g = state[f"lin{layer}.parametrizations.weight.original0"].double()
            h = torch.cat([h, inputs], 1) if layer == 2 else h
            h = h @ (g * v / v.norm(dim=1, keepdim=True)).T + state[f"lin{layer}.bias"].double()
            h = h.relu() if layer < 6 else h
        scene = open_scene(folder, code=code)
        assert scene.metadata["code"] == code
        # Weights are rounded to float32 after they are put together.
        np.testing.assert_allclose(results(scene, x), h.numpy(), atol=2e-6)


@pytest.mark.parametrize("name", [CROSS, "neural/deepsdf_primitives"])
def test_deepsdf_distances_have_the_unit_of_the_box(name: str) -> None:
    """Slopes at the surface are near 1, in either direction."""
    scene = open_scene(shared_data(name))
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (4000, 3))
    value = results(scene, x)[:, 0]
    assert (value < 0).any()
    assert (value > 0).any()
    near = np.abs(value) < 0.1
    slope = np.stack([results(scene, x[near] + 1e-4 * axis)[:, 0] for axis in np.eye(3)], 1)
    length = np.linalg.norm((slope - value[near][:, None]) / 1e-4, axis=1)
    # Networks are no exact distances: those of the primitives come to 0.58.
    assert 0.5 < np.median(length) < 1.2
    assert scene.model.unit == 1


def test_deepsdf_without_codes() -> None:
    scene = open_scene(shared_data("neural/deepsdf_maurock/weights.pt"))
    assert scene.warnings == ("There is no file of codes; the shape is that of 64 zeros.",)
    assert [layer.outputs for layer in scene.model.network.layers][3] == 189  # it skips
    with pytest.raises(SceneError, match="number 3"):
        open_scene(shared_data("neural/deepsdf_maurock/weights.pt"), code=3)


def test_deepsdf_of_a_code_that_is_not_there() -> None:
    with pytest.raises(SceneError, match="0 to 19"):
        open_scene(shared_data(CROSS), code=20)


def deepsdf(old: bool) -> State:
    """Layers of one program or the other; the last reads the position again."""
    rng = np.random.default_rng(0)
    names = ("weight_g", "weight_v") if old else tuple(
        f"parametrizations.weight.original{i}" for i in range(2)
    )  # fmt: skip
    state = {}
    for layer, (inputs, outputs) in enumerate(((5, 8), (8, 8), (11, 1))):
        state[f"lin{layer}.{names[0]}"] = torch.tensor(rng.random((outputs, 1)).astype(np.float32))
        directions = rng.normal(size=(outputs, inputs)).astype(np.float32)
        state[f"lin{layer}.{names[1]}"] = torch.tensor(directions)
        state[f"lin{layer}.bias"] = torch.zeros(outputs)
    return state


@pytest.mark.parametrize(
    ("tanh", "old", "activations"),
    [(False, False, ["none"]), (True, False, ["tanh"]), (False, True, ["tanh"]),
     (True, True, ["tanh", "tanh"])],
)  # fmt: skip
def test_deepsdf_presses_distances_once_or_twice(
    tanh: bool, old: bool, activations: list[str], tmp_path: Path
) -> None:
    for folder in ("ModelParameters", "LatentCodes"):
        (tmp_path / folder).mkdir()
    torch.save({"model_state_dict": deepsdf(old)}, tmp_path / "ModelParameters/500.pth")
    codes = torch.arange(6.0).reshape(3, 1, 2)
    torch.save({"latent_codes": codes}, tmp_path / "LatentCodes/500.pth")
    specs = {"NetworkSpecs": {"use_tanh": tanh}}
    (tmp_path / "specs.json").write_text(json.dumps(specs))
    scene = open_scene(tmp_path / "ModelParameters/500.pth", code=2)
    layers = scene.model.network.layers
    assert [layer.activation for layer in layers[2:]] == activations  # type: ignore[union-attr]
    assert layers[2].inputs == 11
    assert scene.metadata["codes"] == 3


def _nan(state: State) -> None:
    state["fc_rgb.bias"] = torch.full((3,), float("nan"))


def _whole_numbers(state: State) -> None:
    state["fc_rgb.weight"] = torch.zeros((3, 4), dtype=torch.int64)


HOSTILE: dict[str, Callable[[State], Any]] = {
    "numbers that are none": _nan,
    "whole numbers": _whole_numbers,
    "a layer that is missing": lambda s: s.pop("fc_alpha.weight"),
    "a bias of another length": lambda s: s.update({"fc_feat.bias": torch.zeros(3)}),
    "a matrix of another width": lambda s: s.update({"layers_xyz.1.weight": torch.zeros(8, 9)}),
    "a matrix of three axes": lambda s: s.update({"layers_xyz.1.weight": torch.zeros(2, 2, 2)}),
    "an encoding of no width": lambda s: s.update({"layer1.weight": torch.zeros(8, 7)}),
    "a direction of no width": lambda s: s.update({"layers_dir.0.weight": torch.zeros(4, 3)}),
    "empty matrices": lambda s: s.update({"layer1.weight": torch.zeros(0, 15)}),
    "a number for a matrix": lambda s: s.update({"layer1.weight": torch.tensor(1.0)}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_checkpoints_end_in_one_error(name: str, tmp_path: Path) -> None:
    state, _ = flexible()
    HOSTILE[name](state)
    path = tmp_path / "a.ckpt"
    torch.save({"model_fine_state_dict": state}, path)
    with pytest.raises(SceneError) as told:
        open_scene(path)
    assert "\n" not in str(told.value)


def test_progress_reaches_the_end_and_cancel_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    torch.save({"model_fine_state_dict": flexible()[0]}, path)
    told: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: told.append(values))
    assert told[-1][0] == told[-1][1] > 0
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)


def test_a_file_that_changes_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"model_fine_state_dict": flexible()[0]}, path)
    found = sniff_scene(path)
    assert found is not None
    assert found.name == "nerf"
    drawn = Drawn()
    drawn.linear("network.0", 2, 8)
    drawn.linear("network.2", 8, 3)
    other = tmp_path / "b.pth"
    torch.save(drawn.state, other)
    shutil.copy(other, path)
    found = sniff_scene(path)
    assert found is not None
    assert found.name == "siren"
