"""The document as a file: save, open, keep copies for a crash, ask before work is lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PyQt6.QtCore import QObject, Qt, QTimer
from PyQt6.QtWidgets import QMessageBox, QWidget

from app.autosave import Autosave, Recovery, recoverable
from app.document import Document
from app.project import (
    SUFFIX,
    Project,
    apply_project,
    can_refer_to,
    load_project,
    save_project,
    to_json,
)
from app.ui import files
from scenes.errors import SceneError
from scenes.open import LOSSLESS, save_scene
from scenes.paths.json_file import write_json
from scenes.registry import Cancel, Progress
from scenes.scene import Scene

if TYPE_CHECKING:
    from app.ui.shell import Shell

FILTERS = [("Plenoscope project", (SUFFIX,))]
POLL_MS = 2000
"""How often a changed document is asked whether a copy is due."""
MOST_NAMES = 1000
"""How many names are tried for a file that is to lie beside a project."""
KEY_MS = 250
"""This soon after a change of the path it is copied; a drag changes it with every pixel."""

Answer = Literal["save", "discard", "cancel"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Opened:
    """A project and its scene; ``problem`` says why there is no scene although one is named."""

    project: Project
    scene: Scene | None
    problem: SceneError | None = None


def read(path: Path, progress: Progress, cancel: Cancel) -> Opened:
    """Read a project and the scene it refers to. Call it on a worker."""
    project = load_project(path)
    reference = project.scene
    if reference is None:
        return Opened(project, None)
    try:
        if reference.sample is not None:
            from scenes.samples import make_sample

            sample = reference.sample
            scene: Scene = make_sample(
                sample.name, count=sample.count, seed=sample.seed, progress=progress, cancel=cancel
            )
        elif reference.file is not None:
            from app.ui.reading import open_as

            scene = open_as(
                reference.file,
                reference.axes,
                reference.level,
                progress,
                cancel,
                reference.options,
            )
        else:
            return Opened(project, None)
    except SceneError as error:
        # Path and views are worth having even while the scene is away.
        return Opened(project, None, error)
    _ = scene.focus, scene.bounds
    return Opened(project, scene)


class Projects(QObject):
    """Knows the project file of the document, if it has one."""

    def __init__(self, shell: Shell) -> None:
        super().__init__(shell)
        self._shell = shell
        self.file: Path | None = None
        self._autosave = Autosave(shell.document, shell.settings.autosave_seconds)
        self._writer: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)
        self._key_timer = QTimer(self)
        self._key_timer.setSingleShot(True)
        self._key_timer.setInterval(KEY_MS)
        self._key_timer.timeout.connect(self._poll)
        shell.document.modified_changed.connect(self._on_modified)
        shell.document.path_changed.connect(self._on_path)
        shell.document.scenes_changed.connect(self.show_title)
        shell.settings_changed.connect(self._use_settings)

    # Saving ---------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the project where it was; asks where the first time."""
        if self.file is None:
            self.save_as()
        else:
            self._write(self.file)

    def save_as(self) -> None:
        """Ask where, then write the project."""
        file = self._ask_where()
        if file is not None:
            self._write(file)

    def _ask_where(self) -> Path | None:
        scene = self._shell.document.scene
        suggested = self.file or Path((scene.name if scene else "untitled") + SUFFIX)
        return files.ask_save(self._shell.window, "Save project", FILTERS, str(suggested))

    def _write(self, file: Path, then: Callable[[], object] | None = None) -> None:
        """Write the project; first, beside it, a scene that no file holds."""
        document = self._shell.document
        scene, kept = document.scene, self._beside(file)
        record = to_json(document, base=file.absolute().parent, stored=kept)
        state = _state(document)
        is_new = kept is not None and not kept.exists()

        def work(progress: Progress, cancel: Cancel) -> None:
            if is_new:
                save_scene(scene, kept, progress, cancel)  # type: ignore[arg-type]
            write_json(file, record)

        def done(_: None) -> None:
            if scene is not None and kept is not None:
                document.store(scene, kept)
            self._took_file(file)
            # What changed while it was written is not in the file.
            if _state(document) == state:
                document.mark_saved()
            also = f" and {kept.name}" if kept is not None and is_new else ""
            self._shell.status(f"Saved {file.name}{also}.")
            if then is not None:
                then()

        self._shell.tasks.start(f"Saving {file.name}", work, done, self._shell.show_error)

    def _beside(self, file: Path) -> Path | None:
        """The file of a scene that came from none; None where the project needs no such file."""
        scene, stored = self._shell.document.scene, self._shell.document.stored
        if scene is None or can_refer_to(scene) or scene.kind not in LOSSLESS:
            return None
        if stored is not None and stored.exists():
            return stored
        name = file.name.removesuffix(SUFFIX)
        endings = ("", *(f"-{number}" for number in range(2, MOST_NAMES)))
        places = (file.with_name(f"{name}{end}{LOSSLESS[scene.kind]}") for end in endings)
        return next(place for place in places if not place.exists())

    def _took_file(self, file: Path) -> None:
        self.file = file
        self._autosave.origin = file
        self._shell.opener.add_recent(file)
        self.show_title()

    # Opening --------------------------------------------------------------------------------

    def opened(self, path: Path, found: Opened, recovered: bool = False) -> None:
        """Take over a project that :func:`read` has read."""
        shell = self._shell
        if found.scene is not None:
            shell.opener.show_scene(found.scene)
        apply_project(shell.document, found.project)
        if shell.document.view is not None:
            shell.show_view(shell.document.view)
        if recovered:
            self.file = found.project.origin
            self._autosave.origin = self.file
            shell.document.edit_path(shell.document.path, "Recover")
        else:
            self._took_file(path)
        self.show_title()
        if found.problem is not None:
            shell.show_error(found.problem)

    # Leaving --------------------------------------------------------------------------------

    def may_close(self) -> bool:
        """Whether the window may close; asks where changes would be lost."""
        document = self._shell.document
        if not document.modified:
            return True
        answer = ask_unsaved(self._shell.window, self.file.name if self.file else "this project")
        if answer == "cancel":
            return False
        if answer == "save":
            file = self.file or self._ask_where()
            if file is None:
                return False
            if self._beside(file) is not None:
                # That may take a while, and shows how far it is; the window closes after it.
                self._write(file, self._shell.window.close)
                return False
            try:
                save_project(document, file)
            except SceneError as error:
                self._shell.show_error(error)
                return False
        return True

    def close(self) -> None:
        """A clean exit: no copy is left."""
        self._timer.stop()
        self._key_timer.stop()
        if self._writer is not None:
            self._writer.join()
        self._autosave.close()

    # Keeping copies -------------------------------------------------------------------------

    def look_for_copies(self) -> None:
        """Offer what a crashed run has left behind."""

        def work(progress: Progress, cancel: Cancel) -> list[Recovery]:
            return recoverable()

        self._shell.tasks.start("Looking for unsaved work", work, self._offer)

    def _offer(self, found: list[Recovery]) -> None:
        if not found:
            return
        newest = found[0]
        name = newest.origin.name if newest.origin else "a project without a file"
        when = time.strftime("%d %b %H:%M", time.localtime(newest.saved))
        box = QMessageBox(self._shell.window)
        box.setObjectName("recovery")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle("Unsaved work")
        box.setText("Plenoscope did not end properly last time.")
        box.setInformativeText(f"Changes to {name} were kept on {when}.")
        recover = box.addButton("Recover", QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton("Later", QMessageBox.ButtonRole.RejectRole)

        def answered() -> None:
            if box.clickedButton() is recover:
                self._recover(newest)
            elif box.clickedButton() is discard:
                for each in found:
                    each.discard()

        box.finished.connect(answered)
        box.open()

    def _recover(self, copy: Recovery) -> None:
        def work(progress: Progress, cancel: Cancel) -> Opened:
            return read(copy.file, progress, cancel)

        def done(found: Opened) -> None:
            self.opened(copy.file, found, recovered=True)
            copy.discard()

        self._shell.tasks.start("Recovering", work, done, self._shell.show_error)

    def _on_modified(self, modified: bool) -> None:
        self._shell.window.setWindowModified(modified)
        if modified:
            self._timer.start()
        else:
            self._timer.stop()
            self._poll()

    def _on_path(self) -> None:
        # Not started anew: while a key is dragged, copies are written all the same.
        if not self._key_timer.isActive():
            self._key_timer.start()

    def _poll(self) -> None:
        if self._writer is None or not self._writer.is_alive():
            self._writer = threading.Thread(target=self._keep_copy, name="autosave", daemon=True)
            self._writer.start()

    def _keep_copy(self) -> None:
        try:
            self._autosave.poll()
        except SceneError as error:
            _log.warning("no copy was kept: %s", error)

    def _use_settings(self) -> None:
        self._autosave.set_interval(self._shell.settings.autosave_seconds)

    def show_title(self) -> None:
        """Name project and scene in the window's title."""
        scene = self._shell.document.scene
        parts = [self.file.name] if self.file else []
        if scene is not None:
            parts.append(scene.name)
        self._shell.window.setWindowTitle(" – ".join([*parts, "Plenoscope"]) + "[*]")


def ask_unsaved(parent: QWidget | None, name: str) -> Answer:
    """Ask what to do with unsaved changes; tests answer for the person."""
    box = QMessageBox(parent)
    box.setObjectName("unsaved")
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Unsaved changes")
    box.setText(f"Save the changes to {name}?")
    box.setInformativeText("Without saving, path, views and settings since the last save are lost.")
    buttons = QMessageBox.StandardButton
    box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
    box.setDefaultButton(buttons.Save)
    chosen = box.exec()
    box.deleteLater()
    if chosen == buttons.Save:
        return "save"
    return "discard" if chosen == buttons.Discard else "cancel"


def _state(document: Document) -> tuple[int, ...]:
    parts = (
        document.path,
        document.bookmarks,
        document.render_settings,
        document.orientation,
        document.scene,
    )
    return tuple(id(part) for part in parts)
