"""Every architecture learns from every other one, for a short while.

``python -m tests.bench.distillation [--form image|distance|radiance] [--steps N]
[--teacher-steps N] [--encodings hash dense ...]`` prints PSNR of students to teachers, dB.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from app.cli.console import print_table
from render.fitting.architectures import ENCODINGS
from render.fitting.distance import DistanceFit, distance_field
from render.fitting.distill import distill, likeness
from render.fitting.fit import Fit
from render.fitting.image import ImageFit
from render.fitting.loop import run
from render.fitting.radiance import RadianceFit
from tests.data import shared_folder
from tests.render.fitting_inputs import octahedron, sphere_views

CHOSEN = tuple(name for name in ENCODINGS if name != "siren")


def teacher_of(form: str, encoding: str, folder: Path) -> Fit:
    """A small fit of a real picture, an octahedron or views of a sphere."""
    match form:
        case "image":
            picture = shared_folder("data") / "images/kodim08.png"
            return ImageFit.of_file(picture, encoding, "small")
        case "distance":
            surface = octahedron()
            field = distance_field(surface.lower, surface.side, encoding, "small")
            return DistanceFit(field, surface, samples=1 << 16, batch=1 << 12)
        case _:
            return RadianceFit.of_file(sphere_views(folder, 12, 48), encoding, "small")


def main() -> None:
    """Fit the teachers, then their students, and print the matrix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", choices=("image", "distance", "radiance"), default="image")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--teacher-steps", type=int, default=200)
    parser.add_argument("--encodings", nargs="+", choices=ENCODINGS, default=CHOSEN)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.encodings:
            fit = teacher_of(arguments.form, name, Path(folder))
            run(fit, steps=arguments.teacher_steps)
            scene = fit.scene()
            row = [name, f"{scene.count:,}", f"{fit.psnr:.1f}"]
            for student_name in arguments.encodings:
                if student_name == name:
                    row.append("-")
                    continue
                started = time.process_time()
                student = distill(scene, student_name, "small")
                run(student, steps=arguments.steps)
                took = time.process_time() - started
                row.append(f"{likeness(student):.1f}")
                print(f"{name} to {student_name}: {row[-1]} dB, {took:.1f} s of processors")
            rows.append(row)
    print_table(["teacher", "parameters", "to truth", *arguments.encodings], rows)


if __name__ == "__main__":
    main()
