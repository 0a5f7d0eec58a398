"""``diwan verify``, ``diwan copy``, ``diwan trace`` and ``diwan track`` in their stable shapes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from crypto.codes import format_code
from edms.core.errors import EdmsError, Invalid, NotFound
from edms.tracking.commands import track
from edms.verification.commands import copy, verify
from edms.verification.leak_rules import HIDDEN
from edms.verification.trace_command import CANNOT_TELL, trace
from tests.factories.issued import IssuedLetter, downloaded_copy
from tests.factories.world import World

Run = Callable[..., Any]


@pytest.fixture
def run(world: World) -> Run:
    def call(command: click.Command, *arguments: object, status: int = 0) -> Any:
        done = CliRunner().invoke(command, [*map(str, arguments), "--json"], obj=world.parts)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == status
        return json.loads(done.stdout)

    return call


def test_verify_takes_a_code_of_either_kind_or_a_file(run: Run, letter: IssuedLetter, tmp_path: Path) -> None:
    file = tmp_path / "كتاب.pdf"
    file.write_bytes(letter.pdf)
    for what in (letter.verification_code, format_code(letter.document_code), file):
        value = run(verify, what)
        assert (value["verdict"], value["document_code"]) == ("authentic", letter.document_code)
    file.write_bytes(letter.pdf + b" ")
    assert run(verify, file)["verdict"] == "altered"
    assert run(verify, "0" * 20)["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("what", "code"),
    [("هراء", "bad-code"), ("1000012600000001", "bad-code"), ("missing.pdf", "no-such-file")],
)
def test_verify_refuses_what_is_no_code(run: Run, what: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        run(verify, what)
    assert caught.value.code == f"verification.{code}"


def test_a_copy_is_written_and_traced_back(run: Run, world: World, letter: IssuedLetter, tmp_path: Path) -> None:
    file = tmp_path / "copy.pdf"
    who = world.actor("a", "colleague")
    made = run(copy, letter.document_code, "--as", who.employee_code, "-o", file)
    assert made == {
        "copy_code": made["copy_code"], "document_code": letter.document_code, "entity": world.entity_a.code,
        "employee": who.employee_code,
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["copy.pdf"]
    traced = run(trace, file, "--evidence", tmp_path / "drawn")
    assert traced["verdict"] == "traced"
    (found,) = traced["copies"]
    assert (found["copy_code"], found["entity"], found["employee"]) == (
        made["copy_code"], world.entity_a.code, who.employee_code,
    )  # fmt: skip
    assert "visible" in found["layers"]
    assert HIDDEN & set(found["layers"])
    assert 0 < found["false_accusation_probability"] <= 1e-9
    assert found["pictures"] == [{"file": str(file), "page": 1}]
    assert [path.suffix for path in (tmp_path / "drawn").iterdir()] == [".webp"]
    file.write_bytes(letter.pdf)
    told = run(trace, file, status=CANNOT_TELL)
    assert (told["verdict"], told["copies"], told["unreadable"]) == ("cannot-tell", [], [])
    assert told["pictures"][0]["help"] == ["leaks.help-original-file"]


def test_tracing_is_told_in_words_and_refuses_what_cannot_be_read(
    world: World, letter: IssuedLetter, tmp_path: Path
) -> None:
    file = tmp_path / "copy.pdf"
    file.write_bytes(downloaded_copy(world, letter, ("a", "employee"))[0])
    said = CliRunner().invoke(trace, [str(file)], obj=world.parts).stdout
    assert "Less than one in a " in said
    assert world.actor("a", "employee").employee_code in said
    file.write_bytes(b"nothing")
    with pytest.raises(Invalid) as caught:
        CliRunner().invoke(trace, [str(file)], obj=world.parts, catch_exceptions=False)
    assert caught.value.code == "leaks.unreadable"


def test_a_copy_of_another_bodys_letter_is_not_written(
    run: Run, world: World, letter: IssuedLetter, tmp_path: Path
) -> None:
    for code in (letter.document_code, "100001269999999951"):
        with pytest.raises((NotFound, Invalid)):
            run(copy, code, "--as", world.logins["b", "head"], "-o", tmp_path / "copy.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_into_a_missing_folder_is_refused(run: Run, world: World, letter: IssuedLetter, tmp_path: Path) -> None:
    with pytest.raises(EdmsError) as caught:
        run(copy, letter.document_code, "--as", world.logins["a", "head"], "-o", tmp_path / "no" / "copy.pdf")
    assert caught.value.code == "verification.cannot-write"


def test_track_tells_the_way(run: Run, world: World, letter: IssuedLetter) -> None:
    value = run(track, format_code(letter.document_code), "--as", world.logins["a", "registry"])
    assert (value["document_code"], value["number"], value["state"]) == (letter.document_code, letter.number, "issued")
    assert [each["entity"] for each in value["recipients"]] == [world.entity_b.code]
    with pytest.raises(NotFound):
        run(track, letter.document_code, "--as", world.logins["b", "registry"])
