"""The ways by which a page leaks: the table of channels, each a pure function of a page and a seeded generator."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from edms.codes.page_images import page_png
from tests.leaks import camera, optics, paper, washing
from tests.leaks.camera import Shot
from tests.leaks.sheets import MM_PER_INCH, Leak, Picture, Sheet, even, then

Rng = np.random.Generator
Way = Callable[[Sheet, Rng], Leak]


class Group(StrEnum):
    """What the table of results puts together."""

    FILE = "files and screenshots"
    GEOMETRY = "rotate, scale"
    TWO_VALUED = "1-bit files"
    COLOUR_SCAN = "colour print, scan"
    MONO_SCAN = "mono print, grey scan"
    NO_TINT = "tint gone: bleached, cut, 1-bit scan"
    COPY = "photocopy, also of a photocopy"
    PHOTO = "phone photo of paper"
    SCREEN = "phone photo of a screen"
    MESSENGER = "phone photo and messenger"
    WASH = "wash (knows of the marks)"


@dataclass(frozen=True, slots=True)
class Channel:
    """One way: ``tint`` says whether pale tints come through, ``counted`` whether the goals count it."""

    name: str
    group: Group
    way: Way
    tint: bool = True
    counted: bool = True

    def leak(self, sheet: Sheet, seed: int) -> Leak:
        """Return what comes out, the same for the same seed; channels draw from different streams."""
        return self.way(sheet, np.random.default_rng([seed, *self.name.encode()]))


def _picture(sheet: Sheet, dpi: float, finish: Callable[[Picture], Picture], *, sub_pixels: bool = False) -> Leak:
    return Leak(finish(sheet.picture(dpi, sub_pixels=sub_pixels)), even(dpi))


def _file(dpi: int, quality: int | None = None) -> Way:
    """A page saved as a picture: PNG, or JPEG of a quality."""
    return lambda sheet, _: _picture(
        sheet, dpi, lambda picture: optics.jpeg(picture, quality) if quality else picture.copy()
    )


def _sent(dpi: int, longest: int, quality: int) -> Way:
    """A page saved as a picture and sent by a messenger."""
    return lambda sheet, _: camera.by_messenger(_picture(sheet, dpi, lambda picture: picture), longest, quality)


def _shot(dpi: float, *, scale: float = 1.0, quality: int | None = None, sub_pixels: bool = False) -> Way:
    """A screenshot of a viewer at a zoom, perhaps scaled by the desktop, perhaps saved as JPEG."""

    def way(sheet: Sheet, _: Rng) -> Leak:
        picture = sheet.picture(dpi, sub_pixels=sub_pixels)
        height, width = picture.shape[:2]
        size = (round(width * scale), round(height * scale))
        shown = optics.resized(picture, *size) if scale != 1 else picture.copy()
        factors = np.array([size[0] / width, size[1] / height])
        return Leak(optics.jpeg(shown, quality) if quality else shown, then(even(dpi), lambda points: points * factors))

    return way


def _read(served: int, shown: int) -> Way:
    """The picture that the reading page serves, ``served`` pixels wide, shown ``shown`` pixels wide and saved."""

    def way(sheet: Sheet, _: Rng) -> Leak:
        png = Image.open(BytesIO(page_png(sheet.pdf, sheet.page + 1, served))).convert("RGB")
        picture = np.asarray(png, dtype=np.uint8)
        size = (shown, round(picture.shape[0] * shown / picture.shape[1]))
        seen = picture.copy() if shown == served else optics.resized(picture, *size)
        width, height = sheet.size_mm()
        return Leak(seen, even(size[0] / width * MM_PER_INCH, size[1] / height * MM_PER_INCH))

    return way


def _scan(dpi: int, quality: int, *, colour: bool, cut: bool = False, white: int = 249, noise: float = 1.4) -> Way:
    """A page printed and scanned."""
    return lambda sheet, rng: paper.scanned(
        paper.printed(sheet, rng, colour=colour, cut=cut),
        rng,
        dpi=dpi,
        quality=quality,
        colour=colour,
        white=white,
        noise=noise,
    )


def _copies(sheet: Sheet, rng: Rng, generations: int) -> paper.Print:
    sheet_of_paper = paper.printed(sheet, rng, colour=False)
    for _ in range(generations):
        sheet_of_paper = paper.copied(sheet_of_paper, rng)
    return sheet_of_paper


def _copy(generations: int, dpi: int) -> Way:
    """Printed in black, copied so many times, scanned in grey."""
    return lambda sheet, rng: paper.scanned(_copies(sheet, rng, generations), rng, dpi=dpi, quality=80, colour=False)


def _copy_in_two(generations: int, dpi: int) -> Way:
    """Printed in black, copied so many times, scanned in black and white."""
    return lambda sheet, rng: paper.scanned_in_two(_copies(sheet, rng, generations), rng, dpi=dpi)


def _photo(shot: Shot, *, colour: bool = True) -> Way:
    """Printed and photographed."""
    return lambda sheet, rng: camera.photographed(paper.printed(sheet, rng, colour=colour), rng, shot)


def _screen(shot: Shot) -> Way:
    """Shown and photographed."""
    return lambda sheet, rng: camera.photographed_screen(sheet, rng, shot)


def _passed_on(way: Way, longest: int, quality: int) -> Way:
    """Then sent by a messenger."""
    return lambda sheet, rng: camera.by_messenger(way(sheet, rng), longest, quality)


def _bleached(dpi: int, quality: int) -> Way:
    return lambda sheet, _: _picture(sheet, dpi, lambda picture: washing.bleached(optics.jpeg(picture, quality)))


def _wash(sigma_mm: float, knots_mm: float) -> Way:
    return lambda sheet, rng: washing.washed(sheet, rng, 200, sigma_mm=sigma_mm, knots_mm=knots_mm)


_STRAIGHT: Final = Shot()
_TILTED: Final = Shot(tilt=17, turn=8, fill=0.88)
_CURLED: Final = Shot(tilt=7, turn=4, curl=14)
_DIM: Final = Shot(tilt=6, turn=3, light=150, uneven=0.3, grain=2.6, blur=1.1, warmth=0.10, quality=80)
_AT_SCREEN: Final = Shot(tilt=3, turn=1, fill=0.92, light=225, uneven=0.05, warmth=-0.02)
_FAR_FROM_SCREEN: Final = Shot(tilt=4, turn=2, fill=0.62, light=225, uneven=0.05, warmth=-0.02)
_AT_SCREEN_TILTED: Final = Shot(tilt=10, turn=4, fill=0.9, light=225, uneven=0.05, warmth=-0.02)

CHANNELS: Final = (
    Channel("png300", Group.FILE, _file(300)),
    Channel("png150", Group.FILE, _file(150)),
    Channel("jpg300q90", Group.FILE, _file(300, 90)),
    Channel("jpg200q75", Group.FILE, _file(200, 75)),
    Channel("jpg200q50", Group.FILE, _file(200, 50)),
    Channel("jpg150q75", Group.FILE, _file(150, 75)),
    Channel("sent1600", Group.FILE, _sent(200, 1600, 75)),
    Channel("sent1280", Group.FILE, _sent(200, 1280, 65)),
    Channel("shot96", Group.FILE, _shot(96)),
    Channel("shot96lcd", Group.FILE, _shot(96, sub_pixels=True)),
    Channel("shot110", Group.FILE, _shot(110)),
    Channel("shot144", Group.FILE, _shot(144)),
    Channel("shot96x125", Group.FILE, _shot(96, scale=1.25)),
    Channel("shot144q80", Group.FILE, _shot(144, scale=0.85, quality=80)),
    Channel("read794", Group.FILE, _read(794, 794)),
    Channel("read1588", Group.FILE, _read(1588, 1588)),
    Channel("read1588at794", Group.FILE, _read(1588, 794)),
    Channel("turn1", Group.GEOMETRY, lambda sheet, _: washing.changed(sheet, 200, degrees=1.3)),
    Channel("turn7", Group.GEOMETRY, lambda sheet, _: washing.changed(sheet, 200, degrees=-7.0)),
    Channel("turn90", Group.GEOMETRY, lambda sheet, _: washing.quarter_turned(sheet, 150)),
    Channel("scale70", Group.GEOMETRY, lambda sheet, _: washing.changed(sheet, 200, scale=(0.7, 0.7))),
    Channel("scale130", Group.GEOMETRY, lambda sheet, _: washing.changed(sheet, 150, scale=(1.3, 1.3))),
    Channel("stretch", Group.GEOMETRY, lambda sheet, _: washing.changed(sheet, 200, degrees=0.6, scale=(1.02, 0.97))),
    Channel("bit300", Group.TWO_VALUED, lambda sheet, _: washing.in_two(sheet, 300, dithered=False), tint=False),
    Channel("bit300dither", Group.TWO_VALUED, lambda sheet, _: washing.in_two(sheet, 300, dithered=True), tint=False),
    Channel("colour150", Group.COLOUR_SCAN, _scan(150, 80, colour=True)),
    Channel("colour200", Group.COLOUR_SCAN, _scan(200, 80, colour=True)),
    Channel("colour300", Group.COLOUR_SCAN, _scan(300, 85, colour=True)),
    Channel("colour200q50", Group.COLOUR_SCAN, _scan(200, 50, colour=True)),
    Channel("colour200noisy", Group.COLOUR_SCAN, _scan(200, 75, colour=True, white=244, noise=3.5)),
    Channel("mono200", Group.MONO_SCAN, _scan(200, 80, colour=False), tint=False),
    Channel("mono300", Group.MONO_SCAN, _scan(300, 85, colour=False), tint=False),
    Channel("bleach200", Group.NO_TINT, _bleached(200, 85), tint=False),
    Channel("monocut200", Group.NO_TINT, _scan(200, 80, colour=False, cut=True), tint=False),
    Channel("monocut300", Group.NO_TINT, _scan(300, 80, colour=False, cut=True), tint=False),
    Channel("colourcut200", Group.NO_TINT, _scan(200, 80, colour=True, cut=True, white=262), tint=False),
    Channel(
        "monobit300", Group.NO_TINT,
        lambda sheet, rng: paper.scanned_in_two(paper.printed(sheet, rng, colour=False), rng, dpi=300), tint=False,
    ),
    Channel("copy200", Group.COPY, _copy(1, 200), tint=False),
    Channel("copy2x200", Group.COPY, _copy(2, 200), tint=False),
    Channel("copy2xbit300", Group.COPY, _copy_in_two(2, 300), tint=False),
    Channel("photo", Group.PHOTO, _photo(_STRAIGHT)),
    Channel("phototilt", Group.PHOTO, _photo(_TILTED)),
    Channel("photocurl", Group.PHOTO, _photo(_CURLED)),
    Channel("photodim", Group.PHOTO, _photo(_DIM)),
    Channel("photomono", Group.PHOTO, _photo(_STRAIGHT, colour=False), tint=False),
    Channel("screen", Group.SCREEN, _screen(_AT_SCREEN)),
    Channel("screentilt", Group.SCREEN, _screen(_AT_SCREEN_TILTED)),
    Channel("screenfar", Group.SCREEN, _screen(_FAR_FROM_SCREEN)),
    Channel("photo1600", Group.MESSENGER, _passed_on(_photo(_STRAIGHT), 1600, 75)),
    Channel("phototilt1280", Group.MESSENGER, _passed_on(_photo(_TILTED), 1280, 65)),
    Channel("photocurl1600", Group.MESSENGER, _passed_on(_photo(_CURLED), 1600, 70)),
    Channel("screen1600", Group.MESSENGER, _passed_on(_screen(_AT_SCREEN), 1600, 70)),
    Channel("wash200", Group.WASH, _wash(0.15, 4.0), tint=False, counted=False),
    Channel("wash200strong", Group.WASH, _wash(0.30, 2.5), tint=False, counted=False),
)  # fmt: skip
"""All channels; the goals count those of every group but WASH."""

BY_NAME: Final = {channel.name: channel for channel in CHANNELS}
