"""DESIGN's import rules hold here, and each of them catches a violation planted in a copy of the tree."""

import configparser
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("config", "crypto", "edms", "mailgw", "migrations")
LINT = Path(sys.executable).with_name("lint-imports")

# High to low; the members of a row may not see each other.
FEATURES = (
    ("commands",), ("demo",), ("app",), ("wiring", "models"),
    ("verification",), ("search", "tracking"), ("intake", "referrals", "records"), ("letters",),
    ("registry", "dispatch", "codes", "content"), ("accounts",), ("entities",), ("audit",), ("web",), ("core",),
)  # fmt: skip
INSIDE = (("views", "api", "commands"), ("forms",), ("service",), ("queries",), ("models",), ("rules",))

Plant = tuple[str, str, str]  # contract, module that breaks it, what it imports


def _upward(contract: str, prefix: str, rows: tuple[tuple[str, ...], ...]) -> Iterator[Plant]:
    """Yield an import from every row to the row above it, and between the first two members of a row."""
    for above, below in pairwise(rows):
        yield contract, f"{prefix}.{below[-1]}", f"{prefix}.{above[0]}"
    for row in rows:
        for left, right in pairwise(row):
            yield contract, f"{prefix}.{left}", f"{prefix}.{right}"
            yield contract, f"{prefix}.{right}", f"{prefix}.{left}"


PLANTS: tuple[Plant, ...] = (
    ("packages", "crypto.planted", "edms.core.errors"),
    ("packages", "crypto.planted", "mailgw.planted_too"),
    ("packages", "edms.core.planted", "mailgw.planted_too"),
    ("packages", "edms.letters.service", "migrations.env"),
    ("packages", "mailgw.planted", "migrations.env"),
    ("packages", "migrations.planted", "mailgw.planted_too"),
    ("crypto-alone", "crypto.planted", "config.settings"),
    ("crypto-alone", "crypto.planted", "edms.core.errors"),
    ("config-alone", "config.planted", "edms.core.errors"),
    ("config-alone", "config.planted", "crypto.errors"),
    ("config-readers", "edms.letters.service", "config.settings"),
    ("config-readers", "edms.demo.planted", "config.settings"),
    ("config-readers", "mailgw.relay", "config.settings"),
    ("config-readers", "migrations.planted", "config"),
    ("demo", "mailgw.planted", "edms.demo.planted_too"),
    ("demo", "edms.letters.service", "edms.demo.planted_too"),
    ("flask", "edms.core.planted", "flask"),
    ("flask", "edms.letters.service", "flask"),
    ("flask", "edms.letters.queries", "flask_babel"),
    ("flask", "edms.letters.models", "flask.helpers"),
    ("flask", "edms.letters.rules", "flask"),
    ("flask", "mailgw.planted", "flask"),
    ("flask", "crypto.planted", "flask"),
    ("pure", "crypto.planted", "sqlalchemy"),
    ("pure", "crypto.marks.planted", "aiosmtpd.smtp"),
    ("pure", "edms.letters.rules", "sqlalchemy.orm"),
    ("pure", "edms.letters.rules", "aiosmtpd"),
    *((contract, importer, imported) for contract, importer, imported in _upward("features", "edms", FEATURES)
      if "core" not in imported),
    *_upward("inside", "edms.letters", INSIDE),
)  # fmt: skip


def _contract_names() -> dict[str, str]:
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "setup.cfg", "utf-8")
    prefix = "importlinter:contract:"
    return {
        name.removeprefix(prefix): settings[name]["name"] for name in settings.sections() if name.startswith(prefix)
    }


NAMES = _contract_names()


class Tree:
    """A copy of the sources in which modules are planted and taken away again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._before: dict[Path, bytes | None] = {}

    def lint(self, contract: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [str(LINT), "--config", "setup.cfg", "--no-cache", "--no-logo"]
        chosen = ["--contract", contract] if contract else []
        return subprocess.run([*command, *chosen], cwd=self.root, capture_output=True, text=True, check=False)

    def write(self, module: str, text: str) -> None:
        """Add ``text`` to a module, which is made with its packages where it is missing."""
        *packages, _ = module.split(".")
        for depth in range(1, len(packages) + 1):
            self._add(self.root.joinpath(*packages[:depth], "__init__.py"), "")
        path = self.root.joinpath(*module.split("."))
        self._add(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"), text)

    def _add(self, path: Path, text: str) -> None:
        self._before.setdefault(path, path.read_bytes() if path.exists() else None)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")

    def restore(self) -> None:
        for path, content in self._before.items():
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
        self._before.clear()


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "setup.cfg", root)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            relative = path.relative_to(ROOT)
            if "node_modules" not in relative.parts:
                (root / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, root / relative)
    return root


@pytest.fixture
def tree(copied: Path) -> Iterator[Tree]:
    tree = Tree(copied)
    yield tree
    tree.restore()


def test_all_contracts_are_kept() -> None:
    done = Tree(ROOT).lint()
    assert done.returncode == 0, done.stdout + done.stderr


def _is_caught(tree: Tree, contract: str, importer: str) -> None:
    done = tree.lint(contract)
    report = done.stdout + done.stderr
    assert done.returncode == 1, report
    assert f"{NAMES[contract]} BROKEN" in report
    assert importer in report


@pytest.mark.parametrize(("contract", "importer", "imported"), PLANTS, ids=str)
def test_planted_import_is_caught(tree: Tree, contract: str, importer: str, imported: str) -> None:
    if imported.partition(".")[0] in PACKAGES:
        tree.write(imported, "")
    tree.write(importer, f"import {imported}")
    _is_caught(tree, contract, importer)


def test_import_inside_a_function_is_caught(tree: Tree) -> None:
    tree.write("edms.audit.rules", "def late():\n    from edms.audit import models")
    tree.write("edms.audit.models", "")
    _is_caught(tree, "inside", "edms.audit.rules")


def test_flask_behind_another_module_is_caught(tree: Tree) -> None:
    tree.write("edms.letters.planted", "import flask")
    tree.write("edms.letters.service", "import edms.letters.planted")
    _is_caught(tree, "flask", "edms.letters.planted")


@pytest.mark.parametrize("package", ["config", "crypto", "edms.core", "edms.letters", "mailgw"])
def test_cycle_is_caught(tree: Tree, package: str) -> None:
    tree.write(f"{package}.planted", f"import {package}.planted_too")
    tree.write(f"{package}.planted_too", f"def late():\n    import {package}.planted")
    _is_caught(tree, "cycles", "planted_too")


def test_feature_without_a_place_is_caught(tree: Tree) -> None:
    tree.write("edms.novelty.service", "")
    _is_caught(tree, "features", "edms.novelty")


def test_every_contract_has_a_plant() -> None:
    assert {contract for contract, _, _ in PLANTS} | {"cycles"} == set(NAMES)
