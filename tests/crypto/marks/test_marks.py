"""Hidden marks on real pages: what is read back, from how little, and that nothing else of a page changes."""

import subprocess
from io import BytesIO

import cv2
import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL.JpegImagePlugin import get_sampling

from crypto.digests import sha256
from crypto.errors import CannotMark
from crypto.marks import marking
from crypto.marks.arrays import Image
from crypto.marks.identifying import Suspect, blind_chance, identify
from crypto.marks.keys import MarkKey
from crypto.marks.marking import HiddenMark, MarkablePdf
from crypto.marks.originals import reference_page, rendered_gray
from crypto.marks.payload import TintCode
from crypto.marks.samples import sample_pdf
from crypto.marks.tint import Profile
from crypto.marks.tint_reading import TintReadings, read_tint
from edms.letters.rendition.letter import render_letter
from tests.leaks import pages
from tests.letters.rendition.samples import LETTER

KEY, OTHER = MarkKey("2026-11", b"k" * 32), MarkKey("2026-10", b"o" * 32)
NUMBER = 48_291_736_502
OTHERS = [int(number) for number in np.random.default_rng(7).integers(0, 10**11, 9_999)]


@pytest.fixture(scope="module")
def letter() -> bytes:
    return render_letter(LETTER)


def marked(pdf: bytes, number: int = NUMBER, *, key: MarkKey = KEY, profile: Profile = Profile.STANDARD) -> bytes:
    original = MarkablePdf(pdf)
    out = BytesIO()
    with original.opened() as document:
        original.hide(document, HiddenMark.of(number, key, original.digest, profile))
        document.save(out, deterministic_id=True)
    return out.getvalue()


def picture(pdf: bytes, dpi: float, *, page: int = 0) -> Image:
    bitmap = pypdfium2.PdfDocument(pdf)[page].render(scale=dpi / 72, rev_byteorder=True)
    return np.ascontiguousarray(bitmap.to_numpy()[:, :, :3])


def piece(image: Image, part: int) -> Image:
    """Cut the middle of the upper half, one ``part``-th of each side."""
    height, width = image.shape[0] // part, image.shape[1] // part
    top, left = image.shape[0] // 4, (image.shape[1] - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def named(image: Image, pdf: bytes, numbers: list[int], *, tint: bool = True) -> set[int]:
    codes = [TintCode(KEY)]
    read = read_tint(image, codes) if tint else TintReadings((), 0)
    return {each.number for each in identify([image], [read], codes, [Suspect.of(pdf, {KEY: numbers})]).named}


@pytest.mark.parametrize("profile", Profile)
def test_tint_is_read_blind_whatever_the_month(letter: bytes, profile: Profile) -> None:
    codes = [TintCode(key) for key in (OTHER, KEY)]
    page = picture(marked(letter, profile=profile), 150)
    for part in (2, 4):
        found = read_tint(piece(page, part), codes).named
        assert found is not None
        assert (found.number, found.code) == (NUMBER, 1)


def test_tint_is_read_turned_scaled_and_tilted(letter: bytes) -> None:
    page = piece(picture(marked(letter), 200), 2)
    height, width = page.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    for quad in (
        np.array([[height, 0], [height, width], [0, width], [0, 0]]),
        corners * 0.6,
        corners + np.array([[40, 25], [-15, 0], [-55, -30], [10, -45]], np.float32),
    ):
        laid = cv2.warpPerspective(
            page, cv2.getPerspectiveTransform(corners, quad.astype(np.float32)),
            (int(quad[:, 0].max()), int(quad[:, 1].max())), flags=cv2.INTER_AREA, borderValue=(255, 255, 255),
        )  # fmt: skip
        found = read_tint(np.asarray(laid, np.uint8), [TintCode(KEY)]).named
        assert found is not None
        assert found.number == NUMBER


