"""The facts of a scene in words."""

from __future__ import annotations

from scenes.scene import Scene

MORE_FACTS = ("Size", "Memory", "File", "Dialect", "Quantisation")
"""Labels of what there is to say of any scene, beside its :meth:`~scenes.scene.Scene.facts`."""
USUAL_FRAMES = {
    "rub": "OpenGL, SPZ",
    "rdf": "captures, COLMAP",
    "luf": "glTF",
    "ruf": "Unity",
}
"""The frames that most files have, and who writes them."""

_NO_FILES = {"memory": "not saved", "sample": "sample scene"}
_DIRECTIONS = {"r": "right", "l": "left", "u": "up", "d": "down", "f": "front", "b": "back"}


def scene_facts(scene: Scene) -> dict[str, str]:
    """What is known of a scene, keyed by labels; empty words where there is nothing to say."""
    low, high = scene.bounds
    extent = " × ".join(f"{side:.3g}" for side in (high - low))
    return {
        "Format": format_title(scene.format),
        **scene.facts(),
        "Size": f"{extent} units",
        "Memory": f"{scene.nbytes / 1e6:,.1f} MB",
        "File": scene.source.name if scene.source else "made here",
        "Dialect": str(scene.metadata.get("dialect", "")),
        "Quantisation": str(scene.metadata.get("quantisation", "")),
    }


def ignored(scene: Scene) -> tuple[str, ...]:
    """What the scene's file holds that is not used."""
    phrases = scene.metadata.get("ignored", ())
    return tuple(map(str, phrases if isinstance(phrases, list | tuple) else [phrases]))


def frame_source(scene: Scene) -> str:
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

    if name in _NO_FILES:
        return _NO_FILES[name]
    return next((f.title for f in scene_formats() if f.name == name), name)
