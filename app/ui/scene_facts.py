"""The facts of a scene in words."""

from __future__ import annotations

from scenes.gaussians import GaussianScene

FIRST_FACTS = ("Format", "Splats", "Colour")
MORE_FACTS = ("Trained as", "Size", "Memory", "File", "Dialect", "Quantisation")
"""The labels of :func:`scene_facts`, in the order in which they are shown."""
USUAL_FRAMES = {
    "rub": "OpenGL, SPZ",
    "rdf": "captures, COLMAP",
    "luf": "glTF",
    "ruf": "Unity",
}
"""The frames that most files have, and who writes them."""

_TRAINING = {"3dgs": "3D Gaussians", "mip": "Mip-Splatting", "2dgs": "2D Gaussians"}
_DIRECTIONS = {"r": "right", "l": "left", "u": "up", "d": "down", "f": "front", "b": "back"}


def scene_facts(scene: GaussianScene) -> dict[str, str]:
    """What is known of a scene, keyed by labels; empty words where there is nothing to say."""
    low, high = scene.bounds
    extent = " × ".join(f"{side:.3g}" for side in (high - low))
    colour = "the same from all sides" if scene.sh_degree == 0 else f"SH degree {scene.sh_degree}"
    return {
        "Format": format_title(scene.format),
        "Dialect": str(scene.metadata.get("dialect", "")),
        "Quantisation": str(scene.metadata.get("quantisation", "")),
        "Splats": f"{scene.count:,}",
        "Colour": colour,
        "Trained as": _TRAINING.get(scene.training, scene.training),
        "Size": f"{extent} units",
        "Memory": f"{scene.nbytes / 1e6:,.1f} MB",
        "File": scene.source.name if scene.source else "made here",
    }


def ignored(scene: GaussianScene) -> tuple[str, ...]:
    """What the scene's file holds that is not used."""
    phrases = scene.metadata.get("ignored", ())
    return tuple(map(str, phrases if isinstance(phrases, list | tuple) else [phrases]))


def frame_source(scene: GaussianScene) -> str:
    """Where the frame of the scene's file is known from: declared, assumed or chosen."""
    source = scene.metadata.get("frame_source")
    if source in ("declared", "assumed", "chosen"):
        return str(source)
    return "declared" if "vertical_axis" in scene.metadata else "assumed"


def frame_words(frame: str) -> str:
    """Where the axes of a frame point: ``"right up back"``."""
    return " ".join(_DIRECTIONS[letter] for letter in frame)


def format_title(name: str) -> str:
    """What a person calls a format."""
    from scenes.open import scene_formats

    if name in ("memory", "sample"):
        return "sample scene"
    return next((f.title for f in scene_formats() if f.name == name), name)
