"""The bench of marks counts as it says: wrong names first, poor places apart, unfinished lines again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.marks import table, trials
from bench.marks.collusion import Mixed, average, darker, lighter, majority, minority, mosaic
from bench.marks.trials import Kept, Result, Trial, verdict
from tests.leaks.fragments import Size
from tests.leaks.pages import Kind

TRIAL = Trial(Kind.LETTER, 0, "png300", 0, "STANDARD")
ANSWER = {"pairs": 9999, "tint_seconds": 0.5, "seconds": 1.0}
RESULT = Result(
    kind="letter", number=0, channel="png300", seed=0, profile="STANDARD", size="page", poor=False, marked=True,
    runs=600, pixels=100, outcome="named", blind="named", answer=ANSWER,
)  # fmt: skip


def test_a_verdict_is_named_silent_or_wrong() -> None:
    assert verdict((5,), 5) == "named"
    assert verdict((), 5) == verdict((), None) == "silent"
    assert verdict((6,), 5) == verdict((5, 6), 5) == verdict((5,), None) == "WRONG"


def test_results_are_kept_and_an_unfinished_line_runs_again(tmp_path: Path) -> None:
    path = tmp_path / "marks.jsonl"
    other = replace(TRIAL, channel="shot96")
    kept = Kept(path)
    kept.keep(TRIAL, [RESULT])
    kept.keep(other, [replace(RESULT, channel="shot96")])
    text = path.read_text("utf-8")
    path.write_text(text[: len(text) - 30], "utf-8")
    again = Kept(path)
    assert TRIAL in again
    assert other not in again
    assert again.of([TRIAL, other]) == [RESULT]
    again.keep(other, [replace(RESULT, channel="shot96")])
    assert len(Kept(path).of([TRIAL, other])) == 2


def test_results_of_other_sources_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "marks.jsonl"
    Kept(path).keep(TRIAL, [RESULT])
    monkeypatch.setattr(trials, "_version", lambda: "another")
    assert TRIAL not in Kept(path)
    assert json.loads(path.read_text("utf-8"))["results"][0]["outcome"] == "named"


@pytest.mark.parametrize("wrong", [{"outcome": "WRONG"}, {"blind": "WRONG"}, {"outcome": "WRONG", "marked": False}])
def test_a_wrong_name_is_missed_whatever_else_holds(wrong: dict[str, object]) -> None:
    results = [RESULT] * 2000
    assert table.missed(results) == []
    assert table.missed([*results, replace(RESULT, **wrong)])[0].startswith("WRONG: letter0 png300 page")  # type: ignore[arg-type]


def test_goals_leave_out_poor_places_unmarked_pages_and_the_wash() -> None:
    silent = replace(RESULT, outcome="silent", blind="silent")
    apart = [replace(silent, poor=True), replace(silent, marked=False), replace(silent, channel="wash200strong")]
    assert table.missed([RESULT, *apart]) == []
    assert table.missed([RESULT, silent]) == [
        "letters, page: 1 of 2 = 50.0 % (goal 99.5 %)",
        "tint alone, document unknown, where tints come through: 1 of 2 = 50.0 % (goal 99 %)",
    ]


def test_the_table_shows_each_size_and_what_was_not_named() -> None:
    results = [replace(RESULT, size=size.value) for size in Size]
    results += [replace(RESULT, channel="bit300", size="1/4", outcome="silent", blind="silent")]
    text = table.written(results, [])
    assert (
        "| files and screenshots (1) | 1 / 0 / 0; 1 | 1 / 0 / 0; 1 | 1 / 0 / 0; 1 | 1 / 0 / 0; 1 | 1 / 0 / 0; 1 |"
        in text
    )
    assert "| 1-bit files (1) | – | – | 0 / 1 / 0; 0 | – | – |" in text
    assert "**1 of 2 = 50.0 %**" in text
    assert "**Named wrongly: 0.**" in text


def test_figures_replace_figures_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "marks.md"
    page.write_text(f"before\n{table._START}\nold\n{table._END}\nafter\n", "utf-8")
    monkeypatch.setattr(table, "PAGE", page)
    table.put_into_docs("new")
    assert page.read_text("utf-8") == f"before\n{table._START}\nnew\n{table._END}\nafter\n"


def test_the_page_of_the_documentation_has_a_place_for_the_figures() -> None:
    text = table.PAGE.read_text("utf-8")
    assert 0 < text.index(table._START) < text.index(table._END)


def test_mixed_copies_must_name_the_guilty_and_them_alone() -> None:
    assert Mixed(2, 1, "average", 2, 0).held
    assert Mixed(5, 5, "mosaic", 1, 0).held
    missed = table.missed([RESULT], [Mixed(2, 1, "average", 1, 0), Mixed(5, 5, "minority", 3, 1)])
    assert missed[0] == "WRONG: an innocent, by minority of 5"
    assert missed[1:] == ["average of 2: 1 named", "minority of 5: 3 named"]


def test_strategies_of_colluders_do_what_they_say() -> None:
    copies = [np.full((400, 400, 3), level, np.uint8) for level in (10, 200, 200, 200, 240)]
    rng = np.random.default_rng(1)
    for strategy, level in ((average, 170), (lighter, 240), (darker, 10), (majority, 200), (minority, 10)):
        assert (strategy(copies, rng) == level).all(), strategy.__name__
    assert {int(value) for value in np.unique(mosaic(copies, rng))} <= {10, 200, 240}
    assert len(np.unique(mosaic(copies, rng))) > 1
