"""What a command prints: one JSON value, or text for people."""

import json
from collections.abc import Callable

import click


def emit(value: object, as_json: bool, text: Callable[[], str]) -> None:
    """Print ``value`` as JSON when that was asked for, else the text."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str) if as_json else text())
