"""What the page of a letterhead sends, read into a change, and the choices it offers."""

from dataclasses import dataclass
from typing import Final

from flask import request

from edms.letters.letterheads import LetterheadChange, Look
from edms.letters.rendition.specimen import Sample
from edms.web.locale import msgid

USUAL_COLOUR: Final = "#0d4c42"
DIGITS: Final[dict[str, str]] = {
    "": msgid("As in the whole installation"),
    "arab": msgid("Arabic-Indic: ٠١٢٣٤٥٦٧٨٩"),
    "latn": msgid("Western: 0123456789"),
    "arabext": msgid("Eastern: ۰۱۲۳۴۵۶۷۸۹"),
}
MONTHS: Final[dict[str, str]] = {
    "": msgid("As in the whole installation"),
    "levant": msgid("Kanun II, Shubat, Adhar …"),
    "gulf": msgid("Yanayir, Fibrayir, Maris …"),
    "maghreb": msgid("Janfi, Fifri, Mars …"),
}
SAMPLES: Final[dict[Sample, str]] = {
    "letter": msgid("Official letter"),
    "order": msgid("Administrative order"),
    "memo": msgid("Internal memo"),
    "english": msgid("Letter in English"),
}
_WORDS: Final = ("top_ar", "top_en", "contact_ar", "contact_en", "colour", "digits", "months", "pattern")


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it stands: words as typed, ``sample`` the letter on which it is shown."""

    top_ar: str = ""
    top_en: str = ""
    contact_ar: str = ""
    contact_en: str = ""
    colour: str = USUAL_COLOUR
    digits: str = ""
    months: str = ""
    pattern: str = ""
    hijri: bool = True
    kashida: bool = False
    neutral: bool = False
    emblem: bytes = b""
    sample: Sample = "letter"

    @classmethod
    def of(cls, look: Look, pattern: str) -> "Typed":
        """Return the form as a letterhead fills it."""
        return cls(
            look.top_ar, look.top_en, look.contact_ar, look.contact_en, look.colour or USUAL_COLOUR, look.digits,
            look.months, pattern, look.hijri, look.kashida,
        )  # fmt: skip

    @classmethod
    def read(cls) -> "Typed":
        """Take what this request sends; words are cut at 300 characters."""
        form = request.form
        sent = request.files.get("emblem")
        asked = form.get("sample", "")
        return cls(
            **{name: form.get(name, "").strip()[:300] for name in _WORDS},
            hijri="hijri" in form,
            kashida="kashida" in form,
            neutral="neutral" in form,
            emblem=sent.read() if sent else b"",
            sample=next((each for each in SAMPLES if each == asked), "letter"),
        )

    def change(self) -> LetterheadChange:
        """Return what the form changes."""
        return LetterheadChange(
            self.top_ar, self.top_en, self.contact_ar, self.contact_en, self.colour, self.digits, self.months,
            self.hijri, self.kashida, b"" if self.neutral else self.emblem or None, self.pattern,
        )  # fmt: skip
