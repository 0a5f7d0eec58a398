"""The page beside the form while one types: milliseconds of a request, and how often it is plain rendering.

Between two requests one paragraph changes, as when somebody types. The peer is the same letter, set and drawn by
``render_letter`` alone. Run ``python bench/bench_preview.py [REQUESTS]``.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from edms.codes.page_images import page_count
from edms.letters import body as bodies
from edms.letters import checks, unsaved
from edms.letters.printing_plan import Printing
from edms.letters.rendition.letter import render_letter
from tests.factories import letters as make
from tests.factories.pages import application, sign_in, token_of
from tests.factories.world import World, make_world

PARAGRAPH = (
    "تهديكم وزارتنا أطيب تحياتها، وتود إعلامكم بأن اللجنة المشكّلة بموجب الأمر الإداري ذي العدد ١٢٣٤ في ٢٠٢٥/١١/٢٠ قد "
    "أنجزت تدقيق الكشوفات الفنية والمالية للمرحلة الثانية من مشروع الأرشفة الإلكترونية (e-Archive)، رقم {n}. "
)
LETTERS = {"one page": 4, "five pages": 56}


def p95(times: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def timed(act: Callable[[int], object], requests: int) -> tuple[list[float], float]:
    """Return the milliseconds of each run of ``act``, after three to warm up, and those of the processor for one."""
    for number in range(3):
        act(-number - 1)
    times = []
    spent = time.process_time()
    for number in range(requests):
        begun = time.perf_counter()
        act(number)
        times.append((time.perf_counter() - begun) * 1000)
    return times, (time.process_time() - spent) * 1000 / requests


def measure(world: World, paragraphs: int, requests: int) -> tuple[list[float], float, list[float], int]:
    """Return the times of the preview, its processor time, the times of plain rendering, and the letter's pages."""
    client = sign_in(application(world), world.logins["a", "employee"])
    client.application.extensions["diwan-previews"] = _Open()
    token = token_of(client, "/account")

    def typed(number: int) -> str:
        return "\n\n".join(PARAGRAPH.format(n=f"{number if n == 2 else 0}-{n}") for n in range(paragraphs))

    def preview(number: int) -> None:
        form = {"csrf_token": token, "to": world.entity_b.code, "subject": "مشروع الأرشفة", "body": typed(number)}
        answer = client.post("/letters/preview", data=form, headers={"HX-Request": "true"})
        assert answer.status_code == 200, answer.text

    with world.database.read(world.actor("a", "employee")) as uow:
        text = make.letter_text(world, markup=typed(0))
        sheets = [
            unsaved.printed_unsaved(uow, _with(text, typed(n)), world.parts[Printing]) for n in range(-3, requests)
        ]
    rendered, _ = timed(lambda number: render_letter(sheets[number + 3]), requests)
    shown, processor = timed(preview, requests)
    return shown, processor, rendered, page_count(render_letter(sheets[0]))


def _with(text: checks.LetterText, markup: str) -> checks.LetterText:
    return checks.LetterText(text.kind, text.subject, bodies.from_markup(markup), text.addressees)


class _Open:
    """Stands at the gate and lets everybody pass, as the bench types faster than people."""

    def pass_(self, who: object, now: float) -> None:
        """Let pass."""


def main() -> None:
    """Print one line for each letter."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder))
        for name, paragraphs in LETTERS.items():
            shown, processor, plain, pages = measure(world, paragraphs, requests)
            ratio = statistics.median(shown) / statistics.median(plain)
            sys.stdout.write(
                f"preview, {name} ({pages}): median {statistics.median(shown):.0f} ms, p95 {p95(shown):.0f} ms, "
                f"processor {processor:.0f} ms; "
                f"rendering alone {statistics.median(plain):.0f} ms; ratio {ratio:.2f}\n"
            )


if __name__ == "__main__":
    main()
