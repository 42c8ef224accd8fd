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
