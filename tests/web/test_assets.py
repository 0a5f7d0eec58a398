import gzip
import json
import re
from pathlib import Path

from flask.testing import FlaskClient

from edms.web.assets import build
from edms.web.assets_url import STATIC, asset

SHEET = (STATIC / "css" / "app.css").read_text("utf-8")


def test_the_style_sheet_is_small_and_knows_no_left_or_right() -> None:
    assert len(gzip.compress(SHEET.encode(), mtime=0)) <= 12 * 1024
    rules = re.sub(r"/\*.*?\*/", "", SHEET, flags=re.DOTALL)
    physical = r"(?<![\w-])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)|left|right)\s*:"
    assert not re.findall(physical, rules)
    assert not re.findall(r":\s*(?:left|right)\b|url\(\s*[\"']?(?:https?:)?//", rules)
    assert "prefers-reduced-motion" in rules
    assert "@media print" in rules


def test_the_lock_pins_every_package_by_digest_and_names_no_address() -> None:
    lock = json.loads((build.HERE / "package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name
    wanted = json.loads((build.HERE / "package.json").read_text("utf-8"))
    for version in (*wanted["dependencies"].values(), *wanted["devDependencies"].values()):
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_the_stamp_follows_every_input(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for name in ("package.json", "package-lock.json", "build.py", "src/app.js"):
        (tmp_path / name).write_text(name)
    before = build.inputs_digest(tmp_path)
    assert before == build.inputs_digest(tmp_path)
    (tmp_path / "src/app.js").write_text("other")
    assert before != build.inputs_digest(tmp_path)


def test_static_files_are_packed_and_answered_304_when_known(clerk: FlaskClient) -> None:
    address = asset("css/app.css")
    packed = clerk.get(address, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.data).decode() == SHEET
    assert clerk.get(address).text == SHEET
    again = clerk.get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_hidden_files_and_folders_are_not_served(clerk: FlaskClient) -> None:
    for path in ("/static/built/.stamp", "/static/css", "/static/%2e%2e/shell.py", "/static/..%2fshell.py"):
        assert clerk.get(path).status_code == 404
