"""Reading text files from a folder and from the tar archives in it, without ever unpacking one to disk."""

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edms.core.errors import Invalid

TEXT_SUFFIXES = (".md", ".txt")
ARCHIVE_SUFFIXES = (".tar.xz", ".tar.gz", ".tgz")
NOT_LETTERS = frozenset({"readme", "source", "license", "licence", "notice", "changelog"})
MAX_FILE = 2 * 1024 * 1024  # bytes of one text
MAX_MEMBERS = 50_000  # entries of one archive, of any kind
MAX_TOTAL = 256 * 1024 * 1024  # bytes of text of one archive


def texts_under(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of every .txt and .md under ``folder`` and in its .tar.xz and .tar.gz, sorted by path.

    Links, files over ``MAX_FILE`` bytes and files named README, SOURCE, LICENSE … are passed over. Raises Invalid
    ``demo.texts-missing`` when the folder is not there, ``demo.archive-unreadable`` or ``demo.archive-too-large``.
    """
    if not folder.is_dir():
        raise Invalid("demo.texts-missing", folder=str(folder))
    for path in sorted(folder.rglob("*"), key=lambda found: found.relative_to(folder).as_posix()):
        if path.is_symlink() or not path.is_file():
            continue
        if path.name.endswith(ARCHIVE_SUFFIXES):
            yield from _archived(path)
        elif _is_text(path.name) and path.stat().st_size <= MAX_FILE:
            yield path.name, _decode(path.read_bytes())


def _archived(path: Path) -> list[tuple[str, str]]:
    found: list[tuple[str, bytes]] = []
    try:
        with tarfile.open(path, "r:*") as archive:
            total = 0
            for count, member in enumerate(archive, start=1):
                if member.isfile() and _is_text(member.name) and member.size <= MAX_FILE:
                    total += member.size
                    source = archive.extractfile(member)
                    if source is not None:
                        found.append((member.name, source.read(MAX_FILE)))
                # members that are passed over still cost their unpacking, so the bound is on where we are in the stream
                if count > MAX_MEMBERS or total > MAX_TOTAL or archive.offset > 2 * MAX_TOTAL:
                    raise Invalid("demo.archive-too-large", name=path.name)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        raise Invalid("demo.archive-unreadable", name=path.name) from error
    return [(name, _decode(data)) for name, data in sorted(found)]


def _is_text(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in TEXT_SUFFIXES and path.stem.lower() not in NOT_LETTERS


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1256", errors="replace")  # what older Arabic word processors save as .txt
