"""Numerical operations: arrays in, arrays out.

One folder per family (``gaussians``, ``image``, ...), one folder or module per operation. An
operation has one public contract and backends beside it: ``reference`` (plain torch, the truth),
``cpu`` (Numba) and ``cuda`` (Triton). Nothing here knows files, windows or scene classes.

Conventions, for every room
---------------------------
* World units are the file's ("scene units"). Camera axes are OpenCV: x right, y down, z forward.
* Matrices are named by their spaces: ``camera_from_world`` maps world to camera coordinates.
* The image origin is the top left corner and pixel centres lie at +0.5.
* Time is in seconds. Angles are degrees in files and in the interface, radians in code.
* Quaternions are ``wxyz``. Spherical-harmonic coefficients are ``(N, K, 3)``.
* Colours of splats are display-referred sRGB and are blended as such.
"""

import os

# GNU OpenMP lets a thread that waits for another spin for milliseconds. Where another program
# holds a core, both threads end up on the other one and the one with work waits for the one that
# spins: a frame of 19 ms took 132 ms. A thousand turns (some microseconds) bridge the gap between
# two kernels and no more. It is read when the library is loaded, so it must be set before Numba
# or torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
