"""What travels inside a sealed letter: readable by machines, and provable without us."""

import io
import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from crypto.cms_judging import verify_detached
from crypto.digests import sha256
from edms.entities.authority import authority_chain
from edms.letters import queries
from edms.letters.sealed_files import NAMESPACE, LetterData, Party, letter_xml
from edms.letters.signing import signed_content
from tests.factories.issued import IssuedLetter, issued_letter
from tests.factories.world import OPERATOR, World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def letter(world: World) -> IssuedLetter:
    return issued_letter(world)


@pytest.fixture(scope="module")
def files(letter: IssuedLetter) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(letter.pdf)) as pdf:
        return {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}


def root_of(world: World) -> bytes:
    with world.database.read(OPERATOR) as uow:
        return authority_chain(uow)[1]


def test_the_data_say_what_the_sheet_says(letter: IssuedLetter, files: dict[str, bytes], world: World) -> None:
    assert set(files) == {"letter.xml", "signed-content.json", "signature.p7s"}
    root = ET.fromstring(files["letter.xml"])  # our own
    space = f"{{{NAMESPACE}}}"
    assert (root.tag, root.get("code"), root.get("number")) == (f"{space}letter", letter.document_code, letter.number)
    assert root.findtext(f"{space}subject") == "تخصيصات مشروع الأرشفة"
    assert [each.get("entity") for each in root.findall(f"{space}to")] == [world.entity_b.code]
    assert "ت/٤/١٢٨٧" in (root.findtext(f"{space}body/{space}p") or "")


def test_the_persons_signature_covers_the_content(world: World, letter: IssuedLetter, files: dict[str, bytes]) -> None:
    told = verify_detached(files["signed-content.json"], files["signature.p7s"], [root_of(world)])
    assert told.genuine
    with world.database.read(OPERATOR) as uow:
        assert signed_content(uow, queries.letter(uow, letter.id)) == files["signed-content.json"]
    assert json.loads(files["signed-content.json"])["text"]["subject"] == "تخصيصات مشروع الأرشفة"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_proves_the_signature_without_us(world: World, files: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    root = x509.load_der_x509_certificate(root_of(world))
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature.p7s"]
    command += ["-content", "signed-content.json", "-CAfile", "root.pem", "-purpose", "any", "-cades", "-out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_bytes() == files["signed-content.json"]


def test_the_same_letter_gives_the_same_bytes_and_every_block_is_told() -> None:
    data = LetterData(
        facts={"kind": "letter", "code": "100001260000000179", "sensitivity": "ordinary", "hijri": ""},
        sender=Party("10000112", "وزارة الصحة"),
        signer={"code": "1000000123", "name": "سالم", "post": "الوزير", "on-behalf-of": ""},
        to=(Party("10000299", "وزارة التربية"),),
        copies=(Party("10000398", "الديوان", "للعلم"),),
        subject="أ < ب & ج \x0b",
        references=(("", "كتابكم"), ("100001260000000278", "كتابنا")),
        attachments=({"name": "جدول.pdf", "sha256": "00", "size": "3", "type": "application/pdf"},),
        body=(
            {"type": "heading", "level": 1, "text": "أولاً"},
            {"type": "paragraph", "text": "نص"},
            {"type": "list", "ordered": True, "items": ["واحد", "اثنان"]},
            {"type": "table", "header": ["ت", "الاسم"], "rows": [["١", "سالم"]]},
        ),
    )
    made = letter_xml(data, "و.ص/١")
    assert made == letter_xml(data, "و.ص/١")
    assert sha256(made) != sha256(letter_xml(data, "و.ص/٢"))
    text = made.decode()
    assert "<subject>أ &lt; ب &amp; ج </subject>" in text
    assert "hijri" not in text
    assert '<h level="1">أولاً</h><p>نص</p><ol><li>واحد</li><li>اثنان</li></ol>' in text
    assert "<table><head><c>ت</c><c>الاسم</c></head><row><c>١</c><c>سالم</c></row></table>" in text
    with pytest.raises(ValueError, match="type picture"):
        letter_xml(LetterData({}, data.sender, {}, (), (), "", (), (), ({"type": "picture"},)), "1")
