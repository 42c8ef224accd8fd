"""What draws the window: asked once, in a process of its own."""

from __future__ import annotations


def renderer_string() -> str:
    """Renderer and version of an OpenGL context that Qt makes, in one line.

    Raises
    ------
    RuntimeError
        If no context can be made.
    """
    from PyQt6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
    from vispy.gloo import gl

    application = QGuiApplication.instance() or QGuiApplication(["plenoscope"])
    surface, context = QOffscreenSurface(), QOpenGLContext()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        raise RuntimeError("Qt cannot make an OpenGL context")
    words = (gl.glGetParameter(gl.GL_RENDERER), gl.glGetParameter(gl.GL_VERSION))
    context.doneCurrent()
    del application
    return ", ".join(words)
