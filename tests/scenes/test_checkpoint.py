"""Training checkpoints: what trainers wrap around Gaussians, and what pickles can be made to do."""

from __future__ import annotations

import builtins
import gc
import io
import os
import pickle
import subprocess
import tracemalloc
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kernels.codec.checkpoint import read_checkpoint
from kernels.codec.tensor_pickle import CheckpointError, Unknown, read_pickle
from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, sniff_scene
from tests.data import shared_data, shared_folder
from tests.scenes.format_cases import random_scene

Tensors = dict[str, torch.Tensor]


def raw(scene: GaussianScene) -> Tensors:
    """Parameters under gsplat's names, float32."""
    opacities = scene.opacities.astype(np.float64)
    values = {
        "means": scene.means, "quats": 2 * scene.quats, "scales": np.log(scene.scales),
        "opacities": np.log(opacities) - np.log1p(-opacities), "sh0": scene.sh[:, :1],
        "shN": scene.sh[:, 1:],
    }  # fmt: skip
    return {name: torch.tensor(np.array(value, np.float32)) for name, value in values.items()}


def close(a: GaussianScene, b: GaussianScene) -> None:
    """Equal up to a logarithm and its way back in float32."""
    np.testing.assert_array_equal(a.means, b.means)
    np.testing.assert_array_equal(a.sh, b.sh)
    np.testing.assert_allclose(a.quats, b.quats, rtol=0, atol=3e-7)
    np.testing.assert_allclose(a.scales, b.scales, rtol=2e-6)
    np.testing.assert_allclose(a.opacities, b.opacities, rtol=2e-6, atol=1e-7)


def saved(path: Path, value: Any, old: bool = False) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=not old)
    return path


