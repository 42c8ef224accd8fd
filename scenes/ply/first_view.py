"""The view a person sees first, kept in a comment of the file.

``comment Default View: eye 13 -6.4 -19 target -0.2 -3 0.6 up 0 -1 0 fov_y 42``: places and
directions in the file's frame, the vertical field of view in degrees. Readers that do not know
it skip it like any comment.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

_NAMES = {"eye": 3, "target": 3, "up": 3, "fov_y": 1}
_NUMBER = r"[-+0-9.eE]+"
_PATTERN = re.compile(
    r"default view\s*:\s*"
    + r"\s+".join(
        rf"{name}\s+({_NUMBER}(?:\s+{_NUMBER}){{{n - 1}}})" for name, n in _NAMES.items()
    ),
    re.IGNORECASE,
)


def view_comment(view: Mapping[str, Any]) -> str:
    """The comment that keeps a view, without the word ``comment``."""
    vectors = (view[name] if count > 1 else [view[name]] for name, count in _NAMES.items())
    words = (
        " ".join([name, *(f"{float(value):.9g}" for value in vector)])
        for name, vector in zip(_NAMES, vectors, strict=True)
    )
    return f"Default View: {' '.join(words)}"


def view_of(comments: tuple[str, ...]) -> dict[str, Any] | None:
    """The view that the last comment of its kind keeps; None for none, or one that is no view."""
    view = None
    for comment in comments:
        match = _PATTERN.fullmatch(comment)
        if match:
            view = _checked(match.groups())
    return view


def _checked(groups: tuple[str, ...]) -> dict[str, Any] | None:
    try:
        eye, target, up, (fov_y,) = ([float(word) for word in group.split()] for group in groups)
    except ValueError:
        return None
    finite = all(math.isfinite(value) and abs(value) < 1e9 for value in (*eye, *target, *up))
    if not finite or not 1.0 <= fov_y <= 170.0 or eye == target or not any(up):
        return None
    return {"eye": eye, "target": target, "up": up, "fov_y": fov_y}
