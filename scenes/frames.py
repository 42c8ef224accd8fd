"""Frames of files: which way their axes point, and scenes turned from one to another.

A frame is named by where x, y and z point: right or left, up or down, front or back. Captures are
``rdf`` (x right, y down, z to the front), OpenGL's world is ``rub``, glTF's ``luf``. The sixteen
names and their order are those of the SPZ library (nianticlabs/spz ``splat-types.h``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.errors import Cancelled
from scenes.gaussians import GaussianScene
from scenes.registry import Cancel, Progress, never, no_progress
from scenes.sh import turning_matrix
from scenes.storage import empty

FRAMES = (
    "ldb", "rdb", "lub", "rub", "ldf", "rdf", "luf", "ruf",
    "lfd", "rfd", "lfu", "rfu", "lbd", "rbd", "lbu", "rbu",
)  # fmt: skip
"""All frames; the place plus 1 is the number that SPZ files give."""

_ROWS = 65_536
_OPPOSITE = {"l": "r", "u": "d", "b": "f"}
_AXES = {"r": 0, "d": 1, "f": 2}
_OF_VERTICAL = {"-y": "rdf", "y": "rub", "z": "rfu"}
_VERTICAL = {"rdf": None, "rub": "y", "rfu": "z"}


def frame_of(scene: GaussianScene) -> str:
    """The frame that a scene's numbers are in: ``rdf``, unless the file told a vertical axis."""
    return _OF_VERTICAL.get(str(scene.metadata.get("vertical_axis")), "rdf")


def matrix_between(source: str, target: str) -> NDArray[np.int64]:
    """(3, 3) signed permutation that takes coordinates of one frame into another."""
    return _to_rdf(target).T @ _to_rdf(source)


def _to_rdf(frame: str) -> NDArray[np.int64]:
    """Columns are the axes of ``frame`` in ``rdf``."""
    if frame not in FRAMES:
        raise ValueError(f"no frame {frame!r}; there are {', '.join(FRAMES)}")
    matrix = np.zeros((3, 3), np.int64)
    for axis, letter in enumerate(frame):
        sign = -1 if letter in _OPPOSITE else 1
        matrix[_AXES[_OPPOSITE.get(letter, letter)], axis] = sign
    return matrix


def in_frame(scene: GaussianScene, target: str) -> GaussianScene:
    """The same scene with its numbers in another frame; exact, and undone by the way back.

    Turns positions, rotations and spherical harmonics; ``metadata["vertical_axis"]`` says what
    points up afterwards, where that has a name.
    """
    source = frame_of(scene)
    turned = scene if source == target else turned_axes(scene, matrix_between(source, target))
    metadata = {k: v for k, v in turned.metadata.items() if k != "vertical_axis"}
    axis = _VERTICAL.get(target)
    return replace(turned, metadata=metadata | ({"vertical_axis": axis} if axis else {}))


def stored_frame(scene: GaussianScene) -> str:
    """The frame of the scene's file: what its reader took it for, or that of its numbers."""
    return str(scene.metadata.get("stored_frame") or frame_of(scene))


def reinterpreted(
    scene: GaussianScene,
    frame: str,
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> GaussianScene:
    """The scene as it would have been read, had the axes of its file pointed as ``frame`` says.

    For files that are wrong or silent about their frame. Exact, and undone by choosing the frame
    of before; where one of the two frames is the other's mirror image, so is the scene.
    ``metadata`` then says ``frame`` as its ``stored_frame``, and ``"chosen"`` as the source.

    Raises
    ------
    Cancelled
    """
    here, before = frame_of(scene), stored_frame(scene)
    matrix = matrix_between(frame, here) @ matrix_between(here, before)
    turned = scene if frame == before else turned_axes(scene, matrix, progress, cancel)
    told = {"stored_frame": frame, "frame_source": "chosen"}
    return replace(turned, metadata=dict(turned.metadata) | told)


def turned_axes(
    scene: GaussianScene,
    matrix: NDArray[Any],
    progress: Progress = no_progress,
    cancel: Cancel = never,
) -> GaussianScene:
    """A scene under a signed permutation (3, 3) of its axes; a mirror is allowed.

    The matrix ``M`` takes the covariance ``R S S R^T`` to ``M R S S R^T M^T``. Where ``M``
    mirrors, ``-M`` is a rotation with the same effect on covariances.

    Raises
    ------
    Cancelled
    """
    matrix = np.asarray(matrix)
    rotation = matrix * round(float(np.linalg.det(matrix)))
    left = _quaternion(rotation)
    turn_sh = turning_matrix(matrix, scene.sh_degree).astype(np.float32)
    flips = np.diag(turn_sh)[:, None]
    only_flips = bool((turn_sh == np.diag(np.diag(turn_sh))).all())
    means, quats = empty(scene.means.shape, np.float32), empty(scene.quats.shape, np.float32)
    sh = empty(scene.sh.shape, np.float32)
    axes = np.abs(matrix).argmax(axis=1)
    signs = matrix[np.arange(3), axes].astype(np.float32)
    for first in range(0, scene.count, _ROWS):
        if cancel():
            raise Cancelled
        progress(first, scene.count, "splats")
        here = slice(first, first + _ROWS)
        means[here] = scene.means[here][:, axes] * signs
        quats[here] = _product(left, scene.quats[here])
        if only_flips:
            np.multiply(scene.sh[here], flips, out=sh[here])
        else:
            sh[here] = np.einsum("ij,njc->nic", turn_sh, scene.sh[here])
    view = scene.metadata.get("default_view")
    metadata = dict(scene.metadata)
    if view is not None:
        metadata["default_view"] = dict(view) | {
            name: (matrix @ np.asarray(view[name], np.float64)).tolist()
            for name in ("eye", "target", "up")
        }
    return replace(scene, means=means, quats=quats, sh=sh, metadata=metadata)


def _quaternion(rotation: NDArray[Any]) -> NDArray[np.float64]:
    """Unit quaternion wxyz of a rotation matrix, from its largest component (Shepperd 1978)."""
    m = np.asarray(rotation, np.float64)
    trace = np.trace(m)
    squares = np.array([1 + trace, *(1 + 2 * np.diag(m) - trace)]) / 4
    largest = int(squares.argmax())
    pairs = {
        (0, 1): m[2, 1] - m[1, 2], (0, 2): m[0, 2] - m[2, 0], (0, 3): m[1, 0] - m[0, 1],
        (1, 2): m[0, 1] + m[1, 0], (1, 3): m[0, 2] + m[2, 0], (2, 3): m[1, 2] + m[2, 1],
    }  # fmt: skip
    q = np.empty(4)
    q[largest] = np.sqrt(squares[largest])
    for other in range(4):
        if other != largest:
            q[other] = pairs[min(largest, other), max(largest, other)] / (4 * q[largest])
    return q / np.linalg.norm(q)


def _product(left: NDArray[np.float64], quats: NDArray[np.float32]) -> NDArray[np.float64]:
    """Hamilton product of one quaternion with (n, 4), wxyz."""
    w, x, y, z = left
    matrix = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    return quats @ matrix.T