def refused(path: Path) -> SceneError:
    with pytest.raises(SceneError) as caught:
        open_scene(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    return caught.value


def optimiser_state(tensors: Tensors) -> dict[str, Any]:
    """Of torch's Adam after a step, with a learning rate that is a NumPy number as schedules make
    it. Written out: torch's own loads its compiler, which cannot live beside Mesa's."""
    options: dict[str, Any] = {
        "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False, "maximize": False,
        "foreach": None, "capturable": False, "differentiable": False, "fused": None,
        "decoupled_weight_decay": False,
    }  # fmt: skip
    return {
        "state": {
            number: {
                "step": torch.tensor(1.0),
                "exp_avg": torch.full_like(value, 0.1),
                "exp_avg_sq": torch.full_like(value, 1e-3),
            }
            for number, value in enumerate(tensors.values())
        },
        "param_groups": [
            {"lr": np.float64(1e-3), "name": name, **options, "params": [number]}
            for number, name in enumerate(tensors)
        ],
    }


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("degree", [0, 3])
def test_gsplat(tmp_path: Path, old: bool, degree: int) -> None:
    scene = random_scene(80, degree)
    splats = torch.nn.ParameterDict({n: torch.nn.Parameter(v) for n, v in raw(scene).items()})
    path = saved(tmp_path / "ckpt_7.pt", {"step": 7, "splats": splats.state_dict()}, old)
    for name in ("ckpt_7.pt", "renamed"):
        path = path.rename(tmp_path / name)
        found = sniff_scene(path)
        assert found is not None
        assert found.name == "checkpoint"
        back = open_scene(path)
        close(back, scene)
        assert back.metadata["dialect"] == "gsplat trainer"
        assert back.metadata["step"] == 7
        assert back.metadata["ignored"] == []


@pytest.mark.parametrize("inner", ["_model.gauss_params.", "_model."])
def test_nerfstudio(tmp_path: Path, inner: str) -> None:
    scene = random_scene(60, 2)
    tensors = raw(scene)
    state = {
        "means": tensors["means"], "scales": tensors["scales"], "quats": tensors["quats"],
        "features_dc": tensors["sh0"][:, 0], "features_rest": tensors["shN"],
        "opacities": tensors["opacities"][:, None],
    }  # fmt: skip
    pipeline = {inner + name: value for name, value in state.items()}
    pipeline["_model.camera_optimizer.pose_adjustment"] = torch.zeros(9, 6)
    # As MultiStepLR of torch keeps itself.
    schedule = {
        "milestones": Counter({1: 1, 2: 1}), "gamma": 0.1, "base_lrs": [1e-3], "last_epoch": 0,
        "_step_count": 1, "_get_lr_called_within_step": False, "_last_lr": [1e-3],
    }  # fmt: skip
    value = {
        "step": 29999, "pipeline": OrderedDict(pipeline),
        "optimizers": {"means": optimiser_state(tensors)},
        "schedulers": {"means": schedule}, "scalers": {"scale": 65536.0},
    }  # fmt: skip
    back = open_scene(saved(tmp_path / "step-000029999.ckpt", value))
    close(back, scene)
    assert back.metadata["dialect"] == "nerfstudio splatfacto"
    assert back.metadata["step"] == 29999
    assert back.metadata["vertical_axis"] == "z"
    assert back.metadata["frame_source"] == "assumed"
    assert "other tensors" in back.metadata["ignored"][0]


def test_nerfstudio_colours_of_degree_0_are_logits(tmp_path: Path) -> None:
    tensors = raw(random_scene(9, 0))
    rgb = torch.rand(9, 3)
    tensors["features_dc"], tensors["features_rest"] = torch.logit(rgb), torch.zeros(9, 0, 3)
    del tensors["sh0"], tensors["shN"]
    pipeline = {f"_model.gauss_params.{name}": value for name, value in tensors.items()}
    back = open_scene(saved(tmp_path / "a.ckpt", {"pipeline": pipeline}))
    shown = 0.5 + 0.28209479177387814 * back.sh[:, 0]
    # A logit and its way back in float32.
    np.testing.assert_allclose(shown, rgb.numpy(), atol=1e-6)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("flat", [False, True])
def test_inria(tmp_path: Path, old: bool, flat: bool) -> None:
    scene = random_scene(50, 3)
    tensors = {name: torch.nn.Parameter(value) for name, value in raw(scene).items()}
    scales = tensors["scales"][:, : 2 if flat else 3].detach()
    state = (
        3, tensors["means"], tensors["sh0"], tensors["shN"], scales, tensors["quats"],
        tensors["opacities"][:, None].detach(), torch.zeros(50), torch.zeros(50, 1),
        torch.zeros(50, 1), optimiser_state(raw(scene)), 4.5,
    )  # fmt: skip
    back = open_scene(saved(tmp_path / "chkpnt30000.pth", (state, 30000), old))
    assert back.metadata["dialect"] == "Inria training checkpoint"
    assert back.metadata["step"] == 30000
    assert back.training == ("2dgs" if flat else "3dgs")
    if not flat:
        close(back, scene)


def test_named_tensors_wherever_they_stand(tmp_path: Path) -> None:
    scene = random_scene(20, 1)
    for value, words in (
        (raw(scene), "named tensors"),
        ({"model": {"inner": raw(scene)}}, "tensors of model.inner"),
        ([1, {"a": [raw(scene)]}], "tensors of 1.a.0"),
        ({f"net.gs._{n}": v for n, v in raw(scene).items()}, "tensors of net.gs"),
    ):
        back = open_scene(saved(tmp_path / "a.pt", value))
        close(back, scene)
        assert back.metadata["dialect"] == words


@pytest.mark.parametrize(
    "kind", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str
)
@pytest.mark.parametrize("old", [False, True])
def test_kinds_of_numbers(tmp_path: Path, kind: torch.dtype, old: bool) -> None:
    scene = random_scene(30, 1)
    tensors = {name: value.to(kind) for name, value in raw(scene).items()}
    back = open_scene(saved(tmp_path / "a.pt", {"splats": tensors}, old))
    np.testing.assert_array_equal(back.means, tensors["means"].float().numpy())
    np.testing.assert_array_equal(back.sh[:, 1:], tensors["shN"].float().numpy())


@pytest.mark.parametrize("old", [False, True])
def test_tensors_that_share_storages_or_are_transposed(tmp_path: Path, old: bool) -> None:
    scene = random_scene(30, 2)
    tensors = raw(scene)
    whole = torch.cat([tensors["means"], tensors["quats"], tensors["scales"]], 1)
    tensors |= {"means": whole[:, :3], "quats": whole[:, 3:7], "scales": whole[:, 7:]}
    tensors["shN"] = tensors["shN"].permute(2, 1, 0).contiguous().permute(2, 1, 0)
    if old:
        tensors["opacities"] = torch.cat([torch.zeros(5), tensors["opacities"]])[5:]
    close(open_scene(saved(tmp_path / "a.pt", tensors, old)), scene)


def test_more_splats_than_one_block(tmp_path: Path) -> None:
    scene = random_scene(70_000, 1)
    path = saved(tmp_path / "a.pt", {"splats": raw(scene)})
    told: list[tuple[int, int, str]] = []
    close(open_scene(path, lambda *values: told.append(values)), scene)
    assert {unit for _, _, unit in told} == {"bytes", "splats"}
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: len(told) > 0)


