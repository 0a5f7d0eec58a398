"""Attachments: any type, kept exactly; paths, bombs and what is over a limit refused."""

import io
import zipfile

import pytest

from edms.content import service as content
from edms.core.errors import Conflict, Invalid, NotFound
from edms.letters import queries, service
from edms.letters.attachments import Limits, clean_name, inspect, is_active, media_type
from tests.factories import letters as make
from tests.factories.world import World


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["../../x", "..\\..\\x", "/etc/passwd", "a/b.pdf", "..", ".", "", "  ", "a\nb", "a\0b"]
)
def test_paths_and_empty_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="attachment-bad-name"):
        clean_name(name)


def test_direction_marks_leave_the_name() -> None:
    assert clean_name(" كتاب\u202egpj.exe ") == "كتابgpj.exe"


def test_long_names_are_refused_by_their_bytes() -> None:
    assert clean_name("م" * 100) == "م" * 100
    with pytest.raises(Invalid, match="name-too-long"):
        clean_name("م" * 101)


@pytest.mark.parametrize(
    ("name", "active"), [("page.html", True), ("صورة.svg", True), ("a.js", True), ("a.pdf", False), ("a.xyz1", False)]
)
def test_active_types_are_known_by_the_ending(name: str, active: bool) -> None:
    assert is_active(media_type(name)) is active


def test_size_and_emptiness_are_checked() -> None:
    inspect("a.bin", b"x" * 1000, Limits())
    with pytest.raises(Invalid, match="attachment-empty"):
        inspect("a.bin", b"", Limits())
    with pytest.raises(Invalid, match="attachment-too-large"):
        inspect("a.bin", b"x" * ((1 << 20) + 1), Limits(attachment_mb=1))


def test_bombs_are_refused_plain_nested_and_by_count() -> None:
    zeros = b"\0" * (11 << 20)
    with pytest.raises(Invalid, match="attachment-bomb"):
        inspect("a.zip", zipped(("zeros", zeros)), Limits())
    with pytest.raises(Invalid, match="attachment-bomb"):
        inspect("a.docx", zipped(("inner.zip", zipped(("zeros", zeros)))), Limits())
    deep = b"x"
    for _ in range(5):
        deep = zipped(("deeper.zip", deep))
    with pytest.raises(Invalid, match="attachment-bomb"):
        inspect("deep.zip", deep, Limits())
    with pytest.raises(Invalid, match="attachment-bomb"):
        inspect("many.zip", zipped(*((str(n), b"") for n in range(10_001))), Limits())


def test_ordinary_and_broken_archives_pass() -> None:
    inspect("a.zip", zipped(("كشف.txt", "سطر\n".encode() * 1000)), Limits())
    inspect("a.zip", b"PK\x03\x04 not an archive", Limits())


def test_attachment_comes_back_byte_for_byte(world: World) -> None:
    data = bytes(range(256)) * 300
    letter_id = make.drafted(world, files={"بيانات.bin": data})
    with world.database.read(world.actor("a", "employee")) as uow:
        found = queries.attachments(uow, letter_id)[0]
        assert (found.name, found.size) == ("بيانات.bin", len(data))
        kept = content.read(uow, found.file_id, entity_id=world.entity_a.id, store=world.store, keys=world.keyring)
        assert kept == data


def test_letter_limits_hold(world: World) -> None:
    letter_id = make.drafted(world, files={"a.txt": b"x" * 600_000})
    small = Limits(attachment_mb=1, letter_mb=1, count=2)
    wanted = [("a.txt", b"y", "name-taken"), ("b.txt", b"y" * 600_000, "attachments-too-large"),
              ("../../x", b"y", "bad-name")]  # fmt: skip
    for name, data, code in wanted:
        with pytest.raises(Invalid, match=code), world.database.work(world.actor("a", "employee")) as uow:
            service.attach(uow, letter_id, name, data, limits=small, store=world.store, keys=world.keyring)
    single = Limits(count=1)
    with pytest.raises(Invalid, match="too-many"), world.database.work(world.actor("a", "employee")) as uow:
        service.attach(uow, letter_id, "b.txt", b"y", limits=single, store=world.store, keys=world.keyring)
    with world.database.read(world.actor("a", "employee")) as uow:
        assert [each.name for each in queries.attachments(uow, letter_id)] == ["a.txt"]


def test_detach_takes_only_the_letters_own_file_and_only_from_a_draft(world: World) -> None:
    first, second = make.drafted(world, files={"a.txt": b"a"}), make.drafted(world, files={"b.txt": b"b"})
    employee = world.actor("a", "employee")
    with world.database.read(employee) as uow:
        other = queries.attachments(uow, second)[0].id
    with pytest.raises(NotFound), world.database.work(employee) as uow:
        service.detach(uow, first, other)
    with world.database.work(employee) as uow:
        service.detach(uow, second, other)
        assert queries.attachments(uow, second) == []
    with world.database.work(employee) as uow:
        service.submit(uow, first)
    with pytest.raises(Conflict, match="not-a-draft"), world.database.work(employee) as uow:
        service.detach(uow, first, queries.attachments(uow, first)[0].id)
