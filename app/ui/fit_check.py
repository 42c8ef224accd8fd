"""A scene beside the photo that it was made from: three pictures and two numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QImage, QPixmap
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout

from app.ui.forms import number, text
from app.ui.theme import GRID
from scenes.planes import PlaneScene
from scenes.registry import Cancel, Progress

if TYPE_CHECKING:
    from app.ui.shell import Shell
    from render.request import RenderSettings

GAIN = 4
"""Factor on differences, so that they are seen."""
_WIDTH = 90 * GRID


@dataclass(frozen=True, eq=False)
class Comparison:
    """A photo and its rendering, both (H, W, 3) uint8, and how alike they are."""

    photo: NDArray[np.uint8]
    rendered: NDArray[np.uint8]
    psnr: float
    ssim: float

    @property
    def difference(self) -> NDArray[np.uint8]:
        """(H, W, 3) absolute difference, brightened."""
        signed = self.photo.astype(np.int16) - self.rendered
        return np.clip(GAIN * np.abs(signed), 0, 255).astype(np.uint8)


def measure(scene: PlaneScene, settings: RenderSettings) -> Comparison:
    """Render a scene as its reference camera, in the size of its photo. Call it on a worker.

    Raises
    ------
    ValueError
        For a scene without a photo or a reference camera.
    """
    from kernels.image.psnr import psnr
    from kernels.image.ssim import ssim
    from render.render import render
    from render.request import RenderRequest

    if scene.photo is None or scene.camera is None:
        raise ValueError("the scene must have a photo and a reference camera")
    height, width = scene.photo.shape[:2]
    camera = scene.camera.stretched(width, height)
    plain = replace(settings, output="color", background=(0.0, 0.0, 0.0))
    rendered = render(RenderRequest(scene, camera, plain)).rgba8[..., :3]
    one, other = (np.float32(image) / 255 for image in (scene.photo, rendered))
    quality = float(psnr("cpu", other, one))
    return Comparison(scene.photo, rendered.copy(), quality, float(ssim("cpu", other, one)))


def compare(shell: Shell, scene: PlaneScene) -> None:
    """Measure in the background, then show."""

    def work(progress: Progress, cancel: Cancel) -> Comparison:
        return measure(scene, shell.document.render_settings)

    def done(found: Comparison) -> None:
        FitDialog(shell, scene.name, found).show()

    shell.tasks.start("Comparing with the photo", work, done, shell.show_error)


class FitDialog(QDialog):
    """Photo, rendering and difference side by side."""

    def __init__(self, shell: Shell, name: str, found: Comparison) -> None:
        super().__init__(shell.window)
        self.setObjectName("fit_check")
        self.setWindowTitle(f"{name} beside its photo")
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
        for column, (title, image) in enumerate(pictures.items()):
            grid.addWidget(text(title, "muted"), 0, column)
            grid.addWidget(_picture(image, title), 1, column)
        layout.addLayout(grid)
        self.numbers = number("fit_result")
        self.numbers.setText(f"PSNR {found.psnr:.2f} dB, SSIM {found.ssim:.4f}")
        self.numbers.setToolTip(
            "Peak signal-to-noise ratio: above 35 dB the eye hardly tells them apart.\n"
            "Structural similarity: 1 is equal."
        )
        layout.addWidget(self.numbers)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)


def _picture(image: NDArray[np.uint8], title: str) -> QLabel:
    height, width = image.shape[:2]
    data = np.ascontiguousarray(image)
    shown = QImage(data.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    label = QLabel()
    label.setAccessibleName(title)
    mode = Qt.TransformationMode.SmoothTransformation
    label.setPixmap(QPixmap.fromImage(shown).scaledToWidth(_WIDTH, mode))
    return label
