"""Words that no leak may show: put into everything people write, then looked for in everything that is on disk."""

import http.cookiejar
import io
import re
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.journeys.installation import PASSWORD, Installation, furnish, introduce, until
from tests.security.scanner import Scanner

pytestmark = [pytest.mark.journey, pytest.mark.timeout(900)]

WORDS = {
    "body": "زمطقرلوش", "unit": "ضغنطروش", "post": "خظرمقوش", "person": "ثغمرطيش", "subject": "قظشمرغوط",
    "paragraph": "شغرمطقوس", "item": "غضقمرشوط", "cell": "طشغمرزوق", "reference": "ظقشرمغوس", "purpose": "صغطمرقوش",
    "attachment": "ذغمقرشوط", "inside": "سطغمقروش", "packed": "رقظمشغوط", "reason": "مظغقرشوط", "void": "نظغمقرطوش",
    "latin": "qzvexorilk", "latin name": "xwqovjiruz", "latin inside": "vqzykorjex", "search": "كظغمرقشوط",
    "typed": "لظغقمرشوط",
}  # fmt: skip
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Reader:
    """A browser without scripts or pictures."""

    def __init__(self, site: str, login: str) -> None:
        self._site = site
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.post("/sign-in", "/sign-in", login=login, password=PASSWORD, next="/incoming")

    def get(self, path: str) -> bytes:
        try:
            with self._open.open(self._site + path, timeout=60) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            return bytes(error.read())

    def post(self, path: str, form: str, **fields: str) -> bytes:
        token = _TOKEN.search(self.get(form).decode())
        assert token is not None, f"{form} has no form"
        data = urllib.parse.urlencode({**fields, "csrf_token": token[1]}).encode()
        request = urllib.request.Request(self._site + path, data, {"Origin": self._site})
        try:
            with self._open.open(request, timeout=60) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            return bytes(error.read())


def test_no_word_of_a_letter_is_readable_anywhere_on_disk(tmp_path: Path) -> None:
    north, south = Installation(tmp_path / "north", ""), Installation(tmp_path / "south", "")
    for one in (north, south):
        (one.folder / "tmp").mkdir(parents=True)
        one.environ |= {"TMPDIR": str(one.folder / "tmp"), "DIWAN_LOGGING_LEVEL": "debug"}
    words = Scanner(WORDS.values())
    bodies = {"a": (f"وزارة {WORDS['body']} {WORDS['latin name']}", "one.gov.example")}
    codes = furnish(north, bodies, name="north", first=100_000, passwords=True)
    codes |= furnish(south, {"b": ("وزارة التربية", "two.gov.example")}, name="south", first=300_000, passwords=True)
    introduce(north, south)
    told = north.json(
        "staff", "add", "--entity", codes["a"], "--unit", f"قسم {WORDS['unit']}", "--post", f"مدير {WORDS['post']}",
        "--name", f"عمر {WORDS['person']} {WORDS['latin name']}", "--login", "writer.a", "--role", "employee",
    )  # fmt: skip
    assert told["login"] == "writer.a"
    try:
        for one in (south, north):
            one.start("gateway", "relay", "worker", "web")
        a_life(north, south, codes, tmp_path)
        found = on_disk(words, north, south)  # while everything runs: the databases' journals are full
        for one in (north, south):
            for name in list(one.running):
                one.kill(name)
    finally:
        north.stop()
        south.stop()
    found += on_disk(words, north, south)
    assert not found, "\n".join(sorted(set(found)))


