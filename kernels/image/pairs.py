"""Door checks that the comparisons of two pictures share."""

from __future__ import annotations

from typing import Any


def check_pair(image: Any, truth: Any, smallest: int) -> None:
    """Two float pictures of one shape, (H, W) or (H, W, C), at least ``smallest`` pixels a side.

    Raises
    ------
    ValueError
        If they are anything else.
    """
    if tuple(image.shape) != tuple(truth.shape):
        raise ValueError(f"sizes differ: {tuple(image.shape)} and {tuple(truth.shape)}")
    if len(image.shape) not in (2, 3) or min(image.shape[:2]) < smallest or 0 in image.shape:
        raise ValueError(
            f"pictures must be (H, W) or (H, W, C) of at least {smallest} x {smallest} pixels, "
            f"got {tuple(image.shape)}"
        )
    for picture in (image, truth):
        if "float" not in str(picture.dtype):
            raise ValueError(f"pictures must be floats in 0..1, got {picture.dtype}")
