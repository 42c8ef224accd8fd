"""From a NumPy archive of raw parameters to a scene."""

from __future__ import annotations

from pathlib import Path

from scenes.bounded import Archive
from scenes.errors import SceneError
from scenes.gaussians import GaussianScene
from scenes.npz.arrays import StoredArray, stored_arrays
from scenes.raw_parameters import NAMES, parameter_sets, read_parameters
from scenes.registry import Cancel, Progress

MOST_RATIO = 64
"""How much smaller than its contents an archive may be. Parameters shrink to two thirds, and those
of a scene with zeros for its view-dependent colour to a fifth."""

_CAMERAS = ("viewmats", "camtoworlds", "poses", "gt_w2c_all_frames")


def read_scene(path: Path, progress: Progress, cancel: Cancel) -> GaussianScene:
    """Read a dump of raw parameters; cameras and other arrays in it are only counted.

    Raises
    ------
    SceneError, Cancelled
    """
    limit = MOST_RATIO * path.stat().st_size + (64 << 20)
    with Archive(path, limit) as archive:
        arrays = stored_arrays(archive)
        names = _names(path, arrays)
        metadata = {
            "dialect": f"arrays {', '.join(sorted(names.values()))}",
            "ignored": _ignored(arrays, set(names.values())),
        }
        return read_parameters(
            path,
            "npz",
            {role: arrays[name] for role, name in names.items()},
            progress,
            cancel,
            metadata=metadata,
        )


def _names(path: Path, arrays: dict[str, StoredArray]) -> dict[str, str]:
    sets = parameter_sets(arrays)
    if not sets:
        needed = ", ".join(names[0] for role, names in NAMES.items() if role not in ("rgb", "shN"))
        found = ", ".join(sorted(arrays))[:200] or "none"
        raise SceneError(path, f"arrays of Gaussian parameters ({needed})", found)
    if len(sets) > 1:
        found = ", ".join(f"'{prefix}'" for prefix in sorted(sets))[:200]
        raise SceneError(path, "one set of Gaussian parameters", f"those of {found}")
    return next(iter(sets.values()))


def _ignored(arrays: dict[str, StoredArray], used: set[str]) -> list[str]:
    """Phrases on what else there is."""
    cameras = next(
        (len_ for name in _CAMERAS if name in arrays for len_ in arrays[name].shape[:1]), 0
    )
    phrases = [f"{cameras:,} training cameras"] if cameras else []
    others = sorted(set(arrays) - used - set(_CAMERAS))
    return phrases + [f"array {name[:60]}" for name in others[:20]]
