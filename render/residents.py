"""What renderers keep of scenes from frame to frame."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Upload = TypeVar("Upload")


class Residents(Generic[Upload]):
    """The uploads of the scenes that were drawn last, for each backend.

    ``most`` is how many there are; the one that was not drawn for longest makes place.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        # With the scene, so that its identity stays its own.
        self._kept: OrderedDict[tuple[int, str], tuple[Any, Upload]] = OrderedDict()

    def get(self, scene: Any, backend: str, make: Callable[[], Upload]) -> Upload:
        """What was made of a scene for a backend, or is made now."""
        key = (id(scene), backend)
        if key not in self._kept:
            while len(self._kept) >= self._most:
                self._kept.popitem(last=False)
            self._kept[key] = scene, make()
        self._kept.move_to_end(key)
        return self._kept[key][1]

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()
