"""Makers of multiplane images: from a photo with depth, a stereo pair, or another scene."""

from render.making.oriented import structural
from render.making.photo import from_depth
from render.making.slabs import from_scene
from render.making.stereo import from_stereo

__all__ = ["from_depth", "from_scene", "from_stereo", "structural"]
