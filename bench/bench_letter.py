"""One printed page against Typst and WeasyPrint; a letter from preview to storage; the rate of a batch; memory.

All three set the same letters (head, subject, paragraphs, table, signature, copies) with Amiri, in turns, in one
process, each tagged and each on one page; ours also draws emblem and bars. No two letters share a paragraph, as
Typst remembers those it has set. Typst is named twice: a fresh compiler for each letter, and one that is kept and given
the letter's text. Run ``python bench/bench_letter.py [ROUNDS] [BATCH] [LETTERS]``.
"""

import html
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import fontpkg_amiri
import typst
import weasyprint
from weasyprint.text.fonts import FontConfiguration

from crypto.timestamps import TimeStamper
from edms.codes.page_images import page_count, page_png
from edms.letters import issuing, service
from edms.letters.checks import AddresseeText, LetterText
from edms.letters.printing_plan import Printing
from edms.letters.rendition.letter import render_letter
from edms.letters.rendition.values import Block, ParagraphBlock, PrintedLetter, TableBlock
from edms.letters.rules import AddresseeRole, Kind
from edms.registry.service import TurnQueue
from tests.factories.issued import BODY
from tests.factories.world import World, make_world
from tests.letters.rendition.samples import LETTER
from tests.shared_data import official_texts

FONTS: Final = Path(fontpkg_amiri.ROOT) / "files"
PARAGRAPHS: Final = 3
LIMIT_TYPST: Final = 1.3
LIMIT_WEASYPRINT: Final = 4.0
LIMIT_DESK_SECONDS: Final = 1.5
STEPS: Final = (100, 500, 1000)

TYPST: Final = """
#set page("a4", margin: 18mm, footer: [صفحة #context counter(page).display("١")])
#set text(font: "Amiri", size: 13.5pt, lang: "ar", dir: rtl)
#set par(justify: true, first-line-indent: 28pt, leading: 0.75em)
"""
STYLE: Final = f"""
@font-face {{ font-family: Amiri; src: url({(FONTS / "Amiri-Regular.ttf").as_uri()}) }}
@font-face {{ font-family: Amiri; font-weight: bold; src: url({(FONTS / "Amiri-Bold.ttf").as_uri()}) }}
@page {{ size: A4; margin: 18mm; @bottom-center {{ content: "صفحة " counter(page, arabic-indic) }} }}
body {{ font: 13.5pt/1.45 Amiri; direction: rtl }} p {{ text-align: justify; text-indent: 28pt; margin: 3pt 0 }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ border: 0.5pt solid #555; padding: 1pt 4pt }}
.head td {{ border: 0; width: 50% }} .small {{ font-size: 11pt; line-height: 1.35; text-indent: 0 }}
.centre {{ text-align: center; font-weight: bold; text-indent: 0 }}
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """A letter as the others are given it: two columns of the head, lines of the text, small lines under it."""

    right: list[str]
    left: list[str]
    lines: list[str]
    foot: list[str]


def parts(letter: PrintedLetter) -> Parts:
    """Return what stands on the sheet (the table is apart)."""
    right = [*letter.letterhead.lines_ar, f"العدد: {letter.number}", "التاريخ: ٢٩ جمادى الأولى ١٤٤٧ هـ"]
    right += ["الموافق: ٢٠ تشرين الثاني ٢٠٢٥ م", f"إلى / {letter.addressees[0]}"]
    left = [*letter.letterhead.lines_en, f"درجة السرية: {letter.sensitivity}", f"درجة الاستعجال: {letter.precedence}"]
    lines = [*letter.references, *(block.text for block in letter.body if isinstance(block, ParagraphBlock))]
    foot = [f"المرفقات: {letter.attachments[0]}", letter.signer_name, letter.signer_post, "٢٠ تشرين الثاني ٢٠٢٥ م"]
    foot += ["نسخة منه إلى:", *(f"{name} – {purpose}" for name, purpose in letter.copies), letter.document_code]
    foot += [f"للتحقق من صحة الكتاب: {letter.verify_url}", f"رمز التحقق: {letter.verification_code}"]
    return Parts(right, left, lines, foot)


def table(letter: PrintedLetter) -> list[tuple[str, ...]]:
    """Return the rows of the letter's table, its head first."""
    found = next(block for block in letter.body if isinstance(block, TableBlock))
    return [found.header, *found.rows]


