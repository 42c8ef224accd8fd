"""What panels and commands see of the window: its model, its workers and a few verbs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QApplication

from app.document import Document
from app.limits import KeptLimits
from app.settings import Settings, save_settings
from app.ui import theme
from app.ui.tasks import TaskList
from render.profile import ProfileStore
from scenes.camera import Camera
from scenes.errors import SceneError

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

    from app.ui.canvas.driver import RenderDriver
    from app.ui.canvas.pointer import Pointer
    from app.ui.capture.capture import Capture
    from app.ui.opening import Opener
    from app.ui.projects import Projects
    from app.ui.window import MainWindow
    from render.session import RenderSession

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Overlays:
    """What is drawn over the picture.

    ``export_aspect`` is width over height of the video to be written (None until the export panel
    knows it); its border is drawn when ``export_frame`` is on.
    """

    path: bool = True
    keys: bool = True
    cameras: bool = True
    axes: bool = True
    pivot: bool = False
    safe_range: bool = True
    export_frame: bool = False
    chip: bool = True
    export_aspect: float | None = None


class Shell(QObject):
    """The window's facade; lives on the UI thread like everything it holds.

    Attributes
    ----------
    document
        The model; change it and its signals do the rest.
    profile
        The ring of shown frames.
    tasks
        Long work: ``tasks.start(title, work, done)``.
    settings
        What is kept between runs; change it through :meth:`change_settings`.
    session
        The render worker; None until it has started.
    driver, pointer, opener, projects, capture
        What turns the document into pictures, the hand into views, files into scenes, the
        document into files, and the cameras of a capture into frusta over the picture.
    window
        The main window, for dialogs to stand over.
    """

    overlays_changed = pyqtSignal()
    settings_changed = pyqtSignal()

    driver: RenderDriver
    pointer: Pointer
    opener: Opener
    projects: Projects
    capture: Capture
    window: MainWindow

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = Document()
        self.profile = ProfileStore(limits=KeptLimits())
        self.tasks = TaskList(self)
        self.settings = settings
        self.session: RenderSession | None = None
        self.overlays = Overlays()
        self.log_lines: Iterable[str] = ()
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(0)
        self._refresh.timeout.connect(self._refresh_now)
        self._save_settings = QTimer(self)
        self._save_settings.setSingleShot(True)
        self._save_settings.setInterval(1000)
        self._save_settings.timeout.connect(self._save_settings_now)
        document = self.document
        for signal in (
            document.scenes_changed,
            document.path_changed,
            document.bookmarks_changed,
            document.selection_changed,
            document.history_changed,
            document.render_settings_changed,
            document.orientation_changed,
            document.modified_changed,
        ):
            signal.connect(self.refresh_actions)
        self.tasks.changed.connect(self.refresh_actions)
        hints = QGuiApplication.styleHints()
        assert hints is not None
        hints.colorSchemeChanged.connect(self._apply_theme)
        self._apply_theme()

    # Verbs ----------------------------------------------------------------------------------

    def show_view(self, camera: Camera) -> None:
        """Show the picture from a camera, in the size of the canvas."""
        self.driver.show(camera)

    def show_error(self, error: BaseException) -> None:
        """Tell the person in one sentence what happened; the details fold out."""
        from app.ui.errors import show_error

        expected = isinstance(error, SceneError)
        _log.info("shown to the person: %s", error, exc_info=None if expected else error)
        show_error(self.window, error, self.log_lines, self.driver.canvas.graphics)

    def status(self, text: str) -> None:
        """Say something short in the status bar for a few seconds."""
        self.window.say(text)

    def panel(self, name: str) -> QWidget:
        """The widget of a panel.

        Raises
        ------
        KeyError
            If there is no panel of that name.
        """
        return self.window.panels[name]

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front and give it the keyboard."""
        self.window.show_panel(name)

    def run(self, action_id: str) -> None:
        """Give a command by its id."""
        self.window.actions_set.run(action_id)

    def open_paths(self, paths: Iterable[Path]) -> None:
        """Open files of any kind: scenes, camera paths, cameras, projects."""
        self.opener.open_paths(list(paths))

    def set_overlays(self, **changes: Any) -> None:
        """Change what is drawn over the picture (fields of :class:`Overlays`)."""
        changed = replace(self.overlays, **changes)
        if changed != self.overlays:
            self.overlays = changed
            self.overlays_changed.emit()
            self.refresh_actions()

    def change_settings(self, **changes: Any) -> None:
        """Change and keep settings."""
        changed = replace(self.settings, **changes)
        if changed != self.settings:
            restyle = changed.theme != self.settings.theme
            self.settings = changed
            self._save_settings.start()
            if restyle:
                self._apply_theme()
            self.settings_changed.emit()
            self.refresh_actions()

    def refresh_actions(self, *_: object) -> None:
        """Ask soon, once for many changes, which commands make sense."""
        self._refresh.start()

    def _refresh_now(self) -> None:
        self.window.actions_set.refresh()

    def _apply_theme(self) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        theme.apply(application, self.settings.theme)

    def _save_settings_now(self) -> None:
        try:
            save_settings(self.settings)
        except SceneError as error:
            _log.warning("settings are not kept: %s", error)

    def close(self) -> None:
        """Stop all workers and wait for them."""
        self._refresh.stop()
        if self._save_settings.isActive():
            self._save_settings.stop()
            self._save_settings_now()
        self.pointer.stop()
        self.driver.close()
        self.projects.close()
        self.tasks.close()
        if self.session is not None:
            self.session.close()
            self.session = None
