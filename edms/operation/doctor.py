"""Every check of an installation in order, each in its own try: a broken one never hides the others."""

from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from crypto.errors import CryptoError
from edms.core.errors import EdmsError
from edms.core.parts import Parts
from edms.operation import authority_checks, data_checks, log_checks, machine_checks, vault_checks
from edms.operation.finding import Finding, State, fail, ok
from edms.operation.site import Site

Check = Callable[[Parts, Site], Finding]


def settings(_parts: Parts, _site: Site) -> Finding:
    """Say that the settings were read: with wrong ones no command begins."""
    return ok("settings", "in order (diwan config show)")


CHECKS: Sequence[tuple[str, Check, str]] = (
    ("python", machine_checks.python, "make install"),
    ("settings", settings, "diwan config check"),
    ("data", data_checks.folder, "diwan init"),
    ("secret", data_checks.secret, "diwan init"),
    ("keys", data_checks.key_file, "restore the key file and its secret together, or diwan init for a new start"),
    ("database", data_checks.database, "start the database server, or correct database.url"),
    ("vault", vault_checks.vault, "put the vault back where keys.vault_file says"),
    ("content", data_checks.content, "give the data folder to the user that runs Diwan"),
    ("certificate", data_checks.certificate, "diwan init, or name certificate files in gateway.tls_certificate"),
    ("root", authority_checks.root, "carry it to another place"),
    ("authority", authority_checks.authority, "diwan authority renew --root FILE"),
    ("peer-lists", authority_checks.peer_lists, "diwan installation crl FILE"),
    ("timestamp", authority_checks.timestamp, "correct timestamp.url and timestamp.certificate_file"),
    ("log", log_checks.log, "diwan audit verify, and docs/operate/audit-log.md"),
    ("queue", data_checks.queue, "diwan db upgrade"),
    ("fonts", machine_checks.fonts, "make install"),
    ("assets", machine_checks.assets, "make assets"),
    ("words", machine_checks.words, "apt-get install tesseract-ocr-ara"),
    ("clock", machine_checks.clock, "let NTP keep the clock"),
    ("ports", machine_checks.ports, "end the other program or change the setting"),
)


def examine(parts: Parts, site: Site, *, say: Callable[[Exception], str] = str) -> list[Finding]:
    """Return the findings of all checks; ``say`` puts a refusal into words."""
    return [_examine(name, check, remedy, parts, site, say) for name, check, remedy in CHECKS]


def healthy(findings: Sequence[Finding]) -> bool:
    """Say whether no check failed."""
    return all(finding.state is not State.FAIL for finding in findings)


def _examine(
    name: str, check: Check, remedy: str, parts: Parts, site: Site, say: Callable[[Exception], str]
) -> Finding:
    try:
        return check(parts, site)
    except (EdmsError, CryptoError, OSError) as error:
        return fail(name, say(error), remedy)
    except SQLAlchemyError as error:
        return fail(name, f"the database refuses: {type(error).__name__}", remedy)
