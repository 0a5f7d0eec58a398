"""Changes between two versions of a text."""

from hypothesis import given
from hypothesis import strategies as st

from edms.letters.changes import Change, changes


def text(subject: str, *paragraphs: str) -> dict[str, object]:
    return {"subject": subject, "body": [{"type": "paragraph", "text": each} for each in paragraphs]}


def test_changed_added_and_removed_paragraphs_are_told_in_order() -> None:
    older = text("تزويدنا ببيانات", "تحية طيبة.", "يرجى تزويدنا بالبيانات.", "مع التقدير.")
    newer = text("تزويدنا ببيانات المراكز", "تحية طيبة.", "يرجى تزويدنا بها خلال أسبوع.", "مع التقدير.", "ملحق.")
    assert changes(older, newer) == (
        Change("altered", "تزويدنا ببيانات", "تزويدنا ببيانات المراكز"),
        Change("altered", "يرجى تزويدنا بالبيانات.", "يرجى تزويدنا بها خلال أسبوع."),
        Change("added", after="ملحق."),
    )


PARAGRAPHS = st.lists(st.text(alphabet="ابتث ", min_size=1, max_size=6), max_size=8)


@given(PARAGRAPHS, PARAGRAPHS)
def test_changes_account_for_every_paragraph(before: list[str], after: list[str]) -> None:
    found = changes(text("م", *before), text("م", *after))
    assert bool(found) == (before != after)
    taken = sum(bool(each.act != "added") for each in found)
    put = sum(bool(each.act != "removed") for each in found)
    assert len(before) - taken == len(after) - put
