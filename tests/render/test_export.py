"""Every encoder really encodes; what comes out is decoded and compared with what went in."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
import pytest

from render.export import (
    ExportControl,
    ExportError,
    ExportSettings,
    estimate,
    export,
)
from render.export.encoders import encoder_for, encoders
from render.request import Frame, RenderRequest, RenderSettings
from scenes.camera import Camera
from scenes.errors import Cancelled
from tests.kernels.chain import psnr, random_splats

WIDTH, HEIGHT, FRAMES = 96, 64, 6


def _picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Smooth ramps and a bar that stands further right in every frame."""
    y, x = np.mgrid[:height, :width]
    picture = np.empty((height, width, 4), np.uint8)
    picture[..., 0] = x * 200 // width + 20
    picture[..., 1] = y * 200 // height + 20
    picture[..., 2] = 128
    picture[:, 10 * number : 10 * number + 10, :3] = (220, 180, 40)
    picture[..., 3] = 255
    return picture


class Painter:
    """Renders the picture whose number the camera carries in its position."""

    def __init__(self, alpha: int = 255, seconds: float = 0.0) -> None:
        self.alpha = alpha
        self.seconds = seconds
        self.rendered: list[int] = []

    def __call__(self, request: RenderRequest) -> Frame:
        number = round(float(request.camera.position[0]))
        self.rendered.append(number)
        time.sleep(self.seconds)
        size = request.camera.width, request.camera.height
        picture = _picture(number, *size)
        picture[: size[1] // 2, :, 3] = self.alpha
        images = {"rgba8": picture}
        if "alpha" in request.outputs:
            images["alpha"] = picture[..., 3].astype(np.float32) / 255
        if "depth" in request.outputs:
            images["depth"] = np.full(picture.shape[:2], 1.0 + number, np.float32)
        return Frame(images, total_ns=1_000_000, camera=request.camera)


@pytest.fixture(scope="module")
def scene():
    from scenes.gaussians import GaussianScene

    return GaussianScene(*random_splats(0, count=20))


@pytest.fixture
def requests(scene):
    def make(frames=FRAMES, width=WIDTH, height=HEIGHT, background=(0.0, 0.0, 0.0)):
        settings = RenderSettings(background=background)
        return [
            RenderRequest(
                scene,
                Camera.look_at((i, 0, -5), (i, 0, 0), width=width, height=height),
                settings,
            )
            for i in range(frames)
        ]

    return make


def _decode(path, channels: str = "rgb24") -> np.ndarray:
    depth = 4 if channels == "rgba" else 3
    reader = imageio_ffmpeg.read_frames(str(path), pix_fmt=channels, bpp=depth)
    meta = next(reader)
    width, height = meta["source_size"]
    return np.stack([np.frombuffer(f, np.uint8).reshape(height, width, -1) for f in reader])


@pytest.mark.parametrize(
    ("suffix", "least"),
    # 8-bit 4:2:0 halves the colour resolution at the bar's edges; GIF has 256 colours.
    [(".mp4", 30.0), (".webm", 30.0), (".mov", 34.0), (".gif", 26.0)],
)
def test_videos_have_every_frame_and_its_colours(tmp_path, requests, suffix, least):
    path = tmp_path / f"clip{suffix}"
    result = export(requests(), ExportSettings(path, fps=25, quality=95), renderer=Painter())
    frames = _decode(path)
    assert len(frames) == result.frames == FRAMES
    for number, frame in enumerate(frames):
        truth = _picture(number)[..., :3]
        assert psnr(frame / 255, truth / 255) > least, number
        # The flat middle of the blue channel tells a wrong matrix or range from mere loss.
        assert abs(float(frame[40:60, 70:90, 2].mean()) - 128) < 4
    assert result.nbytes == path.stat().st_size
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_prores_keeps_transparency(tmp_path, requests):
    path = tmp_path / "clip.mov"
    export(requests(3, background=None), ExportSettings(path), renderer=Painter(alpha=64))
    alpha = _decode(path, "rgba")[..., 3].astype(int)
    assert np.abs(alpha[:, :28] - 64).max() <= 3
    assert np.abs(alpha[:, 36:] - 255).max() <= 3


def test_odd_sizes_are_padded_and_said(tmp_path, requests):
    path = tmp_path / "odd.mp4"
    result = export(requests(2, 95, 63), ExportSettings(path), renderer=Painter())
    frames = _decode(path)
    assert frames.shape[1:3] == (64, 96)
    assert "95x63 was padded to 96x64" in result.notes[0]
    assert frames[0, :50, 95].mean() < 60


@pytest.mark.parametrize("name", ["odd.gif", "odd.webm", "odd.mov"])
def test_odd_sizes_are_kept_where_the_format_can(tmp_path, requests, name):
    path = tmp_path / name
    result = export(requests(2, 95, 63), ExportSettings(path, fps=25), renderer=Painter())
    assert _decode(path).shape[1:3] == (63, 95)
    assert result.notes == ()


def test_single_picture_is_exact(tmp_path, requests):
    path = tmp_path / "still.png"
    export(requests(1), ExportSettings(path), renderer=Painter())
    np.testing.assert_array_equal(iio.imread(path), _picture(0)[..., :3])
    export(requests(1, background=None), ExportSettings(path, overwrite=True), renderer=Painter(99))
    assert iio.imread(path)[0, 0, 3] == 99


def test_sequence_with_alpha_and_depth(tmp_path, requests):
    folder = tmp_path / "frames"
    settings = ExportSettings(folder, outputs=("color", "alpha", "depth"))
    export(requests(3), settings, renderer=Painter())
    np.testing.assert_array_equal(iio.imread(folder / "frame_00002.png"), _picture(2)[..., :3])
    assert iio.imread(folder / "alpha_00001.png").max() == 255
    depth = iio.imread(folder / "depth_00002.png")
    import json

    step = json.loads((folder / "depth.json").read_text())["scene_units_per_step"]
    assert depth.dtype == np.uint16
    assert abs(float(depth[0, 0]) * step - 3.0) <= step


def test_interrupted_sequence_resumes_without_rendering_again(tmp_path, requests):
    folder = tmp_path / "frames"
    control = ExportControl()

    def stop_after_three(progress):
        if progress.frame == 3:
            control.cancel()

    with pytest.raises(Cancelled):
        export(
            requests(20), ExportSettings(folder), stop_after_three, control, Painter(seconds=0.01)
        )
    kept = sorted(p.name for p in folder.glob("frame_*.png"))
    assert 3 <= len(kept) < 20
    second = Painter()
    result = export(requests(20), ExportSettings(folder), renderer=second)
    assert second.rendered == list(range(len(kept), 20))
    assert f"{len(kept)} finished frames were kept" in result.notes[0]
    assert len(list(folder.glob("frame_*.png"))) == 20
    assert not list(folder.glob("*.part"))


def test_frames_of_another_export_are_not_mixed(tmp_path, requests):
    folder = tmp_path / "frames"
    export(requests(3), ExportSettings(folder), renderer=Painter())
    other = requests(2, background=(1.0, 1.0, 1.0))
    with pytest.raises(ExportError, match="frames of another export"):
        export(other, ExportSettings(folder), renderer=Painter())
    export(other, ExportSettings(folder, overwrite=True), renderer=Painter())
    assert len(list(folder.glob("frame_*.png"))) == 2


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_cancel_leaves_nothing_behind(tmp_path, requests, suffix):
    path = tmp_path / f"clip{suffix}"
    control = ExportControl()

    def stop(progress):
        control.cancel()

    before = threading.active_count()
    with pytest.raises(Cancelled):
        export(requests(50), ExportSettings(path), stop, control, Painter(seconds=0.005))
    assert not list(tmp_path.iterdir())
    assert threading.active_count() == before


def test_pause_and_resume(tmp_path, requests):
    control, seen = ExportControl(), []
    control.pause()
    painter = Painter()
    thread = threading.Thread(
        target=export,
        args=(
            requests(),
            ExportSettings(tmp_path / "a.gif", fps=25),
            seen.append,
            control,
            painter,
        ),
    )
    thread.start()
    time.sleep(0.1)
    assert control.paused
    assert not painter.rendered
    control.resume()
    thread.join(20)
    assert [progress.frame for progress in seen] == list(range(1, FRAMES + 1))
    assert seen[-1].seconds_left == 0
    assert seen[-1].picture.shape == (HEIGHT, WIDTH, 4)


def test_a_broken_renderer_cleans_up(tmp_path, requests):
    def broken(request):
        raise ValueError("no such preset")

    with pytest.raises(ValueError, match="no such preset"):
        export(requests(), ExportSettings(tmp_path / "a.mp4"), renderer=broken)
    assert not list(tmp_path.iterdir())


def test_the_encoder_reports_its_reason(tmp_path, requests):
    folder = tmp_path / "missing"
    with pytest.raises(ExportError, match=r"a\.mp4 could not be encoded: .*No such file"):
        export(requests(), ExportSettings(folder / "a.mp4"), renderer=Painter())


def test_rendering_and_encoding_overlap(tmp_path, requests, monkeypatch):
    """With both at 20 ms a frame, ten frames in a row would take 400 ms."""
    import render.export.encoders.png as png

    class Slow(png.PngSink):
        def write(self, index, images):
            time.sleep(0.02)

    slow = replace(png.ENCODER, open=Slow, shape="sequence")
    monkeypatch.setattr("render.export.job.encoder_for", lambda path: slow)
    painter = Painter(seconds=0.02)
    start = time.perf_counter()
    (tmp_path / "x").touch()
    settings = ExportSettings(tmp_path / "y")
    monkeypatch.setattr("render.export.job._size_of", lambda path: 0)
    export(requests(20), settings, renderer=painter)
    assert time.perf_counter() - start < 0.7


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("a.avi", {}, r"no extension that can be written \("),
        ("a.mp4", {"background": None}, "has no transparency"),
        ("a.png", {"frames": 3}, "holds one picture, not 3"),
        ("a.mp4", {"frames": 0}, "nothing to export"),
        ("a.mp4", {"width": 20_000}, "20000x64 is too large"),
    ],
)
def test_what_cannot_be_is_said_before_rendering(tmp_path, requests, name, changes, message):
    painter = Painter()
    with pytest.raises(ExportError, match=message):
        export(requests(**changes), ExportSettings(tmp_path / name), renderer=painter)
    assert not painter.rendered


