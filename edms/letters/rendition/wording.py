"""The fixed words of the printed sheet, in Arabic and in English, and the layout constants they share."""

import re
from dataclasses import dataclass
from typing import Final

from edms.core.calendar import Locale
from edms.letters.rendition.shaping import Colour

BLACK: Final[Colour] = (0.09, 0.09, 0.10)
GREEN: Final[Colour] = (0.05, 0.30, 0.26)
RED: Final[Colour] = (0.70, 0.10, 0.10)
GREY: Final[Colour] = (0.33, 0.36, 0.36)
PALE: Final[Colour] = (0.90, 0.91, 0.91)

_HEX: Final = re.compile("#[0-9a-fA-F]{6}")

ORDINARY: Final = frozenset({"", "عادي", "عادية", "اعتيادي", "Ordinary", "Routine"})

GREETING: Final = re.compile(r"تحية|السلام عليكم|بعد التحية|Dear\b|(Sir|Madam)s?,")
CLOSING: Final = re.compile(
    r"(و?مع )(فائق|وافر|خالص|جزيل|أطيب|الشكر|التقدير|الاحترام|الاعتزاز)|وتقبلوا|وتفضلوا|والسلام عليكم|شاكرين"
    r"|Yours\b|(With )?([Bb]est|[Kk]ind) regards|Respectfully"
)


def tint(colour: str) -> Colour:
    """Return the colour of a letterhead (``#rrggbb``) as red, green and blue from 0 to 1; the usual green for none."""
    if not _HEX.fullmatch(colour):
        return GREEN
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Wording:
    """The labels of one language."""

    number: str
    date: str
    hijri: str
    gregorian: str
    sensitivity: str
    precedence: str
    to: str
    subject: str
    attachments: str
    copies: str
    page: str
    verify: str
    verify_code: str
    all_listed: str
    list_title: str
    continued: str
    comma: str
    dash: str
    on_behalf: str
    sender: str
    seal: str
    seal_empty: str
    emblem: str


WORDS: Final[dict[Locale, Wording]] = {
    "ar": Wording(
        number="العدد: ",
        date="التاريخ: ",
        hijri="التاريخ: ",
        gregorian="الموافق: ",
        sensitivity="درجة السرية: ",
        precedence="درجة الاستعجال: ",
        to="إلى / ",
        subject="م / ",
        attachments="المرفقات: ",
        copies="نسخة منه إلى:",
        page="صفحة {page} من {pages}",
        verify="للتحقق من صحة الكتاب: ",
        verify_code="رمز التحقق: ",
        all_listed="الجهات كافة حسب القائمة المرفقة",
        list_title="قائمة الجهات المعنون إليها ({count})",
        continued="تتمة الكتاب ذي العدد ",
        comma="، ",
        dash=" – ",
        sender="من / ",
        seal="ختم إلكتروني. امسح الرمز بالهاتف للتحقق من الكتاب، ولو بلا شبكة.",
        seal_empty="مكان الختم الإلكتروني",
        emblem="شعار ",
        on_behalf="نيابةً عن {post}",
    ),
    "en": Wording(
        number="No.: ",
        date="Date: ",
        hijri="Hijri: ",
        gregorian="Date: ",
        sensitivity="Classification: ",
        precedence="Precedence: ",
        to="To: ",
        subject="Subject: ",
        attachments="Enclosures: ",
        copies="Copy to:",
        page="Page {page} of {pages}",
        verify="To verify this letter: ",
        verify_code="Verification code: ",
        all_listed="All bodies in the attached list",
        list_title="List of addressees ({count})",
        continued="Continuation of letter ",
        comma=", ",
        dash=" – ",
        sender="From: ",
        seal="Electronic seal. Scan the symbol with a phone to verify this letter, even without a network.",
        seal_empty="Place of the electronic seal",
        emblem="Emblem of the ",
        on_behalf="For the {post}",
    ),
}
