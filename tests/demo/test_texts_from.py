"""Letters made of the texts of a folder."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from edms.core.errors import Invalid
from edms.demo import archives
from edms.demo.texts import MAX_BODY, MAX_SUBJECT, DemoLetter, texts_from
from edms.letters.body import check

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"

MARKDOWN = """---
title: "قرار رقم (١٢) الموافقة على التنظيم"
doc_type: "قرار"
---

# قرار رقم (١٢) الموافقة على التنظيم

## أولاً

إن **المجلس**، بعد الاطلاع على [النظام](https://example.org/a_b) رقم (٧)،
يقرر ما يأتي:

- الموافقة على *التنظيم*.
- العمل به من تاريخ نشره.

1. ينشر القرار.
2) يبلغ لمن يلزم.

| البند | المبلغ |
| --- | ---: |
| أول | ١٬٠٠٠ |
| ثانٍ |

---
> آخر النص <br> بعد السطر
"""


def shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"{folder} is missing")
        pytest.skip(f"{folder} is missing")
    return folder


def one(folder: Path) -> DemoLetter:
    (letter,) = texts_from(folder)
    return letter


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w:xz") -> None:
    with tarfile.open(path, mode) as packed:  # type: ignore[call-overload]
        for info, data in members:
            info.size = len(data) if info.isfile() else 0
            packed.addfile(info, io.BytesIO(data) if info.isfile() else None)


def test_markdown_becomes_blocks_without_marks(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(MARKDOWN, encoding="utf-8")
    letter = one(tmp_path)
    assert letter.subject == "قرار رقم (١٢) الموافقة على التنظيم"
    assert list(letter.body) == [
        {"type": "paragraph", "text": "أولاً"},
        {"type": "paragraph", "text": "إن المجلس، بعد الاطلاع على النظام رقم (٧)،"},
        {"type": "paragraph", "text": "يقرر ما يأتي:"},
        {"type": "list", "ordered": False, "items": ["الموافقة على التنظيم.", "العمل به من تاريخ نشره."]},
        {"type": "list", "ordered": True, "items": ["ينشر القرار.", "يبلغ لمن يلزم."]},
        {"type": "table", "header": ["البند", "المبلغ"], "rows": [["أول", "١٬٠٠٠"], ["ثانٍ", ""]]},
        {"type": "paragraph", "text": "آخر النص بعد السطر"},
    ]


def test_plain_text_is_named_by_its_first_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("باشر الموظف عمله. ثم أعد تقريره.\n", encoding="utf-8")
    assert one(tmp_path).subject == "باشر الموظف عمله."


def test_older_arabic_text_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("كتاب رسمي قديم".encode("cp1256"))
    assert one(tmp_path).subject == "كتاب رسمي قديم"


def test_direction_marks_and_controls_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\ufeffالعدد\u202e ٤\x07/ت\u200f", encoding="utf-8")
    assert one(tmp_path).subject == "العدد ٤/ت"


def test_long_texts_are_cut_at_a_word(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("كلمة " * 20_000, encoding="utf-8")
    letter = one(tmp_path)
    assert len(letter.subject) <= MAX_SUBJECT
    assert letter.subject.endswith("كلمة…")
    assert MAX_BODY - 10 < len(letter.body[0]["text"]) <= MAX_BODY


def test_a_long_table_first_still_gives_a_body(tmp_path: Path) -> None:
    rows = "\n".join(f"| {'بيان ' * 50} | {n} |" for n in range(500))
    (tmp_path / "a.md").write_text(f"| عنوان | عدد |\n| --- | --- |\n{rows}", encoding="utf-8")
    assert one(tmp_path).body == ({"type": "paragraph", "text": "عنوان عدد"},)


def test_archives_are_read_in_order_of_names_without_links_and_readmes(tmp_path: Path) -> None:
    link = tarfile.TarInfo("x/link.md")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    archive(
        tmp_path / "texts.tar.xz",
        (tarfile.TarInfo("x/ب.md"), "ثانٍ".encode()),
        (tarfile.TarInfo("../../أ.md"), "أول".encode()),
        (tarfile.TarInfo("x/README.md"), b"about"),
        (tarfile.TarInfo("x/picture.png"), b"\x89PNG"),
        (link, b""),
    )
    (tmp_path / "z.txt").write_text("ثالث", encoding="utf-8")
    assert [letter.subject for letter in texts_from(tmp_path)] == ["أول", "ثانٍ", "ثالث"]
    assert [letter.subject for letter in texts_from(tmp_path, limit=2)] == ["أول", "ثانٍ"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["texts.tar.xz", "z.txt"]


def test_an_archive_that_unpacks_too_far_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_TOTAL", 64 * 1024)
    archive(tmp_path / "bomb.tar.gz", (tarfile.TarInfo("a.md"), b"0" * 1024 * 1024), mode="w:gz")
    with pytest.raises(Invalid, match=r"demo\.archive-too-large"):
        texts_from(tmp_path)


def test_a_damaged_archive_is_refused_by_name(tmp_path: Path) -> None:
    archive(tmp_path / "a.tar.xz", (tarfile.TarInfo("a.md"), os.urandom(50_000)))
    whole = (tmp_path / "a.tar.xz").read_bytes()
    (tmp_path / "a.tar.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Invalid, match=r"demo\.archive-unreadable"):
        texts_from(tmp_path)


@pytest.mark.parametrize("content", [None, "", "---\n***\n"])
def test_a_folder_without_texts_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.md").write_text(content, encoding="utf-8")
    with pytest.raises(Invalid, match=r"demo\.texts-empty"):
        texts_from(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"demo\.texts-missing"):
        texts_from(tmp_path / "none")


def test_real_official_texts_are_read_whole() -> None:
    letters = texts_from(shared("ar-official-texts"))
    assert len(letters) > 1_400
    for letter in letters:
        assert letter.body
        assert check(list(letter.body)) == []
        assert 0 < len(letter.subject) <= MAX_SUBJECT
        assert "\n" not in letter.subject
    assert any(block["type"] == "table" for letter in letters for block in letter.body)


def test_real_news_is_read_without_its_envelope() -> None:
    letters = texts_from(shared("ar-news-ant"), limit=300)
    assert len(letters) == 300
    assert not any("<" in block["text"] for letter in letters for block in letter.body if block["type"] == "paragraph")
