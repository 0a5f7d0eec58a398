"""DESIGN §4 row by row through the command line, over two installations and real SMTP."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.conftest import Two
from tests.journeys.installation import Installation, until
from tests.shared_data import official_texts

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]
FACTS = ("taken", "delivered", "opened", "registered", "settled")
ATTACHMENT = "جدول الكميات المطلوبة لعام ٢٠٢٦.csv"


def letter(two: Two, *, to: str, subject: str, text: str, **more: str) -> dict[str, Any]:
    """Draft, sign and issue a letter of the ministry of health; returns what ``letter issue`` told."""
    options = [part for name, value in more.items() for part in (f"--{name}", value)]
    drafted = two.north.json(
        "letter", "draft", "--as", "employee.moh", "--to", two.codes[to], "--subject", subject, "--body-file", "-",
        *options, stdin=text,
    )  # fmt: skip
    assert drafted["state"] == "submitted"
    assert two.north.json("letter", "sign", drafted["id"], "--as", "head.moh")["state"] == "signed"
    issued: dict[str, Any] = two.north.json("letter", "issue", drafted["id"], "--as", "registry.moh")
    return issued


def recipient(installation: Installation, code: str, entity: str) -> dict[str, Any]:
    told = installation.json("track", code, "--as", "registry.moh")
    (found,) = [each for each in told["recipients"] if each["entity"] == entity]
    return dict(found)


def test_a_letter_lives_its_whole_life(two: Two, tmp_path: Path) -> None:
    north, south, codes = two.north, two.south, two.codes
    text = official_texts(1)[0][:4_000]
    attached = tmp_path / ATTACHMENT
    attached.write_text("المادة,العدد\nسرير,٤٠\n", "utf-8")
    for installation in (south, north):
        installation.start("gateway", "relay", "worker")

    # compose, sign, issue: numbered, sealed, in the outbox
    issued = letter(two, to="moe", subject="تجهيز المدارس بالمستلزمات الصحية", text=text,
                    attach=str(attached), cc=f"{codes['mof']}=للعلم", precedence="urgent")  # fmt: skip
    code = issued["document_code"]
    assert issued["number"].endswith("/1")
    assert re.fullmatch(r"14\d\d-\d\d-\d\d", issued["hijri"])
    shown = north.json("letter", "show", code, "--as", "employee.moh")
    assert [each["name"] for each in shown["attachments"]] == [ATTACHMENT]
    assert [(each["entity"], each["role"]) for each in shown["addressees"]] == [
        (codes["moe"], "to"), (codes["mof"], "cc")
    ]  # fmt: skip

    # over SMTP, registered by rule in both bodies, the far number comes back
    for entity in ("moe", "mof"):
        until(lambda entity=entity: recipient(north, code, codes[entity])["registered"], f"{entity} registered")  # type: ignore[misc]
    far = recipient(north, code, codes["moe"])
    incoming = south.json("letter", "list", "--as", "registry.moe", "--direction", "incoming")
    assert [(each["document_code"], each["number"], each["state"]) for each in incoming] == [
        (code, issued["number"], "registered")
    ]
    assert far["far_number"] == incoming[0]["register_number"]
    assert south.json("register", "show", "--entity", codes["moe"], "--direction", "incoming")[0]["number"] == 1
    assert south.json("letter", "list", "--as", "registry.mop") == []  # another body of the same installation

    # found by its words, numbers and code; only by those who may see it
    word = text.split()[5]
    for query in (f"المدارس {word}", "تجهيز المستلزمات", code, issued["number"]):
        hit = until(lambda query=query: south.json("search", query, "--as", "employee.moe"), f"found: {query}")  # type: ignore[misc]
        assert [each["document_code"] for each in hit] == [code], query
    assert south.json("search", "المدارس", "--as", "employee.mop") == []
    assert "not" in south.refused("letter", "show", code, "--as", "head.mop")
    nothing = south.refused("letter", "show", "1" * 18, "--as", "head.mop")
    assert "Traceback" not in nothing

    # a coded copy of one person, traced back; the sealed original verified; a changed one found out
    copy = south.json("copy", code, "--as", "employee.moe", "-o", tmp_path / "copy.pdf")
    assert (copy["document_code"], copy["entity"]) == (code, codes["moe"])
    traced = south.json("trace", tmp_path / "copy.pdf")
    assert traced["verdict"] == "traced"
    assert [(each["copy_code"], each["employee"]) for each in traced["copies"]] == [
        (copy["copy_code"], copy["employee"])
    ]
    north.diwan("letter", "export", code, "-o", tmp_path / "original.pdf")
    south.diwan("letter", "export", code, "-o", tmp_path / "received.pdf")
    original = (tmp_path / "original.pdf").read_bytes()
    assert (tmp_path / "received.pdf").read_bytes() == original  # byte for byte over SMTP
    for installation in (north, south):
        assert installation.json("verify", tmp_path / "original.pdf")["verdict"] == "authentic"
    assert north.json("verify", issued["verification_code"])["document_code"] == code
    changed = tmp_path / "changed.pdf"
    changed.write_bytes(original.replace(b"/Type /Page", b"/Type /Pagf", 1) + b"\n% more\n")
    assert north.json("verify", changed)["verdict"] in {"altered", "unknown"}

    # the answer settles the letter on both sides
    reply = south.json(
        "letter", "draft", "--as", "employee.moe", "--to", codes["moh"], "--kind", "reply", "--subject",
        "جواب كتابكم", "--reference", code, "--body", "تم استلام المواد كاملة، مع التقدير.",
    )  # fmt: skip
    south.json("letter", "sign", reply["id"], "--as", "head.moe")
    answered = south.json("letter", "issue", reply["id"], "--as", "registry.moe")
    assert south.json("letter", "show", code, "--as", "registry.moe")["state"] == "settled"
    until(lambda: all(recipient(north, code, codes["moe"])[fact] for fact in FACTS), "all five facts in the north")
    assert (
        north.json("letter", "list", "--as", "registry.moh", "--direction", "incoming")[0]["document_code"]
        == answered["document_code"]
    )

    # a void letter keeps its number, on both sides
    second = letter(two, to="mop", subject="كتاب يُلغى", text="يُلغى هذا الكتاب.")
    until(lambda: recipient(north, second["document_code"], codes["mop"])["registered"], "second registered")
    north.diwan("letter", "void", second["document_code"], "--reason", "خطأ في الاسم", "--as", "head.moh")
    until(lambda: south.json("letter", "list", "--as", "registry.mop")[0]["state"] == "void", "void in the south")
    assert north.json("verify", second["verification_code"])["verdict"] == "void"
    entries = north.json("register", "show", "--entity", codes["moh"])
    assert [(each["number"], each["void"]) for each in entries] == [(1, False), (2, True)]


@pytest.mark.parametrize("two", ["sqlite"], indirect=True)
def test_what_is_wrong_is_said_in_one_line_and_changes_nothing(two: Two, tmp_path: Path) -> None:
    north, codes = two.north, two.codes
    draft = ("letter", "draft", "--as", "employee.moh", "--body", "نص")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("key,name,weight\nx,y,z\n", "utf-8")
    twice = (north.folder / "bodies.csv").read_text("utf-8")
    again = tmp_path / "again.csv"
    again.write_text(twice, "utf-8")
    notpdf = tmp_path / "letter.pdf"
    notpdf.write_bytes(b"this is no PDF")
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(26 << 20))
    moe = codes["moe"]
    swapped = moe[:5] + moe[6] + moe[5] + moe[7:]
    before = north.rows("SELECT count(*) FROM letters"), north.rows("SELECT count(*) FROM entities")
    lines = [
        north.refused(*draft, "--to", "99999999", "--subject", "م"),
        north.refused(*draft, "--to", codes["moh"], "--subject", "م"),
        north.refused(*draft, "--to", codes["moe"], "--subject", "  "),
        north.refused(*draft, "--to", swapped, "--subject", "م"),
        north.refused(*draft, "--to", codes["moe"], "--subject", "م", "--attach", str(big)),
        north.refused("entity", "import", wrong),
        north.refused("entity", "import", again),
        north.refused("search", "ب" * 10_240, "--as", "employee.moh"),
        north.refused("track", "100000261234567890"),
        north.refused("copy", "1" * 18, "--as", "employee.moh", "-o", tmp_path / "c.pdf"),
        north.refused("verify", notpdf),
        north.refused("verify", swapped),
        north.refused("letter", "sign", "00000000-0000-0000-0000-000000000000", "--as", "head.moh"),
    ]
    for line in lines:
        assert line.strip(), lines
        assert len(line) < 1_500, line
    assert (north.rows("SELECT count(*) FROM letters"), north.rows("SELECT count(*) FROM entities")) == before
