"""Reserved letters as readers, officers and the office meet them: on the pages and the command line."""

import io
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from edms.content import service as content
from edms.core.errors import Invalid
from edms.custody import queries, reserving
from edms.custody.reading_keys import keep_escrow, make_key
from edms.dispatch.models import OutboxItem
from edms.intake.models import ReceivedMessage
from edms.letters.models import Letter
from edms.letters.rules import Sensitivity
from edms.operation.every_keys_command import keys as keys_command
from tests.custody.readers import (
    OFFICER,
    PHRASES,
    SECRET,
    key_of,
    opened,
    person,
    reserve,
    shredder,
    top_secret,
)
from tests.factories.issued import issued_letter
from tests.factories.letters import issue, receive, signed
from tests.factories.pages import make_app, post, sign_in
from tests.factories.world import OPERATOR, PASSWORD, PIN, World
from tests.verification.leaks import traced


def test_a_letter_that_came_by_mail_is_sealed_with_its_mail_and_attachments(world: World) -> None:
    made = receive(world, issue(world, signed(
        world, by=person(world, "head"), sensitivity=Sensitivity.TOP_SECRET, files={"خريطة.csv": b"1,2\n"}
    )).letter_id)  # fmt: skip
    reader = world.actor("b", "head")
    make_key(world.database, reader, PASSWORD, PHRASES["head"], PHRASES["head"])
    with world.database.work(world.actor("b", "administrator")) as uow:
        keep_escrow(uow, world.entity_b.id, OFFICER[0])
    with world.database.work(OPERATOR) as uow:
        uow.session.execute(update(OutboxItem).values(state="delivered"))
        body = uow.session.get_one(Letter, made).entity_id
        raw = content.put(
            uow, b"Subject: x\r\n\r\n", kind="mail", entities=[body], store=world.store, keys=world.keyring
        )
        message = ReceivedMessage(
            entity_id=body, key=b"k" * 32, kind="letter", state="registered", sender_id=world.entity_a.id,
            raw_file_id=raw.id, raw_hash=b"h" * 32, received_at=uow.now, peer="127.0.0.1", letter_id=made,
        )  # fmt: skip
        message.meta = {}
        uow.session.add(message)
    with world.database.read(reader) as uow:
        key = queries.own_key(uow)
        assert key is not None
    reserving.reserve(shredder(world), reader, made, [key.id])
    found = reserving.open_letter(
        world.database, reader, made, PHRASES["head"], store=world.store, keys=world.keyring, part="message"
    )
    assert found.message == b"Subject: x\r\n\r\n"
    assert [(one.name, one.data) for one in found.attachments] == [("خريطة.csv", b"1,2\n")]
    client, page = sign_in(make_app(world), world.logins["b", "head"]), f"/letters/{made}"
    listed = client.get(f"{page}/reserved").text
    assert "خريطة" not in listed
    assert 'value="message"' in listed
    for part, data in (("message", b"Subject: x\r\n\r\n"), (found.attachments[0].id, b"1,2\n")):
        got = post(client, f"{page}/reserved", {"part": part, "passphrase": PHRASES["head"]})
        assert got.data == data
        assert got.headers["Content-Disposition"].startswith("attachment")
    unknown = post(client, f"{page}/reserved", {"part": "0" * 32, "passphrase": PHRASES["head"]})
    assert unknown.status_code == 404


def test_the_escrow_key_on_the_command_line(world: World, tmp_path: Path) -> None:
    officer, file = OFFICER
    for name, text in (("public", officer.text()), ("private", file), ("phrase", "a passphrase of the officer\n")):
        (tmp_path / name).write_text(text, "utf-8")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(keys_command, ["escrow", *arguments], obj=world.parts)

    done = run("set", str(tmp_path / "public"), "--as", world.logins["a", "administrator"])
    assert officer.fingerprint in done.output
    letter = top_secret(world)
    reserve(world, letter)
    given = (
        "give", letter.document_code, str(tmp_path / "private"), "--as", world.logins["a", "head"],
        "--passphrase-file", str(tmp_path / "phrase"), "--to",
    )  # fmt: skip
    assert "has no reading key" in run(*given, world.logins["a", "employee"]).output
    assert run(*given, world.logins["a", "registry"]).exit_code == 0
    assert opened(world, "registry", letter)[0] == SECRET


