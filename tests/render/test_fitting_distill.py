"""Students come to resemble their teachers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from kernels.fields.encodings import HashGrid
from kernels.fields.model import Field, Weights
from kernels.fields.networks import chain
from render.fitting.architectures import architecture
from render.fitting.distill import RadianceStudent, Student, distill, likeness
from render.fitting.image import ImageFit, image_field
from render.fitting.loop import run
from render.fitting.radiance import Budget
from render.fitting.teachers import Teacher
from scenes.errors import Cancelled
from scenes.fields import FieldScene
from tests.render.fitting_inputs import ramp

SHORT = Budget(samples=1 << 12, cells=16, steps=128)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    # Steps are so small that threads would mostly wait for each other.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ball(transfer: bool = False) -> FieldScene:
    """A volume in the box -1..1 that has 20 a unit of density in a ball, and its colour by z."""
    side = 9
    grid = HashGrid(3, 1, 1 if transfer else 4, 12, side, 2.0, kind="dense")
    resolution = grid.tables[0].resolution
    axis = (np.arange(resolution) - 0.5) / grid.tables[0].scale * 2 - 1
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    inside = np.sqrt(x * x + y * y + z * z) < 0.7
    features = np.zeros((grid.tables[0].size, grid.features), np.float32)
    count = inside.size
    if transfer:
        features[:count, 0] = inside.ravel()
    else:
        features[:count, 0] = 20 * inside.ravel()
        features[:count, 1:] = np.clip(0.5 + 0.5 * z.ravel(), 0, 1)[:, None]
    network = chain([grid.width, grid.width], "none", bias=False)
    field = Field(
        "volume", grid, network, (-1.0,) * 3, (1.0,) * 3, density="relu", color="none"
    )  # fmt: skip
    weights = Weights(
        np.eye(grid.width, dtype=np.float32).ravel(), features.ravel(), np.zeros(0, np.float32)
    )
    table = None
    if transfer:
        table = np.linspace([0, 0, 0, 0], [0.2, 0.4, 0.6, 20], 256).astype(np.float32)
    return FieldScene(
        field, weights, np.full(3, -1.0), np.full(3, 1.0), transfer=table, name="ball"
    )  # fmt: skip


def student_of(scene: FieldScene, encoding: str = "hash", seed: int = 0) -> RadianceStudent:
    return RadianceStudent(
        Teacher(scene, torch.device("cpu")), encoding, "small", seed, budget=SHORT
    )


def test_a_volume_becomes_a_radiance_field() -> None:
    student = student_of(ball())
    before = likeness(student)
    run(student, steps=120)
    assert likeness(student) > before + 8
    assert likeness(student) > 20
    scene = student.scene()
    assert scene.model.form == "radiance"
    assert scene.occupancy is not None
    # A ball of radius 0.7 fills 18 % of the box; the student has density in and around it.
    assert 0.1 < scene.occupancy.cells.mean() < 0.6


def test_a_transfer_function_is_learnt_with_its_volume() -> None:
    teacher = Teacher(ball(transfer=True), torch.device("cpu"))
    values = teacher.at(torch.tensor([[0.0, 0.0, 0.0], [0.95, 0.95, 0.95]]))
    assert values[0].tolist() == pytest.approx([20, 0.2, 0.4, 0.6])
    assert values[1, 0] == 0


def test_students_go_on_from_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("fits") / "a.fit"
    whole, half, rest = (student_of(ball()) for _ in range(3))
    run(whole, steps=8)
    with pytest.raises(Cancelled):
        run(half, steps=8, cancel=lambda: half.steps_done == 5, checkpoint=path)
    rest.load(path)
    run(rest, steps=8)
    assert np.array_equal(whole.arrays().encoding, rest.arrays().encoding)


@pytest.mark.parametrize("encoding", ["dense", "frequency"])
def test_a_picture_is_learnt_from_a_field(encoding: str) -> None:
    pixels = ramp()
    teacher = ImageFit(image_field(48, 32, "hash", "small"), pixels, side=32)
    run(teacher, steps=60)
    student = distill(teacher.scene(), encoding, "small")
    assert isinstance(student, Student)
    before = likeness(student)
    run(student, steps=25)
    assert likeness(student) > before + 6
    assert student.scene().size == (48, 32)


def test_a_distance_is_learnt_from_a_field() -> None:
    """A single dense level holds the distance to a plane exactly, in units of 0.5."""
    grid = HashGrid(3, 1, 1, 12, 5, 2.0, kind="dense")
    side, scale = grid.tables[0].resolution, grid.tables[0].scale
    heights = np.repeat((np.arange(side) - 0.5) / scale * 2 - 1, side * side) / 0.5
    features = np.zeros(grid.tables[0].size, np.float32)
    features[: side**3] = heights
    field = Field("distance", grid, chain([1, 1], "none", bias=False), (-1.0,) * 3, (1.0,) * 3,
                  unit=0.5)  # fmt: skip
    weights = Weights(np.ones(1, np.float32), features, np.zeros(0, np.float32))
    scene = FieldScene(field, weights, np.full(3, -1.0), np.full(3, 1.0))
    student = distill(scene, "dense", "small")
    before = likeness(student)
    run(student, steps=80)
    assert likeness(student) > before + 10
    found = student.scene()
    assert found.model.unit == 2.0
    assert found.upper.tolist() == [1, 1, 1]


def test_a_light_field_teaches_nobody() -> None:
    grid = HashGrid(6, 1, 2, 8, 2, 2.0)
    network = chain([2, 3], "none")
    field = Field("light", grid, network, (0.0,) * 6, (1.0,) * 6)
    scene = FieldScene(field, Weights.empty(field), np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match="light field"):
        distill(scene, "hash", "small")


def test_looking_around_can_be_cancelled() -> None:
    with pytest.raises(Cancelled):
        distill(ball(), "hash", "small", cancel=lambda: True)


def test_radiance_reads_directions() -> None:
    field = architecture("radiance", "hash", "small", (0.0,) * 3, (1.0,) * 3)
    rng = np.random.default_rng(0)
    weights = Weights(
        rng.normal(0, 0.3, field.network.parameter_count).astype(np.float32),
        rng.normal(0, 1, field.encoding.parameters).astype(np.float32),
        np.zeros(0, np.float32),
    )
    teacher = Teacher(FieldScene(field, weights, np.zeros(3), np.ones(3)), torch.device("cpu"))
    points = torch.full((2, 3), 0.3)
    one, other = teacher.at(points, torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    assert one[0] == other[0]
    assert not torch.equal(one[1:], other[1:])