def sent(image: Image) -> Image:
    """Tilt a picture and send it through a messenger: 1,280 pixels, JPEG 75."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    quad = (corners * 0.96 + np.array([[70, 45], [5, 30], [-15, 10], [40, -5]])).astype(np.float32)
    place = cv2.getPerspectiveTransform(corners, quad)
    tilted = cv2.warpPerspective(image, place, (width, height), flags=cv2.INTER_AREA, borderValue=(90, 80, 70))
    small = cv2.resize(tilted, None, fx=1280 / max(height, width), fy=1280 / max(height, width), interpolation=3)
    _, octets = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])
    return np.asarray(cv2.imdecode(octets, cv2.IMREAD_COLOR)[:, :, ::-1], np.uint8)


def tint_where_it_lies(image: Image, pdf: bytes, *keys: MarkKey) -> TintReadings:
    """Read the tint of an image that is laid over its page, and not sought before."""
    codes = [TintCode(key) for key in keys]
    found = identify([image], [TintReadings((), 0)], codes, [Suspect.of(pdf, {KEY: [NUMBER]})])
    assert found.sightings[0] is not None
    return found.tints[0]


def test_tint_is_read_where_the_page_has_it(letter: bytes) -> None:
    copy = marked(letter)
    for leak in (picture(copy, 150), sent(picture(copy, 200)), piece(sent(picture(copy, 200)), 2)):
        found = tint_where_it_lies(leak, letter, OTHER, KEY)
        assert found.named is not None
        assert (found.named.number, found.named.code, found.tags) == (NUMBER, 1, 1)
    for without in (picture(letter, 150), sent(picture(letter, 200)), picture(marked(letter, key=OTHER), 150)):
        assert tint_where_it_lies(without, letter, KEY).named is None


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_tint_of_a_page_that_is_shown_turned_is_read_where_the_page_has_it(letter: bytes, turn: int) -> None:
    out = BytesIO()
    with pikepdf.open(BytesIO(letter)) as document:
        document.pages[0].rotate(turn, relative=False)
        document.save(out)
    found = tint_where_it_lies(picture(marked(out.getvalue()), 150), out.getvalue(), KEY).named
    assert found is not None
    assert found.number == NUMBER


def test_shifts_alone_name_the_copy_among_ten_thousand(letter: bytes) -> None:
    gray = rendered_gray(marked(letter), 0, 150)
    assert named(piece(gray, 2), letter, [*OTHERS, NUMBER], tint=False) == {NUMBER}
    two_tone = np.where(piece(rendered_gray(marked(letter), 0, 300), 2) < 150, 0, 255).astype(np.uint8)
    assert named(two_tone, letter, [*OTHERS, NUMBER], tint=False) == {NUMBER}


def test_nobody_is_named_for_a_page_without_marks_or_for_another_copy(letter: bytes) -> None:
    assert named(picture(letter, 150), letter, [*OTHERS, NUMBER]) == set()
    assert named(picture(marked(letter, 5), 150), letter, [*OTHERS, NUMBER]) == set()
    assert read_tint(picture(marked(letter, key=OTHER), 150), [TintCode(KEY)], seconds=3).named is None


def test_a_copy_marked_with_another_key_is_no_evidence(letter: bytes) -> None:
    """Somebody who knows all but the key cannot lay a copy at another's door."""
    forged = picture(marked(letter, NUMBER, key=MarkKey("2026-11", b"f" * 32)), 150)
    assert named(forged, letter, [*OTHERS, NUMBER]) == set()


def test_two_who_mix_their_copies_are_both_named(letter: bytes) -> None:
    first, second = OTHERS[:2]
    pages = [picture(marked(letter, number), 200) for number in (first, second)]
    average = np.mean(pages, axis=0).astype(np.uint8)
    lighter, darker = np.max(pages, axis=0), np.min(pages, axis=0)
    half = pages[0].shape[0] // 2
    mosaic = np.vstack([pages[0][:half], pages[1][half:]])
    for mixed in (average, lighter, darker, mosaic):
        assert named(mixed, letter, OTHERS) == {first, second}


def test_text_structure_and_original_stay_as_they_were(letter: bytes) -> None:
    digest = sha256(letter)
    copy = marked(letter)
    assert sha256(letter) == digest

    def in_order(pdf: bytes) -> str:
        return "".join(pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range().split())

    def characters(pdf: bytes) -> list[str]:
        raw = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
        return sorted(each for each in raw if each.isalnum())

    def structure(pdf: bytes) -> list[tuple[str, str]]:
        with pikepdf.open(BytesIO(pdf)) as document:
            return sorted(
                (str(each.get("/S")), str(each.get("/ActualText", "")))
                for each in document.objects
                if isinstance(each, pikepdf.Dictionary) and each.get("/Type") == "/StructElem"
            )

    assert in_order(copy) == in_order(letter)
    assert characters(copy) == characters(letter)
    assert structure(copy) == structure(letter) != []


