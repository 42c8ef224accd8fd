"""A format, an exporter and a representation are new files: nothing that stands is edited."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QEvent
from PyQt6.QtWidgets import QApplication

import app.cli.commands
import app.ui.commands
import app.ui.panels
import render
import render.export.encoders
import scenes.formats
import scenes.paths.formats
from app.cli.commands import commands
from app.settings import Settings
from app.ui import main
from render.export import ExportSettings, export
from render.export.encoders import encoders
from render.render import render as render_request
from render.renderers import renderers
from render.request import RenderRequest
from scenes.camera import Camera
from scenes.open import open_scene, sniff_scene
from scenes.paths.files import read_path

FILES = {
    "formats/toy_disc.py": '''
        """A scene of one disc: "DISC radius red green blue"."""
        from dataclasses import dataclass, field
        from pathlib import Path
        import numpy as np
        from scenes.camera import Camera
        from scenes.registry import Format

        @dataclass(frozen=True, eq=False)
        class Disc:
            radius: float
            color: tuple
            source: Path
            name: str = "disc"
            kind: str = "disc"
            format: str = "disc"
            count: int = 1
            nbytes: int = 0
            warnings: tuple = ()
            metadata: dict = field(default_factory=dict)
            bounds: tuple = field(default_factory=lambda: (np.zeros(3), np.ones(3)))
            focus: tuple = field(default_factory=lambda: (np.zeros(3), 1.0))
            up: tuple = (0.0, -1.0, 0.0)

            def default_camera(self, width=1280, height=720):
                return Camera.look_at((0, 0, -1), (0, 0, 0), width=width, height=height)

            def facts(self):
                return {"Radius": f"{self.radius:g} px"}

        def read(path, progress, cancel):
            words = path.read_text().split()
            return Disc(float(words[1]), tuple(float(word) for word in words[2:5]), path)

        FORMAT = Format("disc", "Toy disc", (".disc",), "disc",
                        lambda path, head: head.startswith(b"DISC"), read)
    ''',
    "renderers/toy_discs/__init__.py": "",
    "renderers/toy_discs/renderer.py": """
        import numpy as np
        from kernels.timing import stage
        from render.request import Frame

        class DiscRenderer:
            kind = "disc"

            def forget(self):
                pass

            def render(self, request, backend):
                camera = request.camera
                with stage("paint", "discs"):
                    y, x = np.mgrid[: camera.height, : camera.width]
                    far = np.hypot(x + 0.5 - camera.cx, y + 0.5 - camera.cy)
                    picture = np.zeros((camera.height, camera.width, 4), np.uint8)
                    inside = far < request.scene.radius
                    picture[inside, :3] = np.round(255 * np.array(request.scene.color))
                    picture[..., 3] = 255
                return Frame({"rgba8": picture})

        RENDERER = DiscRenderer()
    """,
    "encoders/toy_ppm.py": """
        from render.export.encoders import Encoder

        class Sink:
            def __init__(self, job):
                self.notes, self._job = [], job

            def has(self, index):
                return False

            def write(self, index, images):
                head = f"P6 {self._job.width} {self._job.height} 255\\n".encode()
                self._job.settings.path.write_bytes(head + images["rgba8"][..., :3].tobytes())

            def finish(self):
                pass

            def abort(self):
                pass

        ENCODER = Encoder("ppm", "PPM", (".ppm",), "A toy.", "still", False, None, Sink)
    """,
    "paths/toy_points.py": """
        import numpy as np
        from scenes.paths.path import CameraPath, Keyframe
        from scenes.registry import Format

        def read(path):
            keys = []
            for time, line in enumerate(path.read_text().splitlines()[1:]):
                pose = np.eye(4)
                pose[:3, 3] = [float(word) for word in line.split()]
                keys.append(Keyframe(float(time), pose, 1.0))
            return CameraPath(tuple(keys), duration=float(len(keys)))

        FORMAT = Format("points", "Toy points", (".points",), "path",
                        lambda path, head: head.startswith(b"POINTS"), read)
    """,
    "commands/toy_hello.py": """
        from app.cli.commands import Command

        COMMAND = Command("hello", "say hello", lambda parser: None, lambda arguments: 0, 99)
    """,
    "panels/toy_notes.py": """
        from PyQt6.QtWidgets import QLabel
        from app.ui.actions import ActionRecord
        from app.ui.records import PanelRecord

        def make(shell):
            label = QLabel("A toy.")
            label.setObjectName("toy_notes")
            return label

        PANEL = PanelRecord("toy_notes", "Notes", "left", make, order=99)
        ACTIONS = [ActionRecord("toy.panel", "Show the notes", "View", "Ctrl+Alt+Shift+9",
                                run=lambda shell: shell.show_panel("toy_notes"))]
    """,
    "actions/toy_greet.py": """
        from app.ui.actions import ActionRecord

        ACTIONS = [ActionRecord("toy.greet", "Greet", "Help",
                                run=lambda shell: shell.status("Hello."))]
    """,
}
HOMES = {
    "formats": scenes.formats,
    "renderers": render,
    "encoders": render.export.encoders,
    "paths": scenes.paths.formats,
    "commands": app.cli.commands,
    "panels": app.ui.panels,
    "actions": app.ui.commands,
}


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The toy modules, lying beside the real ones as far as imports can tell."""
    for name, text in FILES.items():
        file = tmp_path / "toys" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    for name, package in HOMES.items():
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "toys" / name)])
    caches = (encoders, renderers)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()
    for module in [name for name in sys.modules if ".toy_" in name]:
        del sys.modules[module]


