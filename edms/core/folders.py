"""Folders whose entries must survive a power cut."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make durable which files a folder names (fsync of the folder itself); raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