def test_existing_files_need_permission(tmp_path, requests):
    path = tmp_path / "a.gif"
    path.write_text("mine")
    with pytest.raises(ExportError, match="exists"):
        export(requests(), ExportSettings(path), renderer=Painter())
    assert path.read_text() == "mine"
    export(requests(), ExportSettings(path, overwrite=True), renderer=Painter())
    assert path.read_bytes()[:3] == b"GIF"


def test_settings_are_checked(tmp_path):
    for wrong in ({"fps": 0}, {"quality": 101}, {"outputs": ("normal",)}, {"outputs": ()}):
        with pytest.raises(ExportError):
            ExportSettings(tmp_path, **wrong)


def test_estimate_scales_two_frames(tmp_path, requests):
    many = requests(8)
    guess = estimate(many, ExportSettings(tmp_path / "a.gif", fps=25), Painter(seconds=0.01))
    assert 0.04 < guess.seconds < 30
    assert guess.nbytes > 100
    assert not list(tmp_path.iterdir())


def test_encoders_have_words_and_unique_extensions():
    extensions = [e for encoder in encoders() for e in encoder.extensions]
    assert len(extensions) == len(set(extensions))
    assert {".mp4", ".webm", ".mov", ".gif", ".png"} == set(extensions)
    for encoder in encoders():
        assert encoder.good_for.endswith(".")
        if encoder.quality_note:
            assert encoder.quality_note(0) != encoder.quality_note(100)


def test_a_sequence_knows_its_scene_by_more_than_its_bounds(requests, scene, tmp_path):
    from render.export.job import fingerprint

    paler = replace(scene, opacities=scene.opacities * 0.5)
    settings = ExportSettings(tmp_path)
    first = requests(2)
    second = [replace(request, scene=paler) for request in first]
    assert fingerprint(first, settings) != fingerprint(second, settings)
    assert fingerprint(first, settings) == fingerprint(requests(2), settings)


def test_a_folder_has_no_extension(tmp_path):
    assert encoder_for(tmp_path / "frames").name == "sequence"


@pytest.mark.parametrize("background", [(0.1, 0.2, 0.3), None])
def test_real_frames_are_written_as_previewed(tmp_path, scene, background):
    from render.render import render

    camera = Camera.look_at((0, 0, -3), (0, 0, 0), width=80, height=60)
    request = RenderRequest(scene, camera, RenderSettings(background=background))
    export([request], ExportSettings(tmp_path / "a.png"))
    shown = render(request).rgba8
    written = iio.imread(tmp_path / "a.png")
    np.testing.assert_array_equal(written, shown[..., : written.shape[-1]])