def test_a_toy_scene_opens_renders_and_exports(toys, tmp_path):
    file = tmp_path / "a.disc"
    file.write_text("DISC 10 1 0.5 0\n")
    assert sniff_scene(file).title == "Toy disc"
    scene = open_scene(file)
    camera = Camera.look_at((0, 0, -1), (0, 0, 0), width=40, height=30)
    frame = render_request(RenderRequest(scene, camera))
    assert frame.rgba8[15, 20].tolist() == [255, 128, 0, 255]
    assert [record.name for record in frame.records] == ["paint"]
    export([RenderRequest(scene, camera)], ExportSettings(tmp_path / "a.png"))
    export([RenderRequest(scene, camera)], ExportSettings(tmp_path / "a.ppm"))
    body = (tmp_path / "a.ppm").read_bytes()
    picture = np.frombuffer(body[body.index(b"\n") + 1 :], np.uint8).reshape(30, 40, 3)
    np.testing.assert_array_equal(picture, frame.rgba8[..., :3])


def test_a_toy_path_and_a_toy_command_are_found(toys, tmp_path):
    file = tmp_path / "a.points"
    file.write_text("POINTS\n0 0 0\n1 0 0\n")
    assert len(read_path(file).keys) == 2
    assert "hello" in {command.name for command in commands()}


@pytest.mark.window
def test_a_toy_panel_and_its_commands_stand_in_the_window(toys, monkeypatch, tmp_path, qtbot):
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen" or not (
        sys.platform != "linux" or os.environ.get("DISPLAY")
    ):
        pytest.skip("needs a display with OpenGL")
    monkeypatch.setenv("PLENOSCOPE_HOME", str(tmp_path / "home"))
    main.use_settings_folder()
    shell = main.make_window(Settings(reduced_motion=True))
    shell.window.show()
    qtbot.waitExposed(shell.window)
    try:
        assert shell.panel("toy_notes").text() == "A toy."
        assert shell.window.docks["toy_notes"].objectName() == "dock_toy_notes"
        shell.window.docks["toy_notes"].hide()
        shell.run("toy.panel")
        assert shell.window.docks["toy_notes"].isVisible()
        shell.run("toy.greet")
        assert shell.window.message.text() == "Hello."
    finally:
        shell.window.close()
        shell.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.mark.window
def test_a_toy_scene_is_shown_in_the_window(toys, monkeypatch, tmp_path, qtbot):
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen" or not (
        sys.platform != "linux" or os.environ.get("DISPLAY")
    ):
        pytest.skip("needs a display with OpenGL")
    monkeypatch.setenv("PLENOSCOPE_HOME", str(tmp_path / "home"))
    main.use_settings_folder()
    file = tmp_path / "a.disc"
    file.write_text("DISC 40 1 0.5 0\n")
    shell = main.make_window(Settings(reduced_motion=True))
    shell.window.show()
    qtbot.waitExposed(shell.window)
    try:
        shell.driver.start()
        shell.open_paths([file])
        qtbot.waitUntil(lambda: shell.driver.frame is not None, timeout=60_000)
        picture = shell.driver.frame.rgba8
        assert picture[picture.shape[0] // 2, picture.shape[1] // 2].tolist() == [255, 128, 0, 255]
        assert shell.panel("scene").facts["Radius"].text() == "40 px"
        assert not shell.panel("rendering").preset.isVisibleTo(shell.panel("rendering"))
    finally:
        shell.window.close()
        shell.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_the_toys_are_gone_again():
    assert "disc" not in renderers()
    assert "ppm" not in {encoder.name for encoder in encoders()}
