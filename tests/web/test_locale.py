import logging
from datetime import UTC, date, datetime

import pytest

from edms.core.errors import EdmsError, Problem
from edms.web import catalogues
from edms.web.locale import catalogue, gettext, isolate, ngettext, translate_error


def test_a_text_is_found_filled_and_falls_back_to_itself() -> None:
    assert gettext("Search") == "بحث"
    assert gettext("Search", "en") == "Search"
    assert gettext("No such text %(n)s", n=12) == "No such text ١٢"
    assert gettext("100% sure") == "100% sure"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "بلا مرفقات"),
        (1, "مرفق واحد"),
        (2, "مرفقان"),
        (3, "٣ مرفقات"),
        (10, "١٠ مرفقات"),
        (11, "١١ مرفقاً"),
        (99, "٩٩ مرفقاً"),
        (100, "١٠٠ مرفق"),
        (102, "١٠٢ مرفق"),
        (103, "١٠٣ مرفقات"),
    ],
)
def test_arabic_counts_take_their_six_forms(count: int, text: str) -> None:
    assert ngettext("%(n)s attachment", "%(n)s attachments", count) == text


def test_english_counts_need_no_catalogue() -> None:
    assert ngettext("%(n)s attachment", "%(n)s attachments", 1, "en") == "1 attachment"
    assert ngettext("%(n)s attachment", "%(n)s attachments", 1200, "en") == "1,200 attachments"


def test_parameters_are_written_as_the_language_writes_them() -> None:
    assert gettext("%(a)s", a=date(2025, 11, 20)).startswith("٢٠ تشرين الثاني ٢٠٢٥")
    assert "٠٣:٠٠" in gettext("%(a)s", a=datetime(2025, 11, 20, tzinfo=UTC))
    assert gettext("%(a)s", "en", a=["x", 3]) == "x, 3"
    assert gettext("%(a)s", a="file.pdf") == isolate("file.pdf") == "\u2068file.pdf\u2069"
    assert gettext("%(a)s", a="ت/٤/١٢") == "ت\u200f/\u200f٤\u200f/\u200f١٢"


def test_an_error_becomes_a_sentence_in_both_languages() -> None:
    error = EdmsError("core.forbidden", permission="letters.sign")
    assert translate_error(error) == "لا يمنحك منصبك صلاحية هذا الإجراء."
    assert translate_error(error, "en") == "Your post does not carry the right to do this (letters.sign)."


def test_an_unknown_code_or_unfit_parameters_give_the_general_sentence_and_a_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert "no.such-code" in translate_error(Problem("x", "no.such-code"))
        assert "core.forbidden" in translate_error(EdmsError("core.forbidden", other=1), "en")
    assert len(caplog.records) == 2


def test_the_shell_lacks_no_text() -> None:
    shell = {text for text, place in catalogues.used().items() if place.startswith(("edms/web/", "edms/core/"))}
    assert not shell & set(catalogues.missing("ar"))
    assert not shell & set(catalogues.missing("en"))


def test_every_arabic_text_names_the_same_parameters_as_its_msgid() -> None:
    for msgid, text in catalogue("ar").messages.items():
        if "." not in msgid.split(" ", 1)[0] and isinstance(text, str):
            assert set(_names(text)) == set(_names(msgid)), msgid


def _names(text: str) -> list[str]:
    return [part.split(")", 1)[0] for part in text.split("%(")[1:]]


def test_the_scanner_reads_calls_and_templates() -> None:
    source = 'raise Invalid("a.b", (Problem("where", "c.d"),)); go("/x", notice="Saved"); f(_("Text"), x("no"))'
    assert set(catalogues.in_python(source)) == {"a.b", "c.d", "Saved", "Text"}
    template = "{{ _(\"One\") }} {{ ngettext('two', 'twos', n) }} {{ x_('no') }}"
    assert list(catalogues.in_template(template)) == ["One", "two"]
