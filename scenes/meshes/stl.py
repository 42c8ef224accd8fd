"""Binary STL: triangles without shared vertices (3D Systems 1989).

80 bytes of any text, the number of triangles, and for each its normal, its corners and two bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scenes.errors import SceneError
from scenes.meshes.mesh import Mesh
from scenes.registry import Cancel, Progress
from scenes.writing import blocks, new_file

_ROW = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_MOST = 2**32 - 1


def write(mesh: Mesh, path: Path, progress: Progress, cancel: Cancel) -> None:
    """See :func:`scenes.meshes.write_mesh`."""
    if len(mesh.faces) > _MOST:
        raise SceneError(path, f"at most {_MOST:,} triangles", f"{len(mesh.faces):,}")
    with new_file(path) as file:
        file.write(b"binary STL".ljust(80) + np.uint32(len(mesh.faces)).astype("<u4").tobytes())
        for rows in blocks(len(mesh.faces), progress, cancel, unit="triangles"):
            corners = mesh.vertices[mesh.faces[rows]]
            normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            lengths = np.linalg.norm(normals, axis=1, keepdims=True)
            out = np.zeros(len(corners), _ROW)
            out["corners"] = corners
            out["normal"] = np.divide(
                normals, lengths, out=np.zeros_like(normals), where=lengths > 0
            )
            file.write(out.tobytes())