def test_other_tensors_are_not_read(tmp_path: Path) -> None:
    """The state of an optimiser is twice the size of the parameters."""
    scene = random_scene(20_000, 3)
    value = {"splats": raw(scene), "state": {n: torch.zeros(20_000, 300) for n in "ab"}}
    path = saved(tmp_path / "a.pt", value)
    open_scene(path)
    peaks = []
    for _ in range(3):
        # What else goes on in the process counts as well, but not each time.
        gc.collect()
        tracemalloc.start()
        try:
            open_scene(path)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # The scene, and blocks of a megabyte.
    assert min(peaks) < 1.5 * scene.nbytes


@pytest.mark.parametrize(
    "name",
    ["deepsdf_maurock/weights.pt", "nerf_chair_lowres/checkpoint155000.ckpt",
     "deepsdf_round_cross/ModelParameters/latest.pth", "siren_celtic_knot/model"],
)  # fmt: skip
def test_real_checkpoints_of_other_things(name: str) -> None:
    from scenes.formats.checkpoint import FORMAT

    path = shared_data(f"neural/{name}")
    assert not FORMAT.sniff(path, path.read_bytes()[:4096])
    with pytest.raises(SceneError, match="the parameters of Gaussians, found the tensors"):
        FORMAT.read(path)


def test_real_checkpoints_read_as_the_weights_only_loader_reads_them() -> None:
    shared_data("neural")
    count = 0
    for path in shared_folder("data/neural").rglob("*"):
        if path.suffix not in (".pt", ".pth", ".ckpt") and path.name != "model":
            continue
        with path.open("rb") as file:
            count += same(read_checkpoint(file), torch.load(path, "cpu", weights_only=True))
    assert count > 100


def same(ours: Any, theirs: Any) -> int:
    """Compare values all the way down; returns how many tensors there were."""
    if isinstance(theirs, torch.Tensor):
        np.testing.assert_array_equal(np.asarray(ours), theirs.detach().numpy())
        return 1
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        return sum(same(ours[key], theirs[key]) for key in theirs)
    if isinstance(theirs, list | tuple):
        return sum(same(a, b) for a, b in zip(ours, theirs, strict=True))
    assert ours == theirs
    return 0


def test_other_contents_are_told(tmp_path: Path) -> None:
    for value, found in (
        ({"weights": torch.zeros(3, 4)}, "the tensors weights (3 x 4)"),
        ({"a": 1}, "no tensors"),
        (5, "no tensors"),
        ({"g1": raw(random_scene(2, 0)), "g2": raw(random_scene(2, 0))}, "found 2"),
    ):
        assert found in str(refused(saved(tmp_path / "a.pt", value)))


def test_parameters_that_do_not_fit(tmp_path: Path) -> None:
    for name, change, message in (
        ("means", lambda t: t[:, :2], "means of shape"),
        ("quats", lambda t: t[:4], "quats of shape"),
        ("shN", lambda t: t.transpose(1, 2), "shN of shape"),
        ("means", lambda t: t.long(), "floating-point numbers"),
        ("opacities", lambda t: t.bool(), "floating-point numbers"),
    ):
        tensors = raw(random_scene(9, 2))
        tensors[name] = change(tensors[name])
        assert message in str(refused(saved(tmp_path / "a.pt", tensors)))


# Pickles that want more than to be read


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def hostile_calls(mark: str) -> list[Any]:
    return [
        Calls(os.system, f"touch {mark}"),
        Calls(subprocess.check_call, ["touch", mark]),
        Calls(builtins.eval, f"open({mark!r}, 'w')"),
        Calls(builtins.exec, f"open({mark!r}, 'w')"),
        Calls(builtins.open, mark, "w"),
        Calls(builtins.__import__, "os"),
        Calls(bytearray, 1 << 40),
        Calls(torch.Tensor, 1 << 40),
        Calls(torch.load, mark),
        Calls(pickle.loads, b"junk"),
        Calls(np.lib.format.open_memmap, mark, "w+"),
        Calls(np.fromfile, mark),
    ]


