"""Real texts and files of the shared data folder beside the checkout: read where they are, never copied."""

import os
import tarfile
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NoReturn

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "../shared/data"
_LAWS = FOLDER / "ar-official-texts" / "saudi-laws-A.tar.xz"


def official_texts(limit: int) -> list[str]:
    """Return the first `limit` official Arabic texts, without their front matter and headings marks.

    Where the data is missing the test is skipped; under CI that is a failure.
    """
    if not _LAWS.is_file():
        missing(f"the official texts are not at {_LAWS}")
    return list(_texts(limit))


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it under CI, where the data must be there."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@cache
def _texts(limit: int) -> tuple[str, ...]:
    with tarfile.open(_LAWS, "r|xz") as archive:
        files = (member for member in archive if member.isfile() and member.name.endswith(".md"))
        named = (member for member in files if not member.name.endswith("README.md"))
        return tuple(_plain(archive.extractfile(member).read().decode()) for member in islice(named, limit))  # type: ignore[union-attr]


def _plain(markdown: str) -> str:
    body = markdown.split("\n---\n", 1)[-1]
    return "\n".join(line.lstrip("#>*- ").strip() for line in body.splitlines()).strip()