def test_standard_marks_are_not_seen(letter: bytes) -> None:
    """The mean lightness drops by at most 0.25 %, and no white pixel steps by more than three levels of lightness."""
    weights = np.array([0.299, 0.587, 0.114])
    before, after = (picture(pdf, 150) @ weights for pdf in (letter, marked(letter)))
    white = before > 254.5
    assert (before.mean() - after.mean()) / 255 <= 0.0025
    tinted = before[white] - after[white]
    assert np.quantile(tinted, 0.9) <= 3  # ink that moved a little is no tint: it is under a tenth of the page


def test_marking_is_small_and_the_same_again(letter: bytes) -> None:
    out = BytesIO()
    with pikepdf.open(BytesIO(letter)) as document:
        document.save(out, deterministic_id=True)
    copy = marked(letter)
    assert copy == marked(letter)
    assert len(copy) - len(out.getvalue()) <= 3_000


def test_what_is_no_pdf_is_refused() -> None:
    locked = BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.save(locked, encryption=pikepdf.Encryption(owner="o", user="u"))
    for file in (b"", b"%PDF-1.7 nothing", locked.getvalue()):
        with pytest.raises(CannotMark):
            MarkablePdf(file)


def test_a_page_of_which_nothing_is_moved_is_compared_with_nothing() -> None:
    blank = BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.save(blank)
    for pdf, page in ((blank.getvalue(), 0), (sample_pdf(), 1), (sample_pdf(), 2)):
        assert reference_page(pdf, page).empty


def test_far_behind_in_a_long_file_pages_carry_the_tint_alone(letter: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "_MOVED_PAGES", 1)
    long = BytesIO()
    with pikepdf.open(BytesIO(letter)) as document:
        document.pages.append(document.pages[0])
        document.save(long)
    first, last = MarkablePdf(long.getvalue()).pages
    assert first.count > 100
    assert last.count == 0
    assert reference_page(long.getvalue(), 1).empty
    found = read_tint(picture(marked(long.getvalue()), 150, page=1), [TintCode(KEY)]).named
    assert found is not None
    assert found.number == NUMBER


def test_blind_bound_counts_tags_and_copies() -> None:
    assert blind_chance(100, 10**7) == pytest.approx(100 * 2**-24 * 1e-4)
    assert blind_chance(0, 10**7) == 0


@pytest.mark.parametrize("seed", [0, 1], ids=["black and white", "gray"])
def test_scanned_pages_are_marked_inside_their_picture(seed: int) -> None:
    pdf = pages.scan(seed).pdf
    copy = marked(pdf)
    assert named(piece(rendered_gray(copy, 0, 200), 2), pdf, [*OTHERS, NUMBER], tint=False) == {NUMBER}
    assert named(rendered_gray(pdf, 0, 200), pdf, [*OTHERS, NUMBER], tint=False) == set()
    assert len(copy) <= len(pdf) + 3_000


def picture_in(document: pikepdf.Pdf) -> pikepdf.Stream:
    (found,) = document.pages[0].get_images().values()
    assert isinstance(found, pikepdf.Stream)
    return found


@pytest.mark.parametrize("sampling", [0, 1, 2])
def test_a_scan_in_colour_keeps_its_colours_as_fine_as_they_were(sampling: int) -> None:
    with pikepdf.open(BytesIO(pages.scan(1).pdf)) as document:
        found = picture_in(document)
        colour = pikepdf.PdfImage(found).as_pil_image().convert("RGB")
        out = BytesIO()
        colour.save(out, "JPEG", quality=90, subsampling=sampling)
        found.write(out.getvalue(), filter=pikepdf.Name.DCTDecode)
        found.ColorSpace = pikepdf.Name.DeviceRGB
        out = BytesIO()
        document.save(out)
    with pikepdf.open(BytesIO(marked(out.getvalue()))) as document:
        assert get_sampling(pikepdf.PdfImage(picture_in(document)).as_pil_image()) == sampling


def test_foreign_documents_are_marked_in_their_text() -> None:
    pdf = pages.foreign(2).pdf
    copy = marked(pdf)
    assert named(rendered_gray(copy, 0, 150), pdf, [*OTHERS, NUMBER], tint=False) == {NUMBER}
