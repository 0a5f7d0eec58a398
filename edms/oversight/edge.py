"""Where the auditor's pages stand."""

from typing import Final

HOME: Final = "/audit-log"
