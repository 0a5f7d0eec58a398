"""Draws a checked SVG in a process of its own, with little time and memory, so that no picture can hurt the server."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

import fontpkg_amiri
import fontpkg_noto_serif
import resvg_py

_SECONDS: Final = 5
_MEMORY: Final = 1 << 30
_FONTS: Final = (
    Path(fontpkg_amiri.ROOT) / "files" / "Amiri-Regular.ttf",
    Path(fontpkg_amiri.ROOT) / "files" / "Amiri-Bold.ttf",
    Path(fontpkg_noto_serif.ROOT) / "files" / "NotoSerif[wdth,wght].ttf",
)


def draw(svg: str, side: int) -> bytes | None:
    """Return an SVG as PNG whose longer side is `side` pixels, or None for what cannot be drawn in five seconds."""
    command = [sys.executable, "-m", __name__, str(side)]
    try:
        done = subprocess.run(command, input=svg.encode(), capture_output=True, timeout=2 * _SECONDS, check=False)  # noqa: S603  # our own module, its input checked
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 and done.stdout else None


def _main() -> None:
    """Draw what stands on standard input."""
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    side = int(sys.argv[1])
    png = resvg_py.svg_to_bytes(
        svg_string=sys.stdin.buffer.read().decode(),
        width=side,
        height=side,
        skip_system_fonts=True,
        font_files=[str(path) for path in _FONTS],
        font_family="Amiri",
        serif_family="Noto Serif",
        sans_serif_family="Noto Serif",
    )
    sys.stdout.buffer.write(bytes(png))


if __name__ == "__main__":
    _main()
