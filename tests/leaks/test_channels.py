"""Facts that keep the simulator honest: seeds, sizes, places, and what each way must do to a page.

Every fourth way is laid back over its page; ``make nightly`` sets ``DIWAN_LEAK_EVERY`` to 1 and does it with all.
"""

import os
from functools import cache, lru_cache
from io import BytesIO

import cv2
import numpy as np
import pikepdf
import pytest

from tests.leaks import optics, pages
from tests.leaks.camera import SENSOR
from tests.leaks.channels import BY_NAME, CHANNELS, Channel, Group
from tests.leaks.fragments import SQUARE_MM, Size, fragment, letter_runs
from tests.leaks.sheets import MM_PER_INCH, Leak, Picture, Sheet
from tests.leaks.tinted import PALE, part, tinted

EVERY = int(os.environ.get("DIWAN_LEAK_EVERY", "4"))
_PART = (70.0, 130.0, 190.0, 270.0)
_MATCHED_MM = 0.25  # how well the picture must lie where the channel says
_BENT_MM = 0.9  # the wash bends on purpose: its map is right to a pixel of its knots


@cache
def whole() -> Sheet:
    return Sheet(pages.letter(0).pdf)


@cache
def plain() -> Sheet:
    """12 x 14 cm of the letter, which holds text, its end and bare paper."""
    return Sheet(part(pages.letter(0).pdf, _PART))


@cache
def sheet() -> Sheet:
    return Sheet(tinted(plain().pdf))


@lru_cache(16)
def leak(name: str, seed: int = 0) -> Leak:
    return BY_NAME[name].leak(sheet(), seed)


def yellowness(picture: Picture) -> float:
    """How much less blue than red and green the light places have, in levels."""
    luma = optics.grey(picture)
    light = picture[luma > 0.93 * np.percentile(luma, 90)].astype(float)
    return float((light[:, :2].mean(axis=1) - light[:, 2]).mean())


def test_there_are_at_least_42_channels_in_all_groups() -> None:
    assert len(CHANNELS) == len(BY_NAME) >= 42
    assert {channel.group for channel in CHANNELS} == set(Group)
    assert [channel.name for channel in CHANNELS if not channel.counted] == ["wash200", "wash200strong"]


@pytest.mark.parametrize("channel", CHANNELS[::EVERY], ids=lambda channel: channel.name)
def test_what_comes_out_is_a_changed_page_that_lies_where_it_is_said_to(channel: Channel) -> None:
    made = leak(channel.name)
    assert made.picture.dtype == np.uint8
    assert made.picture.ndim in {2, 3}
    original = plain().picture(200)
    back = registered(made, 200, original.shape[:2])
    same = made.picture.shape == sheet().picture(200).shape and np.array_equal(made.picture, sheet().picture(200))
    assert not same
    offsets = [moved(original, back, x, y) for x, y in text_places()]
    found = np.array([offset for offset in offsets if offset is not None])
    assert len(found) >= len(offsets) * 0.6, f"text found at {len(found)} of {len(offsets)} places only"
    limit = _BENT_MM if channel.group is Group.WASH else _MATCHED_MM
    assert np.median(np.hypot(*found.T)) <= limit


@cache
def text_places() -> list[tuple[float, float]]:
    """Middles of 12 mm squares that hold text."""
    runs = letter_runs(plain().pdf, plain().page)
    middles = (runs[:, :2] + runs[:, 2:]) / 2
    chosen = middles[np.random.default_rng(5).permutation(len(middles))[:40]]
    width, height = plain().size_mm()
    return [(x, y) for x, y in chosen if 10 < x < width - 10 and 10 < y < height - 10]