def typst_source(letter: PrintedLetter) -> bytes:
    """Return the letter in Typst's language."""
    found, rows = parts(letter), table(letter)
    cells = ", ".join(f"[{escaped(cell)}]" for row in rows for cell in row)
    columns = ", ".join("[" + " \\ ".join(map(escaped, column)) + "]" for column in (found.right, found.left))
    written = [f"#grid(columns: (1fr, 1fr), {columns})", f"#align(center)[*{escaped(letter.subject)}*]"]
    written += [escaped(text) for text in found.lines] + [f"#table(columns: {len(rows[0])}, {cells})"]
    small = "#text(size: 11pt)[" + " \\ ".join(map(escaped, found.foot)) + "]"
    return (TYPST + "\n\n".join([*written, small])).encode()


def escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "#*_@$<>[]\\/`~-=+" else char for char in text)


def web_source(letter: PrintedLetter) -> str:
    """Return the letter as HTML."""
    found = parts(letter)
    rows = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in table(letter))
    columns = "".join(f"<td>{'<br>'.join(map(html.escape, column))}</td>" for column in (found.right, found.left))
    written = [
        f'<table class="head"><tr>{columns}</tr></table>',
        f'<p class="centre">{html.escape(letter.subject)}</p>',
    ]
    written += [f"<p>{html.escape(text)}</p>" for text in found.lines]
    written += [f"<table>{rows}</table>", f'<p class="small">{"<br>".join(map(html.escape, found.foot))}</p>']
    return f'<html lang="ar"><style>{STYLE}</style><body>{"".join(written)}</body></html>'


def different_letters(count: int) -> list[PrintedLetter]:
    """Return letters of one full page with a table, made of different paragraphs of official texts."""
    paragraphs = [part for text in official_texts(200) for part in text.split("\n") if 150 < len(part) < 400]
    if len(paragraphs) < count * PARAGRAPHS:
        raise SystemExit("too few official paragraphs for so many rounds")
    found = []
    for number in range(count):
        taken = paragraphs[number * PARAGRAPHS : (number + 1) * PARAGRAPHS]
        rows = tuple((str(row), f"البند {number}/{row}", f"{row * 250},000") for row in range(1, 6))
        body: tuple[Block, ...] = (
            *map(ParagraphBlock, taken),
            TableBlock(("ت", "الفقرة", "الكلفة"), rows),
            ParagraphBlock("مع التقدير."),
        )
        found.append(replace(LETTER, number=f"ت/٤/{1000 + number}", subject=taken[0][:60], body=body))
    return found


