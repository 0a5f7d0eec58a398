"""Whose copy is it: leaked pages by every way of the simulator, cut to every size, against 10,000 issued copies.

Without arguments a quick subset runs: one letter by a third of the ways. ``--whole`` runs all, some hours of one core,
and goes on where it was stopped. The exit status is 1 when anybody was named wrongly or a goal is missed.
Run ``python bench/bench_marks.py [--whole] [--write] [--peers] [--colluders] [--failures FOLDER]``.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.marks import collusion, costs, peers, table
from bench.marks.trials import Kept, Trial, run
from crypto.marks.tint import Profile
from tests.leaks.channels import CHANNELS
from tests.leaks.pages import Kind

QUICK_EVERY = 3
COUNTS = {Kind.LETTER: 3, Kind.SCAN: 3, Kind.FOREIGN: 3}


def wanted(options: argparse.Namespace) -> list[Trial]:
    """Return the trials that were asked for, those of one original together."""
    names = options.channels or [each.name for each in CHANNELS][:: 1 if options.whole else QUICK_EVERY]
    kinds = [Kind(kind) for kind in options.kinds] or ([*Kind] if options.whole else [Kind.LETTER])
    originals = [
        (kind, number) for kind in kinds for number in range(COUNTS[kind] if options.whole else options.originals)
    ]
    seeds = range(options.seeds)
    return [
        Trial(kind, number, name, 1000 * number + seed, options.profile.upper())
        for kind, number in originals
        for seed in seeds
        for name in names
    ]


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--whole", action="store_true", help="all ways and all kinds of pages")
    parser.add_argument("--kinds", nargs="*", default=[], choices=[kind.value for kind in Kind])
    parser.add_argument(
        "--channels", nargs="*", default=[], choices=[each.name for each in CHANNELS], metavar="CHANNEL"
    )
    parser.add_argument("--originals", type=int, default=1, help="pages of each kind when not --whole")
    parser.add_argument("--seeds", type=int, default=1, help="seeds for each page and way")
    parser.add_argument("--profile", default="standard", choices=[each.name.lower() for each in Profile])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--failures", type=Path, help="folder for pictures of what was not named")
    parser.add_argument("--write", action="store_true", help="write the table to docs/operate/marks.md")
    parser.add_argument("--colluders", action="store_true", help="several who mix their copies")
    parser.add_argument("--peers", action="store_true", help="invisible-watermark and DEDA on the same pages")
    return parser.parse_args(arguments)


def main() -> int:
    """Run, print the table, say what was missed."""
    options = parsed(sys.argv[1:])
    if options.peers:
        try:
            peers.require()
        except peers.NotInstalled as missing:
            raise SystemExit(f"{missing} is not installed: make install-bench") from None
    trials, kept = wanted(options), Kept()
    waiting, started = sum(trial not in kept for trial in trials), time.monotonic()
    done = run(trials, kept, processes=options.processes, failures=options.failures)
    for count, (trial, results) in enumerate(done, 1):
        said = " ".join(
            f"{one.size}{'*' * one.poor}{'' if one.marked else '(unmarked)'}:{one.outcome}" for one in results
        )
        left = (time.monotonic() - started) / count * (waiting - count) / 60
        sys.stderr.write(
            f"{count}/{waiting} {trial.kind}{trial.number} {trial.channel}: {said}  ({left:.0f} min left)\n"
        )
    results = kept.of(trials)
    spent = costs.measured(Profile[options.profile.upper()])
    mixed = collusion.tried() if options.colluders else []
    text = table.written(results, spent, mixed, peers.compared() if options.peers else [])
    sys.stdout.write(text + "\n")
    if options.write:
        table.put_into_docs(text)
    missed = table.missed(results, mixed)
    for line in missed:
        sys.stdout.write(f"missed: {line}\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
