"""Leaks made from real marked copies: renders, crops, photos; and cases with files."""

import io
from dataclasses import replace

import numpy as np
import pypdfium2
from PIL import Image

from crypto.digests import sha256
from edms.content import service as content
from edms.core.actor import Actor
from edms.search.indexes import Indexes
from edms.verification import leak_cases, leak_queue, tracing
from edms.verification.leak_cases import HandedIn
from edms.verification.leak_rules import ReadingLimits
from edms.verification.tracing import Traced
from tests.factories.world import World

LONG = [
    {"type": "paragraph", "text": text}
    for text in (
        "إشارة إلى كتابكم المرقم ت/٤/١٢٨٧ في ٢٠٢٦/١٠/٥، نود إعلامكم بأن اللجنة المشكّلة بموجب الأمر الإداري قد أنجزت "
        "تدقيق الكشوفات الخاصة بالمرحلة الثانية من المشروع، وتبيّن لها أن الكلفة الكلية لم تتجاوز المرصود لها.",
        "لذا تقرّر صرف المستحقات على دفعتين، على أن تُقدَّم الوثائق المؤيدة للصرف خلال مدة لا تتجاوز ثلاثين يوماً من تاريخ "
        "تبلّغكم بهذا الكتاب، وأن تُراعى الضوابط المعتمدة في حفظ النسخ الورقية والإلكترونية لدى الجهات المستفيدة كافة.",
        "يرجى التفضل بالاطلاع واتخاذ ما يلزم، وتزويدنا بأسماء المخوّلين بالتسلّم مع نماذج من تواقيعهم، مع فائق التقدير.",
    )
]
"""Paragraphs of a letter long enough that a part of its page has a few hundred runs of letters."""

LIMITS = ReadingLimits(seconds=120, memory_mb=3072)


def auditor_of(world: World, body: str, who: str = "registry") -> Actor:
    """One of a body's people as its auditor."""
    return replace(world.actor(body, who), roles=frozenset({"auditor"}))


def rendered(pdf: bytes, *, dpi: float = 150, page: int = 0) -> Image.Image:
    """A page as a picture in RGB."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        image: Image.Image = document[page].render(scale=dpi / 72).to_pil()
        return image.convert("RGB")
    finally:
        document.close()


def piece(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    """A part of a picture, in shares of its sides."""
    width, height = image.size
    return image.crop((int(left * width), int(top * height), int(right * width), int(bottom * height)))


def bilevel(image: Image.Image) -> Image.Image:
    """A picture as a copier of one bit a pixel leaves it: the tint is gone."""
    return image.convert("L").point(lambda value: 255 if value > 150 else 0).convert("RGB")


def encoded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(seed: int, side: int = 600) -> bytes:
    """A picture of nothing."""
    return encoded(Image.fromarray(np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)))


def traced(world: World, actor: Actor, *files: bytes, letters: tuple[str, ...] = ()) -> Traced:
    """Look into files as the command line does."""
    return tracing.trace(
        world.database, actor, files, letters=letters, store=world.store, keys=world.keyring,
        indexes=world.parts[Indexes], limits=LIMITS,
    )  # fmt: skip


def new_case(world: World, actor: Actor, *files: bytes, letters: tuple[str, ...] = ()) -> str:
    """Open a case with files and ask for the look-up; returns its id as text."""
    with world.database.work(actor) as uow:
        handed_in = [
            HandedIn(f"صورة {at}.png", sha256(one), content.stage_small(one, kind="leak-file", now=uow.now,
                                                                        store=world.store))
            for at, one in enumerate(files, start=1)
        ]  # fmt: skip
        case = leak_cases.open_case(uow, "صورة متداولة على الهواتف")
        leak_cases.add_files(uow, case.id, handed_in, keys=world.keyring)
        leak_cases.ask_look_up(uow, case.id, letters)
        return str(case.id)


def work_off(world: World) -> int:
    """Do all look-ups that wait, as the worker does."""
    done = 0
    while leak_queue.follow(
        world.database, store=world.store, keys=world.keyring, indexes=world.parts[Indexes], limits=LIMITS
    ):  # fmt: skip
        done += 1
    return done