def one_page(rounds: int) -> None:
    """Print the median milliseconds of each typesetter, and whether the goals hold."""
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[FONTS])
    kept = typst.Compiler(typst_source(LETTER), font_paths=fonts)
    configuration = FontConfiguration()
    letters = different_letters(rounds + 1)
    ways: dict[str, Callable[[PrintedLetter], bytes | None]] = {
        "Diwan": render_letter,
        "Typst, fresh": lambda letter: typst.compile(
            typst_source(letter), font_paths=[FONTS], ignore_system_fonts=True
        ),
        "Typst, kept": lambda letter: kept.compile(input=typst_source(letter)),
        "WeasyPrint": lambda letter: weasyprint.HTML(string=web_source(letter)).write_pdf(
            font_config=configuration, pdf_tags=True
        ),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(letters[0])
    for letter in letters[1:]:
        for name, way in ways.items():
            started = time.perf_counter()
            way(letter)
            took[name].append(time.perf_counter() - started)
    middle = {name: statistics.median(times) for name, times in took.items()}
    print("pages: " + ", ".join(f"{name} {page_count(way(letters[1]) or b'')}" for name, way in ways.items()))
    for name, seconds in middle.items():
        print(f"one page, {name}: {seconds * 1000:.1f} ms")
    for name in ("Typst, fresh", "Typst, kept"):
        print(f"Diwan / {name}: {middle['Diwan'] / middle[name]:.2f} (goal {LIMIT_TYPST} of a fresh compiler)")
    print(f"WeasyPrint / Diwan: {middle['WeasyPrint'] / middle['Diwan']:.1f} (goal {LIMIT_WEASYPRINT})")


def desk(world: World, rounds: int) -> None:
    """Print the seconds of one letter: page image, signature, number, seal with time-stamp, encrypted storage."""
    stages: list[tuple[float, float]] = []
    for number in range(rounds):
        letter_id = submitted(world, f"تجربة رقم {number}")
        started = time.perf_counter()
        page_png(render_letter(replace(LETTER, subject=f"تجربة رقم {number}", seal_mm=37.0)), 1, 900)
        seen = time.perf_counter()
        sign_and_issue(world, letter_id)
        stages.append((seen - started, time.perf_counter() - seen))
    preview, issue = (statistics.median(times) for times in zip(*stages, strict=True))
    print(f"preview {preview * 1000:.0f} ms, sign and issue {issue * 1000:.0f} ms")
    print(f"in all {preview + issue:.2f} s (goal {LIMIT_DESK_SECONDS} s)")


def batch(world: World, count: int) -> None:
    """Print how many letters a second are signed and issued one after another."""
    waiting = [submitted(world, f"كتاب الدفعة {number}") for number in range(count)]
    started = time.perf_counter()
    for letter_id in waiting:
        sign_and_issue(world, letter_id)
    seconds = time.perf_counter() - started
    print(f"batch of {count} signed and issued letters: {seconds:.1f} s, {count / seconds:.1f} a second")


def submitted(world: World, subject: str) -> UUID:
    """Return a letter of body A that waits for its head's signature."""
    clerk, head = world.actor("a", "employee"), world.actor("a", "head")
    to = (AddresseeText(world.entity_b.id, AddresseeRole.TO),)
    with world.database.work(clerk) as uow:
        letter_id = service.draft(
            uow, LetterText(Kind.LETTER, subject, BODY, to, signer_post_id=next(iter(head.post_ids)))
        ).id
    with world.database.work(clerk) as uow:
        service.submit(uow, letter_id)
    return letter_id


def sign_and_issue(world: World, letter_id: UUID) -> None:
    head = world.actor("a", "head")
    with world.database.work(head) as uow:
        service.sign(uow, letter_id, keys=world.keyring)
    issuing.issue(
        world.database, head, letter_id, turns=world.parts[TurnQueue], store=world.store, keys=world.keyring,
        printing=world.parts[Printing], stamper=world.parts[TimeStamper],
    )  # fmt: skip


def memory(count: int) -> None:
    """Print the resident memory after so many letters of different official text, each shown as a page image."""
    texts = itertools.cycle(part for text in official_texts(600) for part in text.split("\n") if 100 < len(part) < 600)
    sizes = {}
    for number in range(1, count + 1):
        body = [ParagraphBlock(f"{number}. {next(texts)}") for _ in range(4)]
        letter = replace(LETTER, number=f"ت/٤/{number}", date=date(2025, 1 + number % 12, 1 + number % 28),
                         body=(*LETTER.body, *body))  # fmt: skip
        page_png(render_letter(letter), 1, 600)
        if number in {*STEPS, count}:
            sizes[number] = resident()
    print("memory after " + ", ".join(f"{number} letters {size:.0f} MB" for number, size in sizes.items()))


def resident() -> float:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    asked = [int(value) for value in sys.argv[1:4]]
    rounds, count, letters = [*asked, *(15, 100, 1000)[len(asked) :]]
    memory(letters)
    one_page(rounds)
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder))
        desk(world, max(3, rounds // 2))
        batch(world, count)


if __name__ == "__main__":
    main()
