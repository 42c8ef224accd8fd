"""One RGBA8 texture that holds the newest picture, and the quad that shows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from vispy import gloo

# GLSL 1.20, so that macOS through its legacy profile and Mesa agree on it.
_VERTEX = """
attribute vec2 a_corner;
varying vec2 v_place;
void main() {
    v_place = vec2(a_corner.x, 1.0 - a_corner.y);
    gl_Position = vec4(a_corner * 2.0 - 1.0, 0.0, 1.0);
}
"""

_FRAGMENT = """
uniform sampler2D u_texture;
uniform vec2 u_texture_size;
uniform vec2 u_image_size;
uniform vec2 u_canvas_size;
uniform vec3 u_around;
uniform float u_check;
uniform float u_stretch;
varying vec2 v_place;
void main() {
    vec2 place = v_place;
    place.x = 0.5 + (place.x - 0.5) * u_stretch;
    if (place.x < 0.0 || place.x > 1.0) {
        gl_FragColor = vec4(u_around, 1.0);
        return;
    }
    vec2 pixel = clamp(place * u_image_size, vec2(0.5), u_image_size - 0.5);
    vec4 color = texture2D(u_texture, pixel / u_texture_size);
    vec2 cell = floor(v_place * u_canvas_size / u_check);
    float grey = mod(cell.x + cell.y, 2.0) < 0.5 ? 0.40 : 0.52;
    gl_FragColor = vec4(mix(vec3(grey), color.rgb, color.a), 1.0);
}
"""

_GROW = 256
"""The texture grows in these steps, so that dragging a window's edge rarely allocates."""


class ImageQuad:
    """Shows one picture on the whole canvas, sharp at 1:1 and smooth when enlarged.

    All methods need the canvas's GL context to be current. A picture that was asked for in the
    canvas's shape fills it, whatever its resolution; one for another shape (the window was just
    resized) keeps its height, because cameras keep their vertical field of view.
    """

    def __init__(self) -> None:
        self._program = gloo.Program(_VERTEX, _FRAGMENT)
        corners = np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32)
        self._program["a_corner"] = gloo.VertexBuffer(corners)
        self._texture: gloo.Texture2D | None = None
        self._capacity = (0, 0)
        self.image_size = (0, 0)
        self._aspect = 1.0
        self.allocations = 0

    @property
    def capacity(self) -> tuple[int, int]:
        """Width and height of the texture, pixels."""
        return self._capacity

    def reserve(self, width: int, height: int) -> None:
        """Make the texture hold pictures of this size; does nothing when it already does."""
        have_width, have_height = self._capacity
        if width <= have_width and height <= have_height:
            return
        width = _grown(max(width, have_width))
        height = _grown(max(height, have_height))
        if self._texture is not None:
            self._texture.delete()
        self._texture = gloo.Texture2D((height, width, 4), format="rgba", internalformat="rgba8")
        self._texture.wrapping = "clamp_to_edge"
        self._capacity = (width, height)
        self._program["u_texture"] = self._texture
        self._program["u_texture_size"] = (width, height)
        self.image_size = (0, 0)
        self.allocations += 1

    def upload(self, rgba8: NDArray[np.uint8], asked_size: tuple[int, int]) -> None:
        """Replace the picture, (H, W, 4) uint8 with straight alpha.

        ``asked_size`` is the width and height that it stands for, in pixels of the canvas.
        """
        height, width = rgba8.shape[:2]
        self.reserve(width, height)
        assert self._texture is not None
        self._texture.set_data(np.ascontiguousarray(rgba8), offset=(0, 0))
        self.filled((width, height), asked_size)

    def filled(self, size: tuple[int, int], asked_size: tuple[int, int]) -> None:
        """The texture holds another picture of this width and height; see :meth:`upload`."""
        self.image_size = size
        self._aspect = asked_size[0] / asked_size[1]

    def texture_name(self) -> int | None:
        """OpenGL's name of the texture; None before it was drawn for the first time."""
        texture = self._texture and gloo.get_current_canvas().context.shared.parser.get_object(
            self._texture.id
        )
        return texture.handle if texture else None

    def draw(
        self, canvas_size: tuple[int, int], check: float, around: tuple[float, float, float]
    ) -> None:
        """Draw on a canvas of physical pixels.

        ``check`` is the cell of the chequerboard behind transparent pixels, ``around`` the colour
        where a picture of another shape leaves the canvas free.
        """
        if self._texture is None or 0 in self.image_size:
            gloo.clear(color=(*around, 1.0))
            return
        width, height = self.image_size
        canvas_width, canvas_height = canvas_size
        stretch = canvas_width / canvas_height / self._aspect
        same = (width, height) == (canvas_width, canvas_height)
        self._texture.interpolation = "nearest" if same else "linear"
        self._program["u_image_size"] = (width, height)
        self._program["u_canvas_size"] = canvas_size
        self._program["u_stretch"] = stretch
        self._program["u_around"] = around
        self._program["u_check"] = check
        gloo.set_state(blend=False, depth_test=False, cull_face=False)
        self._program.draw("triangle_strip")


def _grown(size: int) -> int:
    return -(-size // _GROW) * _GROW
