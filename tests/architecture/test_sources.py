"""What every source file keeps: size, purpose, texts in the catalogues, nothing of this machine."""

import ast
import configparser
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from statistics import median

import pytest

from edms.web.catalogues import missing

ROOT = Path(__file__).parents[2]
PACKAGES = ("config", "crypto", "edms", "mailgw", "migrations")
ARABIC_WORD = re.compile("[\u0621-\u064a]{2,}")
ARABIC_PLACES = ("edms/core/arabic.py", "edms/core/calendar.py", "edms/letters/rendition/", "edms/demo/")
# Names that only a developer's machine knows. Spelled in pieces, so that this file does not contain them.
MACHINE_WORDS = ("/" + "work/", "/tmp/" + "diwan/", "/" + "root/", "/opt/" + "pypi", "files." + "pythonhosted.org",
                 "pypi." + "org/simple", "registry." + "npmjs.org", "deb." + "debian.org")  # fmt: skip
TEXT_FILES = {
    ".py",
    ".cfg",
    ".toml",
    ".md",
    ".html",
    ".css",
    ".js",
    ".json",
    ".po",
    ".txt",
    ".lock",
    ".ini",
    ".mako",
    "",
}


@cache
def _tracked() -> tuple[Path, ...]:
    """Every file that git knows or would add, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return tuple(path for name in sorted(filter(None, names)) if (ROOT / (path := Path(name))).is_file())


def _sources(*packages: str) -> list[Path]:
    chosen = packages or PACKAGES
    return [
        path
        for path in _tracked()
        if path.suffix == ".py" and (path.parts[0] in chosen or str(path) == "wsgi.py") and "versions" not in path.parts
    ]


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"))


def _lines(path: Path) -> int:
    return len((ROOT / path).read_text("utf-8").splitlines())


def _docstrings(tree: ast.Module) -> set[int]:
    """The ids of the constants that are docstrings."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, owners) and node.body and isinstance(node.body[0], ast.Expr)
    }


def test_no_file_is_over_400_lines() -> None:
    every = [path for path in _tracked() if path.suffix == ".py" and "versions" not in path.parts]
    assert [f"{path}: {_lines(path)}" for path in every if _lines(path) > 400] == []


def test_half_of_the_sources_are_under_120_lines() -> None:
    assert median(_lines(path) for path in _sources() if path.name != "__init__.py") <= 120


def test_every_module_says_its_purpose() -> None:
    silent = [str(path) for path in _sources() if (ROOT / path).stat().st_size and not ast.get_docstring(_parsed(path))]
    assert silent == []


def test_purpose_is_one_sentence_on_the_first_line() -> None:
    first_lines = {str(path): (ast.get_docstring(_parsed(path)) or ".").splitlines()[0] for path in _sources()}
    assert [
        f"{path}: {line}" for path, line in first_lines.items() if not line.rstrip().endswith((".", ":", "…"))
    ] == []


def test_nothing_prints() -> None:
    printing = [
        f"{path}:{node.lineno}"
        for path in _sources()
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_arabic_words_stand_only_where_they_belong() -> None:
    strayed = []
    for path in _sources():
        if str(path).startswith(ARABIC_PLACES):
            continue
        tree = _parsed(path)
        docstrings = _docstrings(tree)
        strayed += [
            f"{path}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and ARABIC_WORD.search(node.value)
        ]
    assert strayed == []


def test_templates_of_pages_hold_no_arabic() -> None:
    pages = [path for path in _tracked() if path.suffix == ".html" and "rendition" not in path.parts]
    assert [str(path) for path in pages if ARABIC_WORD.search((ROOT / path).read_text("utf-8"))] == []


@pytest.mark.parametrize("locale", ["ar", "en"])
def test_every_text_in_use_is_in_the_catalogues(locale: str) -> None:
    assert missing("ar" if locale == "ar" else "en") == []


def test_nothing_names_a_developers_machine() -> None:
    found = []
    for path in _tracked():
        if path.suffix not in TEXT_FILES or path.name == "package-lock.json":
            continue
        text = (ROOT / path).read_bytes().decode("utf-8", errors="replace")
        found += [f"{path}: {word}" for word in MACHINE_WORDS if word in text]
    assert found == []


def test_commits_belong_to_the_unit_of_work() -> None:
    committing = [
        f"{path}:{node.lineno}"
        for path in _sources("edms", "mailgw")
        if str(path) != "edms/core/database.py"
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
        and not node.args and "session" in ast.unparse(node.func.value)
    ]  # fmt: skip
    assert committing == []


def test_relationships_point_down_and_load_nothing_by_themselves() -> None:
    calls = [
        (f"{path}:{node.lineno}", {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords})
        for path in _sources("edms")
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "relationship"
    ]
    assert [place for place, given in calls if "backref" in given or given.get("lazy") != "'raise'"] == []


def test_locks_pin_with_hashes_and_name_no_index() -> None:
    pins = {}
    for name in ("run", "test"):
        text = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
        assert not re.search(r"^\s*(-|[^#\s].*(://|@ ))", text.replace("    --hash=", "    hash="), re.MULTILINE)
        requirements = re.findall(r"^([a-z0-9][\w.-]*==\S+).*\\\n +--hash=sha256:", text, re.MULTILINE)
        assert len(requirements) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))
        pins[name] = set(requirements)
    assert pins["run"] < pins["test"]


def _imports(path: Path) -> set[str]:
    """The top-level names that a module imports, at any depth."""
    found = set()
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _declared() -> set[str]:
    """The names of the distributions that setup.cfg asks for at run time."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(ROOT / "setup.cfg", "utf-8")
    lines = settings["options"]["install_requires"].splitlines()
    return {match[0].lower() for line in lines if (match := re.match(r"[\w.-]+", line.strip()))}


def test_every_package_in_use_is_declared() -> None:
    known, declared = packages_distributions(), _declared()
    undeclared = {
        f"{path}: {name}"
        for path in _sources()
        for name in _imports(path) - set(PACKAGES) - sys.stdlib_module_names
        if not declared & {distribution.lower().replace("_", "-") for distribution in known.get(name, [])}
    }
    assert undeclared == set()
