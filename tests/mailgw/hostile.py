"""Messages made to hurt whoever reads them; each is a header block without From, and a body, in CRLF lines."""

import base64
import zlib
from collections.abc import Iterator

from mailgw.address import Address
from mailgw.message import compose_letter
from tests.mailgw.packages import NOON, letter_package

XML_HEAD = (
    b'Content-Type: application/xml; name="letter.xml"\r\nContent-Transfer-Encoding: base64\r\n'
    b'Content-Disposition: attachment; filename="letter.xml"\r\n\r\n'
)
_MULTIPART = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"


def hostile() -> Iterator[tuple[str, bytes]]:
    """Yield (name, message without its From)."""
    yield "ew_20000", b"Subject: " + words(20_000) + b"\r\n\r\nx\r\n"
    yield "ew_12000", b"Subject: " + words(12_000) + b"\r\n\r\nx\r\n"
    yield "to_ew_12000", b"Subject: x\r\nTo: " + words(12_000) + b"\r\nMessage-ID: " + words(1) + b"\r\n\r\nx\r\n"
    yield "parts_50000", _MULTIPART + b"--b\r\n\r\nx\r\n" * 50_000 + b"--b--\r\n"
    yield "parts_190", _MULTIPART + b"--b\r\n\r\nx\r\n" * 190 + b"--b--\r\n"
    yield "nested_multipart", nested(3000)
    yield "nested_19", nested(19)
    yield "nested_rfc822", b"Content-Type: message/rfc822\r\n\r\n" * 3000 + b"x\r\n"
    yield "headers_2000", b"".join(b"X-%d: y\r\n" % number for number in range(2000)) + b"\r\nx\r\n"
    yield "header_250kB", b"X: " + (b"y" * 900 + b"\r\n ") * 270 + b"z\r\n\r\nx\r\n"
    yield "parameters_9000", b"Content-Type: text/plain;\r\n" + parameters(9000) + b"\r\n\r\nx\r\n"
    yield "filename_9000", _MULTIPART + b"--b\r\n" + XML_HEAD.replace(
        b'filename="letter.xml"', b"\r\n " + parameters(9000)
    ) + b"eA==\r\n--b--\r\n"  # fmt: skip
    yield "charset", b"Content-Type: text/plain; charset=unicode-escape\r\n\r\n" + rb"\ud800 \udfff" + b"\r\n"
    yield "punycode", b"Content-Type: text/plain; charset=punycode\r\n\r\n" + (b"a" * 900 + b"-z\r\n") * 300
    yield "base64", b"Content-Transfer-Encoding: base64\r\n\r\n" + b"!!=!A\r\n" * 200_000
    yield "quoted", b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=3D=\r\n" * 400_000
    yield "uuencode", b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n" + b"M\xff\xff\r\n" * 100_000
    yield "empty_lines", _MULTIPART + b"--b\r\n\r\n" + b"\r\n" * 2_000_000
    for name, xml in xml_bombs():
        lines = base64.encodebytes(xml).replace(b"\n", b"\r\n")
        yield name, _MULTIPART + b"--b\r\n" + XML_HEAD + lines + b"--b--\r\n"
    yield "pdf_bomb", letter_with(pdf_bomb())


def words(count: int) -> bytes:
    """Return encoded words (RFC 2047), folded five a line."""
    line = b"=?utf-8?q?a?= " * 60
    return b"\r\n ".join([line] * (count // 60) or [b"=?utf-8?q?a?="])


def parameters(count: int) -> bytes:
    """Return a parameter in pieces (RFC 2231 §3), forty a line."""
    lines = [
        b"".join(b"filename*%d=a;" % number for number in range(start, min(start + 40, count)))
        for start in range(0, count, 40)
    ]
    return b" " + b"\r\n ".join(lines)


def nested(depth: int) -> bytes:
    """Return a multipart in a multipart, so many deep."""
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (number, number) for number in range(depth)
    )


def xml_bombs() -> Iterator[tuple[str, bytes]]:
    """Yield (name, letter.xml)."""
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 12))
    yield "xml_laughs", b'<!DOCTYPE l [<!ENTITY l0 "ha">' + laughs + b"]><letter>&l11;</letter>"
    yield (
        "xml_quadratic",
        b'<!DOCTYPE l [<!ENTITY a "' + b"x" * 50_000 + b'">]><letter>' + b"&a;" * 30_000 + b"</letter>",
    )
    yield "xml_external", b'<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><letter>&a;</letter>'
    yield "xml_deep", b"<a>" * 30_000 + b"</a>" * 30_000
    yield "xml_attributes", b"<letter " + b" ".join(b'a%d="x"' % number for number in range(20_000)) + b"/>"
    yield "xml_large", b"<letter>" + b"x" * 3_000_000 + b"</letter>"


def pdf_bomb() -> bytes:
    """Return a PDF whose cross-reference stream is 2 GB of zeros when it is inflated."""
    packer = zlib.compressobj(9)
    squeezed = b"".join([*(packer.compress(bytes(1 << 24)) for _ in range(128)), packer.flush()])
    front = b"%PDF-1.5\n"
    stream = b"1 0 obj\n<</Type/XRef/Size 2/W[1 2 1]/Root 1 0 R/Filter/FlateDecode/Length %d>>\nstream\n" % len(
        squeezed
    )
    return front + stream + b"stream\n" + squeezed + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(front)


def letter_with(pdf: bytes) -> bytes:
    """Return a letter's message around a PDF, without From, To and Date, which the sender puts before it."""
    from dataclasses import replace

    from tests.mailgw.arrivals import with_pdf

    package = replace(with_pdf(letter_package(), pdf), sender_code="10023496")
    raw = compose_letter(
        package, mail_from=Address("diwan", "interior.test"), recipients_header="<diwan@health.test>",
        message_id="bomb@interior.test", date=NOON, hostname="mail.far.test",
    )  # fmt: skip
    head, _, body = raw.partition(b"\r\n\r\n")
    left = [line for line in head.split(b"\r\n") if not line.startswith((b"From:", b"To:", b"Date:"))]
    return b"\r\n".join([*left, b"", body])
