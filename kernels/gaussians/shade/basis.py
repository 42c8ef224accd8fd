"""The real spherical harmonics up to degree 4, in the order and signs of 3DGS.

Normalisation constants as in Sloan 2013, appendix; degree 4 continues the same series.
"""

from __future__ import annotations

from typing import Any

C0 = 0.28209479177387814
C1 = 0.4886025119029199
C2 = (1.0925484305920792, 0.31539156525252005, 0.5462742152960396)
C3 = (
    0.5900435899266435,
    2.890611442640554,
    0.4570457994644658,
    0.3731763325901154,
    1.445305721320277,
)
C4 = (
    2.5033429417967046,
    1.7701307697799304,
    0.9461746957575601,
    0.6690465435572892,
    0.10578554691520431,
    0.47308734787878004,
    0.6258357354491761,
)


def polynomials(x: Any, y: Any, z: Any, degree: int) -> list[Any]:
    """The ``(degree + 1)**2`` values in unit directions; arrays or tensors of one shape."""
    values = [x * 0 + C0]
    if degree >= 1:
        values += [-C1 * y, C1 * z, -C1 * x]
    xx, yy, zz, xy, yz, xz = x * x, y * y, z * z, x * y, y * z, x * z
    if degree >= 2:
        values += [
            C2[0] * xy, -C2[0] * yz, C2[1] * (2 * zz - xx - yy), -C2[0] * xz, C2[2] * (xx - yy)
        ]  # fmt: skip
    if degree >= 3:
        values += [
            -C3[0] * y * (3 * xx - yy), C3[1] * xy * z, -C3[2] * y * (4 * zz - xx - yy),
            C3[3] * z * (2 * zz - 3 * xx - 3 * yy), -C3[2] * x * (4 * zz - xx - yy),
            C3[4] * z * (xx - yy), -C3[0] * x * (xx - 3 * yy),
        ]  # fmt: skip
    if degree >= 4:
        values += [
            C4[0] * xy * (xx - yy), -C4[1] * yz * (3 * xx - yy), C4[2] * xy * (7 * zz - 1),
            -C4[3] * yz * (7 * zz - 3), C4[4] * (zz * (35 * zz - 30) + 3),
            -C4[3] * xz * (7 * zz - 3), C4[5] * (xx - yy) * (7 * zz - 1),
            -C4[1] * xz * (xx - 3 * yy), C4[6] * (xx * (xx - 3 * yy) - yy * (3 * xx - yy)),
        ]  # fmt: skip
    return values
