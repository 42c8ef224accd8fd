"""A scene beside a photo: three pictures and two numbers.

The photo is that of the camera which the canvas looks through, or the one that a multiplane image
was made from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage, QPixmap
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout

from app.ui.capture.photos import Photo, read_photo
from app.ui.forms import number, text
from app.ui.theme import GRID
from render.request import RenderRequest, RenderSettings
from scenes.planes import PlaneScene
from scenes.registry import Cancel, Progress

if TYPE_CHECKING:
    from app.ui.shell import Shell

GAIN = 4
"""Factor on differences, so that they are seen."""
BLACK = (0.0, 0.0, 0.0)
_SIDE = 90 * GRID
_STEPS = 3


@dataclass(frozen=True, eq=False)
class Comparison:
    """A photo and its rendering, both (H, W, 3) uint8, and how alike they are.

    ``full`` is the (width, height) of the photo's file, which may have been larger.
    """

    photo: NDArray[np.uint8]
    rendered: NDArray[np.uint8]
    psnr: float
    ssim: float
    full: tuple[int, int]

    @property
    def difference(self) -> NDArray[np.uint8]:
        """(H, W, 3) absolute difference, brightened."""
        signed = self.photo.astype(np.int16) - self.rendered
        return np.clip(GAIN * np.abs(signed), 0, 255).astype(np.uint8)


def plain(settings: RenderSettings) -> RenderSettings:
    """The settings for a picture like a photo: colour, over black where there is no background."""
    return replace(settings, output="color", background=settings.background or BLACK)


def measure(request: RenderRequest, photo: Photo, progress: Progress) -> Comparison:
    """Render a request in the size of a photo, and compare. Call it on a worker.

    Raises
    ------
    RenderCancelled
        When ``request.cancelled()`` became true.
    """
    from kernels.image.psnr import psnr
    from kernels.image.ssim import ssim
    from render.render import render

    height, width = photo.pixels.shape[:2]
    camera = request.camera.stretched(width, height)
    progress(1, _STEPS, "steps")
    frame = render(replace(request, camera=camera))
    rendered = frame.rgba8[..., :3].copy()
    progress(2, _STEPS, "steps")
    one, other = (np.float32(image) / 255 for image in (photo.pixels, rendered))
    quality, likeness = (float(metric(frame.backend, other, one)) for metric in (psnr, ssim))
    return Comparison(photo.pixels, rendered, quality, likeness, photo.full)


def compare(shell: Shell) -> None:
    """Compare with the photo of the camera that is looked through, or with the scene's own."""
    scene, mark = shell.document.scene, shell.capture.photographed
    if scene is None:
        return
    if mark is not None and mark.picture is not None:
        request = shell.driver.request_of(mark.camera)
        assert request is not None
        _compare(shell, request, mark.picture, f"{scene.name} beside {mark.picture.name}")
    elif isinstance(scene, PlaneScene) and scene.photo is not None and scene.camera is not None:
        height, width = scene.photo.shape[:2]
        settings = replace(shell.document.render_settings, background=BLACK)
        request = RenderRequest(scene, scene.camera, settings)
        photo = Photo(scene.photo, (width, height))
        _compare(shell, request, photo, f"{scene.name} beside its photo")


def _compare(shell: Shell, request: RenderRequest, photo: Photo | Path, title: str) -> None:
    """Measure in the background, then show."""
    settings = plain(request.settings)

    def work(progress: Progress, cancel: Cancel) -> Comparison:
        progress(0, _STEPS, "steps")
        known = photo
        if isinstance(known, Path):
            assert settings.background is not None
            known = read_photo(known, request.camera, settings.background, cancel)
        return measure(replace(request, settings=settings, cancelled=cancel), known, progress)

    def done(found: Comparison) -> None:
        for shown in shell.window.findChildren(FitDialog):
            shown.close()
        FitDialog(shell, title, found).show()

    shell.tasks.start("Comparing with the photo", work, done, shell.show_error)


class FitDialog(QDialog):
    """Photo, rendering and difference side by side."""

    def __init__(self, shell: Shell, title: str, found: Comparison) -> None:
        super().__init__(shell.window)
        self.setObjectName("fit_check")
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(5 * GRID, 5 * GRID, 5 * GRID, 4 * GRID)
        layout.setSpacing(4 * GRID)
        grid = QGridLayout()
        grid.setHorizontalSpacing(3 * GRID)
        pictures = {
            "Photo": found.photo,
            "Rendered": found.rendered,
            f"Difference, {GAIN} times brighter": found.difference,
        }
        for column, (caption, image) in enumerate(pictures.items()):
            grid.addWidget(text(caption, "muted"), 0, column)
            grid.addWidget(_picture(image, caption), 1, column)
        layout.addLayout(grid)
        self.numbers = number("fit_result")
        self.numbers.setText(f"PSNR {_decibels(found.psnr)}, SSIM {found.ssim:.4f}")
        self.numbers.setToolTip(
            "Peak signal-to-noise ratio: above 35 dB the eye hardly tells them apart.\n"
            "Structural similarity: 1 is equal."
        )
        layout.addWidget(self.numbers)
        self.size_words = text(_size_words(found), "muted", "fit_size")
        layout.addWidget(self.size_words)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)


def _decibels(psnr: float) -> str:
    return f"{psnr:.2f} dB" if np.isfinite(psnr) else "∞ dB (equal)"


def _size_words(found: Comparison) -> str:
    height, width = found.photo.shape[:2]
    words = f"Compared at {width} × {height} pixels"
    if (width, height) == found.full:
        return f"{words}."
    return f"{words}, to which the photo of {found.full[0]} × {found.full[1]} was averaged."


def _picture(image: NDArray[np.uint8], title: str) -> QLabel:
    height, width = image.shape[:2]
    data = np.ascontiguousarray(image)
    shown = QImage(data.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    label = QLabel()
    label.setAccessibleName(title)
    aspect, mode = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    label.setPixmap(QPixmap.fromImage(shown).scaled(_SIDE, _SIDE, aspect, mode))
    return label