@pytest.mark.parametrize("index", range(12))
@pytest.mark.parametrize("old", [False, True])
def test_no_code_is_run(tmp_path: Path, index: int, old: bool) -> None:
    mark = tmp_path / "mark"
    value = {"splats": raw(random_scene(3, 0)), "more": hostile_calls(str(mark))[index]}
    path = saved(tmp_path / "a.pt", value, old)
    error = refused(path)
    assert error.expected == "a checkpoint of tensors only"
    assert error.found.startswith("a reference to ")
    assert not mark.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize("protocol", range(6))
def test_bare_pickles_are_no_checkpoints(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "mark"
    for index, call in enumerate(hostile_calls(str(mark))[:5]):
        path = tmp_path / f"{index}.pt"
        path.write_bytes(pickle.dumps({"means": call}, protocol))
        refused(path)
        assert not mark.exists()


def archive_with(path: Path, data: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    """A good checkpoint with another pickle."""
    saved(path, {"splats": raw(random_scene(3, 0))})
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, data if name.endswith("data.pkl") and data else content)
    return path


DAMAGED = {
    "nothing": b"\x80\x02.",
    "no stop": b"\x80\x02}",
    "empty": b" ",
    "underflow": b"\x80\x02\x87.",
    "mark underflow": b"\x80\x02t.",
    "reduce of nothing": b"\x80\x02R.",
    "missing memo": b"\x80\x02h\x05.",
    "call of a number": b"\x80\x02K\x01)R.",
    "call with a number": b"\x80\x02ccollections\nOrderedDict\nK\x01R.",
    "list of a number": b"\x80\x02K\x01K\x02a.",
    "dictionary of a list": b"\x80\x02]K\x01K\x02s.",
    "odd pairs": b"\x80\x02}(K\x01u.",
    "storage of a text": b"\x80\x02X\x01\0\0\0aQ.",
    "short storage": b"\x80\x02(X\x07\0\0\0storageK\x01tQ.",
    "build of a number": b"\x80\x02K\x01}b.",
    "unknown code": b"\x80\x02\xff.",
    "computed name": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "memo far out": b"\x80\x02}r\xff\xff\xff\x7f.",
    "long text": b"\x80\x02X\xff\xff\xff\x7fabc.",
    "many bytes": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
    "nested lists": b"\x80\x02" + b"](" * 200_000 + b"e" * 200_000 + b".",
    "nested tuples": b"\x80\x02)" + b"\x85" * 500_000 + b".",
    "old protocol": b"(dp0\nS'a'\np1\nI1\ns.",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_pickles(tmp_path: Path, name: str) -> None:
    refused(archive_with(tmp_path / "a.pt", DAMAGED[name]))


def test_calls_that_copy_what_is_large_are_not_made() -> None:
    """Encodings that double, dictionaries and sizes copied a thousand times."""
    text = b"X" + (60_000).to_bytes(4, "little") + b"x" * 60_000 + b"q\x00"
    hexed = b"c_codecs\nencode\n" + b"h\x00X\x03\0\0\0hex\x86R"
    value = read_pickle(io.BytesIO(b"\x80\x02](" + text + hexed * 1000 + b"e."))
    assert len(value) == 1001
    assert all(isinstance(item, Unknown) for item in value[1:])


def test_endless_pickles_end() -> None:
    with pytest.raises(CheckpointError, match="at most 200,000 instructions"):
        read_pickle(io.BytesIO(b"\x80\x02" + b"N" * 300_000))


def test_objects_that_hold_themselves(tmp_path: Path) -> None:
    value: dict[str, Any] = {"splats": raw(random_scene(3, 0))}
    value["self"] = value
    value["list"] = [value, value]
    assert open_scene(saved(tmp_path / "a.pt", value)).count == 3


def test_widely_shared_objects_are_looked_at_once(tmp_path: Path) -> None:
    layer: Any = [torch.zeros(2)]
    for _ in range(30):
        layer = [layer] * 20
    value = {"splats": raw(random_scene(3, 0)), "laughs": layer}
    # Looked at as often as they are referred to, there would be 20 to the power of 30.
    assert open_scene(saved(tmp_path / "a.pt", value)).count == 3


# Storages that lie


def pickle_of(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        return archive.read(name)


def test_storages_longer_than_their_entry(tmp_path: Path) -> None:
    """PyTorch before 2.10 reads beyond its memory for these."""
    path = saved(tmp_path / "a.pt", {"splats": raw(random_scene(3, 0))})
    data = pickle_of(path)
    changed = data.replace(b"K\x09t", b"J\xff\xff\xff\x0ft", 1)
    assert changed != data
    error = refused(archive_with(path, changed))
    assert error.expected == "1,073,741,820 bytes of storage 0"
    assert error.found == "36"


def test_storages_longer_than_the_file(tmp_path: Path) -> None:
    """Where all sizes that the file tells agree on a lie."""
    path = saved(tmp_path / "a.pt", {"splats": raw(random_scene(3, 0))})
    pickled = pickle_of(path).replace(b"K\x09t", b"J\xff\xff\xff\x0ft", 1)
    pickled = pickled.replace(b"QK\x00K\x03K\x03\x86", b"QK\x00J\x55\x55\x55\x05K\x03\x86", 1)
    data = bytearray(archive_with(path, pickled).read_bytes())
    entry = data.index(b"a/data/0", data.index(b"PK\x01\x02")) - 46
    assert data[entry : entry + 4] == b"PK\x01\x02"
    data[entry + 20 : entry + 28] = 2 * (0x0FFFFFFF * 4).to_bytes(4, "little")
    path.write_bytes(data)
    tracemalloc.start()
    try:
        assert refused(path).found == "a shorter file"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_damaged_pickle_in_a_compressed_entry(tmp_path: Path) -> None:
    path = archive_with(tmp_path / "a.pt", b"", zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    begin = data.index(b"a/data.pkl") + len(b"a/data.pkl")
    data[begin : begin + 20] = b"\xff" * 20
    path.write_bytes(data)
    assert "a whole checkpoint" in str(refused(path))


@pytest.mark.parametrize("old", [False, True])
def test_tensors_larger_than_their_storage(tmp_path: Path, old: bool) -> None:
    """Rows of stride 0 or 1 make a tensor of any size of a few numbers."""
    for values in (
        torch.zeros(1, 3).expand(1_000_000, 3),
        torch.zeros(1_000_100).as_strided((1_000_000, 3), (1, 1)),
    ):
        tensors = raw(random_scene(3, 0)) | {"means": values}
        found = str(refused(saved(tmp_path / "a.pt", tensors, old)))
        assert "a storage for a tensor of 1000000x3" in found


def test_tensors_that_reach_out_of_their_storage(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", {"splats": raw(random_scene(3, 0))})
    data = pickle_of(path)
    first = data.index(b"QK\x00K\x03K\x03\x86")  # offset 0, shape 3 x 3
    for change in (b"QK\x04K\x03K\x03\x86", b"QK\x00K\x04K\x03\x86"):
        changed = data[:first] + change + data[first + len(change) :]
        assert "a storage for a tensor" in str(refused(archive_with(path, changed)))
    negative = data[:first] + b"QJ\xff\xff\xff\xffK\x03K\x03\x86" + data[first + 7 :]
    assert "a tensor of a storage" in str(refused(archive_with(path, negative)))


def test_compressed_storages_are_not_unpacked(tmp_path: Path) -> None:
    path = archive_with(tmp_path / "a.pt", b"", zipfile.ZIP_DEFLATED)
    assert "storages as they are" in str(refused(path))


def test_two_pickles_or_none(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pt", {"splats": raw(random_scene(3, 0))})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other/data.pkl", b"\x80\x02}.")
    assert "without one data.pkl" in str(refused(path))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/version", b"3")
    assert "without one data.pkl" in str(refused(path))


def test_large_pickles_are_not_read(tmp_path: Path) -> None:
    path = archive_with(tmp_path / "a.pt", b"\x80\x02" + b"N0" * 600_000 + b"N.")
    assert "bytes of instructions" in str(refused(path))


def test_numbers_are_read_in_the_order_of_the_machine_that_wrote_them(tmp_path: Path) -> None:
    scene = random_scene(9, 0)
    swapped = {n: torch.tensor(v.numpy().byteswap()) for n, v in raw(scene).items()}
    path = saved(tmp_path / "a.pt", {"splats": swapped})
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, b"big" if name.endswith("byteorder") else content)
    close(open_scene(path), scene)


@pytest.mark.parametrize("old", [False, True])
def test_files_that_end_early(tmp_path: Path, old: bool) -> None:
    path = saved(tmp_path / "a.pt", {"splats": raw(random_scene(40, 1))}, old)
    whole = path.read_bytes()
    for cut in (*range(0, 60, 3), *np.linspace(60, len(whole) - 1, 40).astype(int)):
        path.write_bytes(whole[:cut])
        refused(path)


def test_errors_of_the_kernel_say_what_was_found() -> None:
    with pytest.raises(CheckpointError, match="expected a whole checkpoint"):
        read_checkpoint(io.BytesIO(b"nothing of the kind"))
