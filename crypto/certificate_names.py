"""Names in certificates: within the bounds of RFC 5280, and such that every reader compares them alike."""

from stringprep import in_table_d1, in_table_d2
from unicodedata import normalize

from cryptography import x509
from cryptography.x509.oid import NameOID

_LONGEST_NAME = 64  # ub-common-name and ub-organization-name, RFC 5280 Appendix A.1; cryptography counts bytes
_MOST_WHOLE = 32_768
_KASHIDA = "\u0640"
_WHOLE_NAME = x509.ObjectIdentifier("2.5.4.41")  # id-at-name, up to 32768 letters


def subject_name(*, common_name: str, organization: str, serial_number: str | None, unit: str = "") -> x509.Name:
    """Return the subject; a name that the bounds of RFC 5280 cut stands whole in the attribute ``name``."""
    whole = _one_direction(common_name, _MOST_WHOLE)
    short = _one_direction(common_name, _LONGEST_NAME)
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, _one_direction(organization, _LONGEST_NAME)),
        x509.NameAttribute(NameOID.COMMON_NAME, short),
    ]
    if short != whole:
        attributes.append(x509.NameAttribute(_WHOLE_NAME, whole))
    if unit:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    if serial_number is not None:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number))
    return x509.Name(attributes)


def names_of(certificate_der: bytes) -> frozenset[str]:
    """Return the host names (lower case) and addresses that a certificate is for (RFC 6125: subjectAltName alone)."""
    try:
        found = x509.load_der_x509_certificate(certificate_der).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (ValueError, x509.ExtensionNotFound):
        return frozenset()
    names = (*found.value.get_values_for_type(x509.DNSName), *found.value.get_values_for_type(x509.IPAddress))
    return frozenset(str(name).lower() for name in names)


def _one_direction(name: str, longest: int) -> str:
    """Return the name so that every reader of certificates compares it, in at most ``longest`` bytes of UTF-8.

    Some readers hold names to RFC 3454 §6, though RFC 4518 §2.5 frees them of it: beside right-to-left letters no Latin
    one, and such a letter at both ends. Latin letters are left out of an Arabic name then, and a kashida closes a name
    that ends with a digit or a bracket; the body is known by its code (serialNumber), the name is for people.
    """
    if not any(map(in_table_d1, name)):
        return _cut(name, longest)
    kept = "".join(letter for letter in normalize("NFKC", name) if not in_table_d2(letter))
    kept = _cut(" ".join(kept.split()), longest - 2 * len(_KASHIDA.encode()))
    before = "" if in_table_d1(kept[:1] or " ") else _KASHIDA
    after = "" if in_table_d1(kept[-1:] or " ") else _KASHIDA
    return f"{before}{kept}{after}"


def _cut(name: str, longest: int) -> str:
    """Return the name up to the last whole word within ``longest`` bytes of UTF-8."""
    raw = name.encode()
    if len(raw) <= longest:
        return name
    start = raw[: longest + 1].decode(errors="ignore")
    return start.rpartition(" ")[0].strip() or raw[:longest].decode(errors="ignore")