def a_life(north: Installation, south: Installation, codes: dict[str, str], folder: Path) -> None:
    """Put every word where people write, and let letters be written, sent, found, read, returned and made void."""
    plain = folder / f"ملف {WORDS['attachment']} {WORDS['latin name']}.txt"
    plain.write_text(f"نص {WORDS['inside']} و {WORDS['latin inside']}\n" * 50, "utf-8")
    packed = folder / "جدول.zip"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", f"<t>{WORDS['packed']} {WORDS['latin inside']}</t>" * 40)
    packed.write_bytes(out.getvalue())
    text = (
        f"نرجو {WORDS['paragraph']} في {WORDS['latin']}\n\n- بند {WORDS['item']}\n- بند ثان\n\n"
        f"| المادة | {WORDS['cell']} |\n| سرير | {WORDS['latin']} |\n"
    )
    draft = (
        "letter", "draft", "--to", codes["b"], "--subject", f"م {WORDS['subject']} {WORDS['latin']}", "--body-file",
        "-", "--reference", f"كتاب {WORDS['reference']}",
    )  # fmt: skip
    letter = north.json(*draft, "--as", "writer.a", "--attach", plain, "--attach", packed, stdin=text)
    returned = north.json(*draft, "--as", "writer.a", stdin=text)
    north.diwan("letter", "return", returned["id"], "--as", "head.a", "--reason", f"تصحيح {WORDS['reason']}")
    north.json("letter", "sign", letter["id"], "--as", "head.a")
    code = north.json("letter", "issue", letter["id"], "--as", "head.a")["document_code"]
    copied = (*draft[:3], codes["b"], "--cc", f"{codes['b']}={WORDS['purpose']}", *draft[4:])
    north.try_(*copied, "--as", "writer.a", stdin=text)  # the same body twice: a refusal that repeats what was typed

    def arrived() -> bool:
        return bool(south.json("search", WORDS["paragraph"], "--as", "employee.b"))

    until(arrived, "the letter is found far away")
    assert south.json("search", f"{WORDS['item']} {WORDS['latin']}", "--as", "employee.b")
    south.try_("search", WORDS["search"], "--as", "employee.b")
    south.json("copy", code, "--as", "employee.b", "-o", folder / "copy.pdf")
    south.json("trace", folder / "copy.pdf")
    south.json("verify", folder / "copy.pdf")
    pages(south, letter_id(south), north, letter["id"])
    north.diwan("letter", "void", code, "--as", "head.a", "--reason", f"خطأ {WORDS['void']}")
    until(lambda: south.json("letter", "list", "--as", "registry.b")[0]["state"] == "void", "void far away")
    north.diwan("reindex")
    until(lambda: north.json("search", WORDS["subject"], "--as", "head.a"), "found after the rebuild")


def letter_id(south: Installation) -> str:
    (found,) = south.json("letter", "list", "--as", "registry.b")
    return str(found["id"])


def pages(south: Installation, far: str, north: Installation, own: str) -> None:
    """Read the letter on both sides by all pages, search, and type what is refused."""
    for site, login, letter in ((south.site, "employee.b", far), (north.site, "head.a", own)):
        reader = Reader(site, login)
        assert WORDS["subject"].encode() in reader.get(f"/letters/{letter}")
        for path in ("pages/1.png", "copy.pdf", "print.pdf", "track", "nothing-such"):
            reader.get(f"/letters/{letter}/{path}")
        word = urllib.parse.quote(WORDS["paragraph"])
        assert WORDS["subject"].encode() in reader.get(f"/search?q={word}")
        for typed in (WORDS["search"], WORDS["latin"] + "'\"--", WORDS["typed"] * 900):
            reader.get(f"/search?q={urllib.parse.quote(typed)}")
            reader.get(f"/incoming?page={urllib.parse.quote(typed[:50])}")
            reader.get("/" + urllib.parse.quote(typed[:50]))
        reader.post("/letters/new", "/letters/new", subject=WORDS["typed"], body=WORDS["typed"], action="submit")
        reader.post("/verify", "/verify", code=WORDS["latin"])
        Reader(site, WORDS["typed"])


def on_disk(words: Scanner, *installations: Installation) -> list[str]:
    """Return every find in data folders, logs and temporary folders."""
    found: list[str] = []
    for one in installations:
        for folder in (one.data, one.folder / "tmp"):
            found += words.folder(folder)
        for log in one.folder.glob("*.log"):
            found += words.file(log)
    return found
