"""The page for operators names every refusal of the gateway and who must act."""

from tests.mailgw.documented_replies import PAGE, written


def test_every_refusal_stands_on_the_operators_page_as_it_is() -> None:
    assert PAGE.read_text("utf-8") == written(), "run: python -m tests.mailgw.documented_replies"
