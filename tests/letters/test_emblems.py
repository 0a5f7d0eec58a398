"""Emblems that people upload: what is drawn, and what hostile files are told."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from edms.core.errors import Invalid
from edms.demo.emblems import emblem_svg
from edms.letters.emblems import LARGEST, SIDE, read_emblem

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 100 100">{}</svg>'
)
CIRCLE = '<circle cx="50" cy="50" r="45" fill="#0d4c42"/>'


def svg(inside: str) -> bytes:
    return SVG.format(inside).encode()


def png(size: tuple[int, int], mode: str = "RGB", **options: object) -> bytes:
    picture = Image.new(mode, size, "#0d4c42" if mode == "RGB" else 0)
    ImageDraw.Draw(picture).line((0, 0, *size), fill=1 if mode != "RGB" else "white")
    out = io.BytesIO()
    picture.save(out, "PNG", **options)
    return out.getvalue()


def refusal(sent: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        read_emblem(sent)
    (problem,) = refused.value.problems
    assert problem.where == "emblem"
    return problem.code


def opened(sent: bytes) -> Image.Image:
    return Image.open(io.BytesIO(read_emblem(sent)))


def test_svg_is_drawn_once_at_the_resolution_of_print() -> None:
    picture = opened(svg('<rect width="100" height="100" fill="#0d4c42"/>'))
    assert picture.format == "PNG"
    assert picture.size == (SIDE, SIDE)


def test_letters_of_an_svg_are_drawn_with_our_fonts() -> None:
    picture = opened(svg('<text x="10" y="60" font-size="30">ديوان</text>')).convert("RGBA")
    assert picture.getbbox() is not None


def test_empty_margin_is_cut_off() -> None:
    assert opened(svg('<rect x="40" y="10" width="20" height="40"/>')).size == pytest.approx((118, 236), abs=3)


@pytest.mark.parametrize("device", ["columns", "gear", "wheat", "globe"])
def test_our_own_emblems_are_accepted_in_few_colours(device: str) -> None:
    picture = opened(emblem_svg(device, "wreath", "#0d4c42").encode())
    assert len(picture.convert("RGBA").getcolors(1 << 16) or ()) <= 256


def test_what_other_programs_leave_in_an_svg_is_dropped() -> None:
    sent = (
        '<?xml version="1.0"?><!-- made by hand --><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" '
        'xmlns:i="http://example.org/i" i:version="1"><i:view onclick="x"/><metadata><i:a/></metadata>'
        '<style>.a{fill:#000}</style><rect class="a" i:label="filter" width="9" height="9"/></svg>'
    )
    assert opened(sent.encode()).size == (SIDE, SIDE)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<rect onload="alert(1)" width="9" height="9"/>',
        '<image href="file:///etc/passwd" width="9" height="9"/>',
        '<image href="data:image/png;base64,AAAA" width="9" height="9"/>',
        '<use href="http://example.org/a.svg#b"/>',
        '<use xlink:href="//example.org/a.svg#b"/>',
        '<rect fill="url(http://example.org/a#b)" width="9" height="9"/>',
        '<rect style="fill:url( \'http://example.org/a\' )" width="9" height="9"/>',
        '<style>@import "http://example.org/a.css";</style>',
        "<style>@font-face{src:url(http://example.org/a.woff)}</style>",
        "<style>rect{fill:u\\72l(http://example.org)}</style>",
        "<foreignObject><p/></foreignObject>",
        '<animate attributeName="x"/>',
        '<filter id="f"/><rect filter="url(#f)" width="9" height="9"/>',
        '<rect style="filter:blur(9px)" width="9" height="9"/>',
        '<a href="javascript:alert(1)"><rect width="9" height="9"/></a>',
        '<g id="a"><use href="#a"/></g>',
        "<g>" * 80 + "</g>" * 80,
    ],
)
def test_svg_with_more_than_shapes_is_refused(inside: str) -> None:
    assert refusal(svg(CIRCLE + inside)) == "letters.emblem-unsafe"


def test_svg_with_entities_is_refused() -> None:
    bomb = '<!DOCTYPE svg [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]>' + SVG.format("<text>&b;</text>")
    assert refusal(bomb.encode()) == "letters.emblem-unsafe"
    outside = '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + SVG.format("<text>&a;</text>")
    assert refusal(outside.encode()) == "letters.emblem-unsafe"


def test_svg_that_repeats_itself_without_end_is_refused() -> None:
    rows = "".join(f'<g id="a{n}">' + f'<use href="#a{n - 1}"/>' * 10 + "</g>" for n in range(1, 9))
    assert refusal(svg(f'<defs><g id="a0">{CIRCLE}</g>{rows}</defs><use href="#a8"/>')) == "letters.emblem-unsafe"


@pytest.mark.parametrize(
    "sent",
    [
        svg(""),
        svg("<rect"),
        b"<html><svg/></html>",
        svg('<path d="M0 0' + " L100 100 L0 0" * 20000 + '" stroke="#000" stroke-dasharray="0.001"/>'),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        png((300, 300))[:200],
    ],
)
def test_what_cannot_be_drawn_is_refused(sent: bytes) -> None:
    assert refusal(sent) == "letters.emblem-damaged"


@pytest.mark.parametrize("sent", [b"", b"GIF89a", b"\xff\xd8\xff\xe0", b"%PDF-1.7", b"plain"])
def test_other_formats_are_refused(sent: bytes) -> None:
    assert refusal(sent) == "letters.emblem-format"


def test_large_file_is_refused() -> None:
    assert refusal(svg(" " * LARGEST)) == "letters.emblem-large"


@pytest.mark.parametrize("size", [(150, 150), (2000, 100)])
def test_picture_of_a_wrong_size_is_refused(size: tuple[int, int]) -> None:
    assert refusal(png(size)) == "letters.emblem-size"


def test_picture_that_declares_millions_of_pixels_is_refused_before_it_is_decoded() -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    sent = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
    assert refusal(sent) == "letters.emblem-size"


def test_png_is_made_anew_without_what_it_carried() -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "<script>alert(1)</script>")
    kept = read_emblem(png((900, 600), pnginfo=told) + b"<script>alert(2)</script>")
    assert b"script" not in kept
    assert max(Image.open(io.BytesIO(kept)).size) == SIDE
