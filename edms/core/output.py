"""What a command prints: one JSON value, or text for people; and how far long work has come."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


def emit(value: object, as_json: bool, text: Callable[[], str]) -> None:
    """Print ``value`` as JSON when that was asked for, else the text."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str) if as_json else text())


@contextmanager
def progress_bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many of ``total`` are done; draws a bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)
