"""The results as tables, the goals they are held against, and the page of the documentation that shows them."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.marks.collusion import Mixed
from bench.marks.costs import Cost
from bench.marks.peers import Peer
from bench.marks.trials import ISSUED, ROOT, Result
from tests.leaks.channels import BY_NAME, Group
from tests.leaks.fragments import ENOUGH_RUNS, Size
from tests.leaks.pages import Kind

PAGE: Final = ROOT / "docs" / "operate" / "marks.md"
_START, _END = "<!-- figures: start -->", "<!-- figures: end -->"
_HEADS: Final = {Kind.LETTER: "Letters", Kind.SCAN: "Pages without a text layer", Kind.FOREIGN: "PDFs of others"}


@dataclass(frozen=True, slots=True)
class Goal:
    """What is promised: at least ``share`` of these results are ``named`` (or read blind)."""

    name: str
    share: float
    results: tuple[Result, ...]
    blind: bool = False

    @property
    def right(self) -> int:
        """How many were."""
        return sum((each.blind if self.blind else each.outcome) == "named" for each in self.results)

    @property
    def held(self) -> bool:
        """Whether the promise is kept; of nothing nothing is promised."""
        return not self.results or self.right >= self.share * len(self.results) - 1e-9

    def __str__(self) -> str:
        reached = 100 * self.right / max(len(self.results), 1)
        return f"{self.name}: {self.right} of {len(self.results)} = {reached:.1f} % (goal {100 * self.share:g} %)"


def goals(results: Sequence[Result]) -> list[Goal]:
    """Return the goals, each with the results that it is about; poor fragments and the wash are apart."""
    counted = [each for each in results if each.marked and not each.poor and BY_NAME[each.channel].counted]
    letters = [each for each in counted if each.kind == Kind.LETTER]
    scans = [each for each in counted if each.kind == Kind.SCAN]
    found = [
        Goal(f"letters, {size}", share, tuple(each for each in letters if each.size == size))
        for size, share in zip(Size, (0.995, 0.995, 0.995, 0.99, 0.97), strict=True)
    ]
    found += [
        Goal(f"without a text layer, {size}", share, tuple(each for each in scans if each.size == size))
        for size, share in zip(list(Size)[:4], (0.995, 0.995, 0.995, 0.99), strict=True)
    ]
    copied = tuple(each for each in letters if each.channel == "copy2xbit300" and each.size == Size.QUARTER)
    found.append(Goal("second-generation 1-bit photocopy of a letter, 1/4", 1.0, copied))
    tinted = tuple(each for each in letters if BY_NAME[each.channel].tint and _keeps_tint(each))
    found.append(Goal("tint alone, document unknown, where tints come through", 0.99, tinted, blind=True))
    washed = [each for each in results if each.marked and each.kind == Kind.LETTER and each.channel == "wash200"]
    found.append(Goal("washed letters, 1/4", 0.9, tuple(each for each in washed if each.size == Size.QUARTER)))
    return found


def missed(results: Sequence[Result], mixed: Sequence[Mixed] = ()) -> list[str]:
    """Return what was promised and is not so; whoever is named wrongly is the first."""
    wrong = [each for each in results if "WRONG" in {each.outcome, each.blind}]
    lines = [f"WRONG: {each.kind}{each.number} {each.channel} {each.size} marked={each.marked}" for each in wrong]
    lines += [f"WRONG: an innocent, by {each.strategy} of {each.colluders}" for each in mixed if each.innocents]
    lines += [str(goal) for goal in goals(results) if not goal.held]
    return lines + [f"{each.strategy} of {each.colluders}: {each.named} named" for each in mixed if not each.held]


def _keeps_tint(result: Result) -> bool:
    return BY_NAME[result.channel].group not in {Group.SCREEN, Group.MESSENGER}


def written(
    results: Sequence[Result], costs: Sequence[Cost], mixed: Sequence[Mixed] = (), peers: Sequence[Peer] = ()
) -> str:
    """Return everything as Markdown."""
    parts = [_summary(results)]
    parts += [
        _kind(kind, [each for each in results if each.kind == kind])
        for kind in Kind
        if any(each.kind == kind for each in results)
    ]
    parts += [_goals(results), _times(results), _costs(costs)]
    parts += [_mixed(mixed)] if mixed else []
    return "\n\n".join([*parts, *([_peers(peers)] if peers else [])])


def put_into_docs(text: str) -> None:
    """Write the figures between their marks on the page."""
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(_START)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_START}\n{text}\n{_END}{after}", "utf-8")


def _summary(results: Sequence[Result]) -> str:
    marked, bare = [each for each in results if each.marked], [each for each in results if not each.marked]
    wrong = sum("WRONG" in {each.outcome, each.blind} for each in results)
    pairs = sum(int(each.answer["pairs"]) for each in results)
    originals = {(each.kind, each.number) for each in results}
    profiles = ", ".join(sorted({each.profile.lower() for each in results}))
    return (
        f"{len(marked)} pictures of marked pages and {len(bare)} of unmarked ones from {len(originals)} originals, "
        f"profile {profiles}, {ISSUED:,} issued copies of each original, bound 10⁻⁹ a picture; {pairs:.1e} scores of "
        f"innocent copies. **Named wrongly: {wrong}.** A cell says: named / cannot tell / wrong; how many of them by "
        "the tint alone with the document unknown."
    )


def _kind(kind: Kind, results: Sequence[Result]) -> str:
    rich = [each for each in results if each.marked and not each.poor]
    lines = [f"### {_HEADS[kind]}", "", "| way | " + " | ".join(Size) + " |", "|---|" + "---|" * len(Size)]
    for group in Group:
        of_group = [each for each in rich if BY_NAME[each.channel].group is group]
        if of_group:
            ways = len({each.channel for each in of_group})
            lines.append(f"| {group} ({ways}) | " + " | ".join(_cell(_sized(of_group, size)) for size in Size) + " |")
    counted = [each for each in rich if BY_NAME[each.channel].counted]
    lines.append("| **all but the wash** | " + " | ".join(_share(_sized(counted, size)) for size in Size) + " |")
    poor = [each for each in results if each.marked and each.poor and BY_NAME[each.channel].counted]
    if poor:
        cells = ", ".join(f"{size} {_cell(_sized(poor, size))}" for size in Size if _sized(poor, size))
        lines += ["", f"Apart from these, places with fewer than {ENOUGH_RUNS} runs of letters: {cells}."]
    bare = [each for each in results if not each.marked]
    if bare:
        alarms = sum(each.outcome != "silent" or each.blind != "silent" for each in bare)
        lines += ["", f"Unmarked quarter pages: {len(bare)}, false alarms: {alarms}."]
    return "\n".join(lines)


def _sized(results: Iterable[Result], size: Size) -> list[Result]:
    return [each for each in results if each.size == size]


def _cell(results: Sequence[Result]) -> str:
    if not results:
        return "–"
    counts = [sum(each.outcome == outcome for each in results) for outcome in ("named", "silent", "WRONG")]
    return f"{counts[0]} / {counts[1]} / {counts[2]}; {sum(each.blind == 'named' for each in results)}"


def _share(results: Sequence[Result]) -> str:
    if not results:
        return "–"
    named = sum(each.outcome == "named" for each in results)
    return f"**{named} of {len(results)} = {100 * named / len(results):.1f} %**"


def _goals(results: Sequence[Result]) -> str:
    lines = ["### Goals", ""]
    lines += [f"- {'held' if goal.held else '**missed**'}: {goal}" for goal in goals(results) if goal.results]
    return "\n".join(lines)


def _times(results: Sequence[Result]) -> str:
    lines = ["### Seconds to read one picture at a known document, one core", ""]
    lines += ["| size | tint: median, greatest | both layers: median, 95 %, greatest |", "|---|---|---|"]
    for size in Size:
        tint = [float(each.answer["tint_seconds"]) for each in results if each.size == size]
        both = sorted(float(each.answer["seconds"]) for each in results if each.size == size)
        if both:
            high = both[min(len(both) - 1, int(0.95 * len(both)))]
            lines.append(
                f"| {size} | {statistics.median(tint):.2f}, {max(tint):.1f} "
                f"| {statistics.median(both):.2f}, {high:.1f}, {both[-1]:.1f} |"
            )
    return "\n".join(lines)


def _costs(costs: Sequence[Cost]) -> str:
    lines = ["### What marking costs", ""]
    lines += ["| page | finding runs, once | marking a copy | bytes more a page | mean luma | greatest step on paper |"]
    lines += ["|---|---|---|---|---|---|"]
    lines += [
        f"| {each.kind} | {each.found_ms:.0f} ms a page | {each.marked_ms:.0f} ms a page "
        f"| {each.more_bytes // each.pages:,} | −{each.darker:.2f} % | {each.step:.1f} levels |"
        for each in costs
    ]
    return "\n".join(lines)


def _mixed(mixed: Sequence[Mixed]) -> str:
    lines = ["### Several who lay their copies over one another", ""]
    lines += ["| colluders | pages | strategy | named | innocents named |", "|---|---|---|---|---|"]
    lines += [
        f"| {each.colluders} | {each.pages} | {each.strategy} | {each.named} | {each.innocents} |" for each in mixed
    ]
    return "\n".join(lines)


def _peers(peers: Sequence[Peer]) -> str:
    lines = ["### Peers on the same pages", ""]
    lines += [
        "For invisible-watermark, bits of 64 that were read right (26 and 38 are those of all zeros and all ones);",
        "for DEDA, what its own tool says. Whole page / a quarter.",
        "",
    ]
    names = list(dict.fromkeys(each.name for each in peers))
    ways = list(dict.fromkeys(each.way for each in peers))
    lines += ["| way | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    said = {(each.way, each.name): each.said for each in peers}
    lines += [f"| {way} | " + " | ".join(said.get((way, name), "–") for name in names) + " |" for way in ways]
    return "\n".join(lines)
