"""A fit as a task of the window, and what becomes of its scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.ui.canvas.driver import display_transform
from app.ui.fitting.plan import FitPlan, What
from app.ui.fitting.work import FitWork
from app.ui.tasks import Task
from scenes.camera import Camera
from scenes.errors import SceneError
from scenes.fields import FieldScene

if TYPE_CHECKING:
    from pathlib import Path

    from app.ui.shell import Shell

FOLDERS_UP = 3
"""So far above a photo the file of its camera is looked for."""
COLMAP = "sparse/0"


def start_fitting(
    shell: Shell,
    plan: FitPlan,
    work: FitWork,
    kept: Callable[[FieldScene], object],
    failed: Callable[[BaseException], object],
    cancelled: Callable[[], object],
) -> Task:
    """Fit as a task; the scene is opened at its end, and is not saved yet.

    ``kept`` is told of it then; ``failed`` and ``cancelled`` are as for any task.
    """
    document = shell.document
    orientation = document.orientation if plan.what == "distil" else None

    def done(scene: FieldScene) -> None:
        shell.opener.show_scene(scene)
        if orientation is not None:
            # It lies where its teacher lies.
            document.set_orientation(orientation)
        document.mark_changed()
        shell.status(f"Fitted {scene.name}: {result(work)}. Save scene as… keeps it in a file.")
        if plan.what == "radiance" and plan.path is not None:
            _add_cameras(shell, plan.path)
        kept(scene)

    title = f"Fitting {plan.name}"
    return shell.tasks.start(title, work, done, failed, cancelled, pausable=True)


def _add_cameras(shell: Shell, file: Path) -> None:
    """The cameras of the photos, in the frame of the field that was fitted to them."""
    from scenes.paths.files import read_camera_set

    try:
        shell.opener.add_cameras(read_camera_set(file), f"{file.stem} of the fit")
    except SceneError as error:
        # The file may be gone by now; the field is worth having without it.
        shell.status(str(error))


def result(work: FitWork) -> str:
    """What came of a fit, in a few words."""
    points = work.state.points
    if not points:
        return "no steps"
    last = points[-1]
    return f"{last.steps:,} steps, {last.psnr:.1f} dB"


def view_of(shell: Shell, plan: FitPlan) -> Camera | None:
    """The canvas's view in the frame of the field that is distilled; None for other fits, and
    while another scene is shown."""
    document = shell.document
    camera = document.view
    if plan.scene is None or document.scene is not plan.scene or camera is None:
        return None
    display = display_transform(document.orientation)
    return camera if display is None else camera.transformed(display.T)


def suggestion(shell: Shell) -> tuple[What, Path | None]:
    """What a person may want to fit, after what is open: the field, the capture, or a picture."""
    document = shell.document
    if isinstance(document.scene, FieldScene) and document.scene.model.form != "light":
        return "distil", None
    for mark in document.bookmarks:
        if mark.capture and mark.picture is not None:
            return "radiance", _cameras_of(mark.picture, mark.capture)
    return "image", None


def _cameras_of(photo: Path, name: str) -> Path | None:
    """The file of cameras of that name that lies above a photo."""
    for folder in list(photo.parents)[:FOLDERS_UP]:
        for file in (folder / name, folder / COLMAP / name):
            if file.is_file():
                return file
    return None
