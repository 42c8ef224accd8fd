"""Moving the canvas's camera: pure state machines on :class:`scenes.camera.Camera`, no window.

The window feeds a :class:`Navigator` with pointer, wheel and keys in image pixels, calls ``tick``
while ``moving`` is true, and shows ``camera`` whenever a method returned True.
"""

from app.navigation.navigator import FLY_KEYS, Navigator
from app.navigation.presets import PRESETS, Binding, Preset
from app.navigation.turntable import Turntable

__all__ = ["FLY_KEYS", "PRESETS", "Binding", "Navigator", "Preset", "Turntable"]