def test_on_the_pages_it_is_reserved_opened_given_and_its_leak_is_named(world: World) -> None:
    letter = top_secret(world)
    with world.database.work(OPERATOR) as uow:
        receipt = ReceivedMessage(
            entity_id=world.entity_a.id, key=b"r" * 32, kind="receipt", state="attached", sender_id=world.entity_b.id,
            raw_file_id=uow.session.get_one(Letter, letter.id).rendition_id, raw_hash=b"h" * 32, received_at=uow.now,
            peer="127.0.0.1", letter_id=letter.id,
        )  # fmt: skip
        receipt.meta = {}
        uow.session.add(receipt)
    head = sign_in(make_app(world), world.logins["a", "head"])
    page = f"/letters/{letter.id}"
    assert f'href="{page}/reserve"' in head.get(page).text
    sent = {"readers": str(key_of(world, "head"))}
    unsure = post(head, f"{page}/reserve", sent, form=f"{page}/reserve")
    assert unsure.status_code == 422
    assert "checked" in unsure.text
    done = post(head, f"{page}/reserve", {**sent, "sure": "1", "step_up": PIN}, form=f"{page}/reserve")
    assert (done.status_code, done.location) == (303, f"{page}/reserved")
    assert 'value="message"' not in head.get(f"{page}/reserved").text, "a receipt is not the mail as it came"
    outside = head.get(page).text
    assert SECRET not in outside
    assert f'href="{page}/reserved"' in outside
    assert "print.pdf" not in outside
    assert "كتاب محصور القراءة" in head.get("/outgoing").text
    wrong = post(head, f"{page}/reserved", {"part": "pages", "passphrase": "ليست هي قطعاً"})
    assert wrong.status_code == 422
    assert SECRET not in wrong.text
    inside = post(head, f"{page}/reserved", {"part": "pages", "passphrase": PHRASES["head"]})
    assert inside.status_code == 200
    assert inside.headers["Cache-Control"] == "no-store"
    assert SECRET in inside.text
    assert inside.text.count("data:image/png;base64,") == 1
    sheet = post(head, f"{page}/reserved", {"part": "sheet", "passphrase": PHRASES["head"]})
    assert sheet.data.startswith(b"%PDF-")
    assert sheet.data != letter.pdf
    (named,) = traced(world, OPERATOR, sheet.data).named
    assert named.employee_code == person(world, "head").employee_code
    given = post(head, f"{page}/readers", {"reader": str(key_of(world, "registry")), "passphrase": PHRASES["head"]})
    assert given.status_code == 303
    office = sign_in(make_app(world), world.logins["a", "registry"])
    shown = post(office, f"{page}/reserved", {"part": "pages", "passphrase": PHRASES["registry"]})
    assert SECRET in shown.text
    for path in ("/print.pdf", "/copy.pdf", "/pages/1.png"):
        assert head.get(page + path).status_code == 404


def test_the_page_of_the_reading_key(world: World) -> None:
    clerk = sign_in(make_app(world), world.logins["a", "employee"])
    phrase = "عبارة موظف لا يطلع عليه"
    fields = {"old": PASSWORD, "passphrase": phrase, "again": phrase}
    wrong = post(clerk, "/account/reading-key", {**fields, "old": "no"}, form="/account/reading-key")
    assert wrong.status_code == 422
    assert phrase not in wrong.text
    done = post(clerk, "/account/reading-key", fields, form="/account/reading-key")
    assert done.status_code == 303
    with world.database.read(world.actor("a", "employee")) as uow:
        assert queries.own_key(uow) is not None
    assert io.StringIO(clerk.get("/account/reading-key").text).read().count("btn-danger") == 1


def test_a_letter_on_its_way_is_refused_in_words_and_the_readers_stay_ticked(world: World) -> None:
    letter = issued_letter(world, subject=SECRET, sensitivity=Sensitivity.TOP_SECRET)
    head, page = sign_in(make_app(world), world.logins["a", "head"]), f"/letters/{letter.id}/reserve"
    refused = post(head, page, {"readers": str(key_of(world, "head")), "sure": "1"}, form=page)
    assert refused.status_code == 409
    assert "ما زال الكتاب في طريقه" in refused.text
    assert f'value="{key_of(world, "head")}" checked' in refused.text
    assert SECRET in head.get(f"/letters/{letter.id}").text


def test_a_broken_sheet_shows_its_words_and_strange_fields_are_no_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = top_secret(world)
    reserve(world, letter)

    def broken(_pdf: bytes) -> int:
        raise Invalid("letters.not-a-pdf")

    monkeypatch.setattr("edms.letters.copies.page_count_apart", broken)
    head, page = sign_in(make_app(world), world.logins["a", "head"]), f"/letters/{letter.id}"
    opened_page = post(head, f"{page}/reserved", {"part": "pages", "passphrase": PHRASES["head"]})
    assert opened_page.status_code == 200
    assert "تعذّر رسم صفحات هذا الكتاب" in opened_page.text
    two = {"reader": [str(key_of(world, "head"))] * 2, "passphrase": PHRASES["head"]}
    assert post(head, f"{page}/readers", two).status_code == 409
    for strange in ({}, {"reader": "x"}, {"reader": "", "passphrase": "ن" * 5000}):
        assert post(head, f"{page}/readers", strange).status_code == 422
