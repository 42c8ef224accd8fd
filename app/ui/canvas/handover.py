"""Pictures that were made on the GPU which draws the window: into the texture without the host."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from PyQt6.QtGui import QOpenGLContext
from PyQt6.QtOpenGL import QOpenGLBuffer, QOpenGLVersionFunctionsFactory, QOpenGLVersionProfile
from vispy.gloo import gl

if TYPE_CHECKING:
    from app.ui.canvas.quad import ImageQuad

_log = logging.getLogger(__name__)


class Handover:
    """A buffer that CUDA writes and OpenGL reads, and the words for how pictures come.

    The first trouble ends it until another backend draws: pictures then come by the host, and the
    log and :attr:`words` say why. Methods but :meth:`choose` need the canvas's GL context to be
    current.
    """

    def __init__(self) -> None:
        self.possible = False
        self.words = "not known before the first picture"
        self._backend = ""
        self._buffer: QOpenGLBuffer | None = None
        self._nbytes = 0
        self._shared: Any = None
        self._functions: Any = None

    def choose(self, backend: str, graphics: str) -> None:
        """Find out, once for a backend, whether its pictures can stay on the device."""
        if backend in ("", self._backend):  # unfinished pictures do not say
            return
        from kernels.cuda.interop import picture_way

        self._backend = backend
        self.possible, self.words = picture_way(backend, graphics)
        _log.info("the picture reaches the canvas by %s", self.words)

    def bring(self, quad: ImageQuad, picture: Any, asked_size: tuple[int, int]) -> bool:
        """Show a picture of the device in a quad that was drawn before; False where that fails."""
        if not self.possible or quad.texture_name() is None:
            return False
        try:
            self._bring(quad, picture, asked_size)
        except Exception as error:  # drivers and bindings have errors of their own
            self.possible = False
            self.words = f"pinned copy (sharing a buffer failed: {error})"
            _log.warning("the picture reaches the canvas by %s", self.words)
            return False
        return True

    def _bring(self, quad: ImageQuad, picture: Any, asked_size: tuple[int, int]) -> None:
        height, width = picture.shape[:2]
        buffer = self._large_enough(4 * width * height)
        self._shared.fill(picture)
        gl.glBindTexture(gl.GL_TEXTURE_2D, quad.texture_name())
        buffer.bind()
        try:
            self._functions.glTexSubImage2D(
                gl.GL_TEXTURE_2D, 0, 0, 0, width, height, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, None
            )
        finally:
            buffer.release()
        quad.filled((width, height), asked_size)

    def _large_enough(self, nbytes: int) -> QOpenGLBuffer:
        if self._buffer is not None and self._nbytes >= nbytes:
            return self._buffer
        from kernels.cuda.interop import SharedBuffer

        self.close()
        profile = QOpenGLVersionProfile()
        profile.setVersion(2, 0)
        self._functions = QOpenGLVersionFunctionsFactory.get(
            profile, QOpenGLContext.currentContext()
        )
        buffer = QOpenGLBuffer(QOpenGLBuffer.Type.PixelUnpackBuffer)
        buffer.setUsagePattern(QOpenGLBuffer.UsagePattern.StreamDraw)
        if not (buffer.create() and buffer.bind()):
            raise RuntimeError("OpenGL makes no pixel buffer")
        buffer.allocate(nbytes)
        buffer.release()
        self._buffer, self._nbytes = buffer, nbytes
        self._shared = SharedBuffer(buffer.bufferId())
        return buffer

    def close(self) -> None:
        """Give the buffer back, first by CUDA."""
        shared, self._shared = self._shared, None
        buffer, self._buffer = self._buffer, None
        self._functions = None
        if shared is not None:
            shared.close()
        if buffer is not None:
            buffer.destroy()