def registered(made: Leak, dpi: int, shape: tuple[int, int]) -> Picture:
    """The leak drawn back onto the page by its own map."""
    ys, xs = np.mgrid[0 : shape[0] : 8, 0 : shape[1] : 8].astype(np.float64)
    points = np.stack([xs.ravel(), ys.ravel()], axis=1) * MM_PER_INCH / dpi
    found = made.place(points).reshape(*xs.shape, 2).astype(np.float32)
    size = (xs.shape[1] * 8, xs.shape[0] * 8)
    at = np.meshgrid(np.arange(size[0], dtype=np.float32) / 8, np.arange(size[1], dtype=np.float32) / 8)
    large = [cv2.remap(found[:, :, axis], *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for axis in (0, 1)]
    map_x, map_y = (np.asarray(each).astype(np.float32) for each in large)
    picture = optics.grey(made.picture)
    shrink = optics.blurred(picture, 0.4 * picture.shape[1] / shape[1])
    return optics.remapped(shrink, map_x, map_y)[: shape[0], : shape[1]]


def moved(original: Picture, back: Picture, x: float, y: float) -> tuple[float, float] | None:
    """How many millimetres the text round a place lies off, None where it cannot be recognised."""
    pixels = 200 / MM_PER_INCH
    left, top, half, reach = round(x * pixels), round(y * pixels), round(6 * pixels), 12
    pattern = optics.grey(original)[top - half : top + half, left - half : left + half]
    around = back[top - half - reach : top + half + reach, left - half - reach : left + half + reach]
    if around.shape != (2 * (half + reach), 2 * (half + reach)):
        return None
    scores = cv2.matchTemplate(around, pattern, cv2.TM_CCOEFF_NORMED)
    _, best, _, place = cv2.minMaxLoc(scores)
    return ((place[0] - reach) / pixels, (place[1] - reach) / pixels) if best > 0.45 else None


@pytest.mark.parametrize("name", ["colour150", "copy2xbit300", "photocurl", "screen", "wash200"])
def test_the_same_seed_gives_the_same_picture_and_another_seed_another(name: str) -> None:
    fresh = Sheet(sheet().pdf)
    assert np.array_equal(leak(name).picture, BY_NAME[name].leak(fresh, 0).picture)
    other = BY_NAME[name].leak(fresh, 1).picture
    assert other.shape != leak(name).picture.shape or not np.array_equal(leak(name).picture, other)


def test_originals_are_the_same_for_the_same_seed() -> None:
    assert pages.letter(3).pdf == pages.letter(3).pdf != pages.letter(4).pdf
    assert pages.scan(1).pdf == pages.scan(1).pdf


@pytest.mark.parametrize("name", ["jpg300q90", "colour300", "photo"])
def test_pale_tints_come_through_files_colour_scans_and_photos(name: str) -> None:
    marked, bare = leak(name), BY_NAME[name].leak(plain(), 0)
    assert yellowness(marked.cut((5, 5, 115, 135))) > yellowness(bare.cut((5, 5, 115, 135))) + 0.8


@pytest.mark.parametrize("name", ["bleach200", "colourcut200", "wash200"])
def test_a_bleached_or_cut_page_has_no_tint_left(name: str) -> None:
    marked, bare = leak(name), BY_NAME[name].leak(plain(), 0)
    assert abs(yellowness(marked.picture) - yellowness(bare.picture)) < 0.15


def test_bleaching_leaves_paper_white() -> None:
    ink = (optics.grey(plain().picture(200)) < 250).astype(np.uint8)
    paper = cv2.dilate(ink, np.ones((17, 17), np.uint8)) == 0
    assert float((sheet().picture(200)[paper] < 252).any(axis=1).mean()) > 0.1
    assert float((leak("bleach200").picture[paper] >= 254).all(axis=1).mean()) > 0.999


@pytest.mark.parametrize("name", ["bit300", "bit300dither", "monobit300", "copy2xbit300"])
def test_a_1_bit_way_has_two_values(name: str) -> None:
    picture = leak(name).picture
    assert picture.ndim == 2
    assert set(np.unique(picture).tolist()) == {0, 255}


@pytest.mark.parametrize("name", ["mono200", "monocut200", "copy200", "copy2x200"])
def test_black_printers_and_copiers_give_grey(name: str) -> None:
    assert leak(name).picture.ndim == 2


def test_sub_pixel_text_has_coloured_edges() -> None:
    assert coloured(leak("shot96lcd").picture) > 0.03
    assert coloured(leak("shot96").picture) == 0


def coloured(picture: Picture) -> float:
    """The share of places where red and blue are far apart."""
    return float((np.abs(picture[:, :, 0].astype(int) - picture[:, :, 2]) > 30).mean())


def test_each_copy_of_a_copy_is_a_little_bolder_and_no_longer_like_the_original() -> None:
    original = plain().picture(200)
    names = ("png300", "mono200", "copy200", "copy2x200")
    backs = [registered(leak(name), 200, original.shape[:2])[60:-60, 60:-60] for name in names]
    ink = [float((back < 128).mean()) for back in backs]
    assert ink == sorted(ink)
    assert ink[3] > 1.05 * ink[1]
    page = optics.grey(original)[60:-60, 60:-60].ravel()
    assert all(0.7 < np.corrcoef(back.ravel(), page)[0, 1] < 0.95 for back in backs)


def test_toner_spreads_and_a_dim_photo_is_noisier() -> None:
    dark = [
        float((registered(leak(name), 200, plain().picture(200).shape[:2]) < 110).mean())
        for name in ("png300", "monobit300")
    ]
    assert 1.0 < dark[1] / dark[0] < 2.0
    assert roughness("photodim") > 1.5 * roughness("photo")


def roughness(name: str) -> float:
    """The noise of bare paper in levels."""
    paper = optics.grey(leak(name).cut((70, 105, 100, 125))).astype(float)
    return float((paper - cv2.GaussianBlur(paper, (0, 0), 4)).std())


def test_photos_have_the_size_of_a_phone_and_messengers_make_them_small() -> None:
    assert leak("photo").picture.shape == (SENSOR[1], SENSOR[0], 3)
    assert max(leak("photo1600").picture.shape) == 1600
    assert max(leak("phototilt1280").picture.shape) == 1280


def test_a_curled_sheet_is_no_homography_and_a_flat_one_is() -> None:
    width, height = plain().size_mm()
    grid = np.stack(np.meshgrid(np.linspace(0, width, 9), np.linspace(0, height, 9)), axis=-1).reshape(-1, 2)
    off = {}
    for name in ("phototilt", "photocurl"):
        there = leak(name).place(grid)
        flat, _ = cv2.findHomography(grid, there)
        off[name] = float(np.abs(cv2.perspectiveTransform(grid[None], flat)[0] - there).max())
    assert off["phototilt"] < 0.5
    assert off["photocurl"] > 8


def test_fragments_have_their_size_in_millimetres_and_text() -> None:
    width, height = whole().size_mm()
    saved = BY_NAME["png300"].leak(whole(), 0)
    areas = {Size.PAGE: 1, Size.HALF: 2, Size.QUARTER: 4, Size.EIGHTH: 8}
    for size in Size:
        found = fragment(whole(), size, 7)
        assert found is not None
        left, top, right, bottom = found.box
        wanted = SQUARE_MM**2 if size is Size.SQUARE else width * height / areas[size]
        assert (right - left) * (bottom - top) == pytest.approx(wanted)
        assert 0 <= left < right <= width + 1e-6
        assert 0 <= top < bottom <= height + 1e-6
        assert not found.poor
        cut = saved.cut(found.box)
        assert cut.shape[1] == pytest.approx((right - left) / MM_PER_INCH * 300, abs=2)
        assert cut.shape[0] == pytest.approx((bottom - top) / MM_PER_INCH * 300, abs=2)


def test_places_differ_by_seed_and_poor_ones_are_told_apart() -> None:
    boxes = {found.box for seed in range(8) if (found := fragment(whole(), Size.SQUARE, seed))}
    assert len(boxes) >= 5
    poor = fragment(whole(), Size.SQUARE, 0, poor=True)
    assert poor is not None
    assert poor.poor
    assert poor.runs > 0


def test_runs_of_letters_are_counted_as_marking_sees_them() -> None:
    """A page of the letter holds hundreds of runs, of the size of letters; an empty page holds none."""
    runs = letter_runs(whole().pdf, 0)
    sizes = runs[:, 2:] - runs[:, :2]
    assert 300 < len(runs) < 1200
    assert sizes.min() > 0
    assert np.median(sizes, axis=0) == pytest.approx([4, 3], abs=2)
    blank = pikepdf.new()
    blank.add_blank_page()
    out = BytesIO()
    blank.save(out)
    assert len(letter_runs(out.getvalue(), 0)) == 0


def test_the_tinted_page_is_pale() -> None:
    picture, bare = sheet().picture(300), plain().picture(300)
    paper = cv2.erode((bare.min(axis=2) == 255).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    light = picture[paper].astype(int)
    assert np.abs(light.min(axis=0) - PALE).max() <= 1
    assert 0.1 < float((light[:, 2] < 250).mean()) < 0.3
