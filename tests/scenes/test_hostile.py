"""Every reader against damaged files: one clear error or a sound scene, never anything else."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.errors import Cancelled, SceneError
from scenes.gaussians import GaussianScene
from scenes.open import open_scene, sniff_scene
from tests.scenes.format_cases import Case, case, case_names, cases

EXAMPLES = int(os.environ.get("PLENOSCOPE_FUZZ", "1500"))
"""Mutated files; 50,000 before a release."""

SECONDS = 5.0
NAMES = case_names()
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000, 0x7F800000)


def attempt(path: Path) -> GaussianScene | None:
    """Open what may be damaged: a sound scene, or None after a SceneError in good time."""
    started = time.monotonic()
    scene, said = None, ""
    try:
        scene = open_scene(path)
    except SceneError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 1500
    assert time.monotonic() - started < SECONDS
    if scene is not None:
        sound(scene)
    return scene


def sound(scene: GaussianScene) -> None:
    for array in (scene.means, scene.quats, scene.scales, scene.opacities, scene.sh):
        assert np.isfinite(array).all()
    assert (scene.scales >= 0).all()
    assert ((scene.opacities >= 0) & (scene.opacities <= 1)).all()
    np.testing.assert_allclose(np.linalg.norm(scene.quats, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_good_file_is_recognised_and_opens(name: str, tmp_path: Path) -> None:
    good = case(name)
    path = good.put(tmp_path)
    found = sniff_scene(path)
    assert found is not None
    assert found.name == good.format
    scene = attempt(path)
    assert scene is not None
    assert scene.count > 0
    assert not [text for text in scene.warnings if "dropped" in text]


@pytest.mark.parametrize("name", NAMES)
def test_content_decides_whatever_the_name(name: str, tmp_path: Path) -> None:
    good = case(name)
    if len(good.files) > 1 or good.format in ("splat", "sequence"):
        pytest.skip("the name is part of the format")
    path = good.put(tmp_path)
    renamed = path.rename(tmp_path / "something.bin")
    found = sniff_scene(renamed)
    assert found is not None
    assert found.name == good.format


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_ends_too_early(name: str, tmp_path: Path) -> None:
    """At every byte of the first hundred, of the last, and at many between."""
    good = case(name)
    largest = max(good.files, key=lambda file: len(good.files[file]))
    for victim in sorted({largest, good.entry or largest}):
        data = good.files[victim]
        cuts = {*range(min(40, len(data))), *range(max(0, len(data) - 12), len(data)),
                *np.linspace(0, len(data) - 1, 25).astype(int).tolist()}  # fmt: skip
        for cut in sorted(cuts):
            path = good.put(tmp_path, {**good.files, victim: data[:cut]})
            scene = attempt(path)
            # Formats without a length say nothing about an end on the boundary of a record.
            assert scene is None or scene.count < 300 or good.format in WITHOUT_END, (victim, cut)


WITHOUT_END = {"sequence"}


@pytest.mark.parametrize("name", NAMES)
def test_progress_reaches_the_end_and_cancel_ends_it(name: str, tmp_path: Path) -> None:
    path = case(name).put(tmp_path)
    told: list[tuple[int, int, str]] = []
    open_scene(path, lambda *values: told.append(values))
    assert told
    done, total, unit = told[-1]
    assert done == total > 0
    assert unit
    with pytest.raises(Cancelled):
        open_scene(path, cancel=lambda: True)


def mutated(good: Case, data: st.DataObject) -> dict[str, bytes]:
    """Up to three edits of one file of a case."""
    victim = data.draw(st.sampled_from(sorted(good.files)))
    raw = bytearray(good.files[victim])
    for _ in range(data.draw(st.integers(1, 3))):
        # Headers decide most: half of the edits fall into the first hundred bytes.
        limit = data.draw(st.sampled_from([100, len(raw)]))
        place = data.draw(st.integers(0, max(0, min(limit, len(raw)) - 1)))
        kind = data.draw(st.sampled_from(["flip", "number", "cut", "repeat", "drop", "graft"]))
        length = data.draw(st.integers(1, 64))
        if kind == "flip" and raw:
            raw[place] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "number":
            width = data.draw(st.sampled_from([1, 2, 4]))
            number = data.draw(st.sampled_from(NUMBERS)) & ((1 << 8 * width) - 1)
            raw[place : place + width] = number.to_bytes(width, "little")
        elif kind == "cut":
            del raw[place:]
        elif kind == "repeat":
            raw[place:place] = raw[place : place + length]
        elif kind == "drop":
            del raw[place : place + length]
        else:
            other = data.draw(st.sampled_from(cases()))
            piece = other.files[sorted(other.files)[0]]
            raw[place : place + length] = piece[place : place + length]
    return {**good.files, victim: bytes(raw)}


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="PLENOSCOPE_FUZZ" not in os.environ,
)
@given(st.data())
def test_mutated_files(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from(cases()))
    files = mutated(good, data)
    with tempfile.TemporaryDirectory() as place:
        attempt(good.put(Path(place), files))


@pytest.mark.skipif(sys.platform == "win32", reason="resource is not on Windows")
def test_mutated_files_took_no_absurd_memory() -> None:
    import resource

    # Peak of the whole test process, which has compiled kernels and rendered: the bound is for
    # a reader that believed a count of billions.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert peak * (1 if sys.platform == "darwin" else 1024) < 6 << 30


def test_missing_members(tmp_path: Path) -> None:
    """Scenes of several files, each of them gone in turn."""
    for good in cases():
        if len(good.files) < 2 or good.format == "sequence":
            continue
        for victim in good.files:
            folder = tmp_path / good.name
            path = good.put(folder)
            (folder / victim).unlink()
            if path.exists():
                assert attempt(path) is None, (good.name, victim)
            shutil.rmtree(folder)
