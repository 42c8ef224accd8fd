"""Pure edits: each returns a new scene and leaves the old one as it was; no files are touched.

New arrays are made by :func:`scenes.storage.empty` and filled in blocks, so a scene whose arrays
lie on disk can be edited with little memory.
"""

from scenes.edits.decimation import decimate
from scenes.edits.degree import with_sh_degree
from scenes.edits.join import joined
from scenes.edits.placing import transformed

__all__ = ["decimate", "joined", "transformed", "with_sh_degree"]
