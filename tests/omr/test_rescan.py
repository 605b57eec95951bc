"""Each harm does what `Damage` says of it, measured on the picture; none takes away what a person needs."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from omr import image
from omr.damage import PRESETS, Damage, graded
from omr.layout import Bubble, Fiducial, Field, Group, Page
from omr.rescan import scan

DPI = 100
DOT = DPI / 25.4
WIDTH, HEIGHT = 210.0, 297.0
CORNERS = [(12.2, 12.2), (WIDTH - 12.2, 12.2), (WIDTH - 12.2, HEIGHT - 12.2), (12.2, HEIGHT - 12.2)]
BUBBLES = [(20 + 7 * i, 30 + 6 * j) for i in range(25) for j in range(40)]
SHEET = Page(
    number=1,
    fields=(
        Field(
            name="1", groups=(Group(bubbles=tuple(Bubble(label="A", x=x, y=y) for x, y in BUBBLES)),),
            width=4.4, height=2.6, block="b",
        ),
    ),
    fiducials=tuple(Fiducial(id=i, x=x, y=y, size=8.4) for i, (x, y) in enumerate(CORNERS)),
)  # fmt: skip
EMPTY = Page(number=1, fields=())
SEEDS = range(30)
seeds = st.integers(0, 10_000)
FEW = settings(max_examples=25, deadline=None)


def white(across: bool = False) -> np.ndarray:
    shape = (round(WIDTH * DOT), round(HEIGHT * DOT)) if across else (round(HEIGHT * DOT), round(WIDTH * DOT))
    return np.full(shape, 255, np.uint8)


def printed() -> np.ndarray:
    """A page with black corner marks and black bubbles."""
    page = white()
    for x, y, width, height in [(x, y, 8.4, 8.4) for x, y in CORNERS] + [(x, y, 4.4, 2.6) for x, y in BUBBLES]:
        page[box(x, y, width, height)] = 0
    return page


def box(x: float, y: float, width: float, height: float) -> tuple[slice, slice]:
    left, top = (x - width / 2) * DOT, (y - height / 2) * DOT
    return slice(round(top), round(top + height * DOT)), slice(round(left), round(left + width * DOT))


def scanned(
    page: np.ndarray, seed: int, back: np.ndarray | None = None, sheet: Page = SHEET, **harm: object
) -> np.ndarray:
    damage = Damage.model_validate({"quality": (95, 95), "dpi": (DPI, DPI)} | harm)
    data = scan(page, sheet, damage, DPI, np.random.default_rng(seed), back)
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE))


def marks_seen(picture: np.ndarray) -> list[float]:
    """The share of each corner mark that is dark, on a page that was not moved."""
    return [float((picture[box(x, y, 8.0, 8.0)] < 100).mean()) for x, y in CORNERS]


def spots(picture: np.ndarray, least: int = 3) -> np.ndarray:
    """Centres (n, 2) of the dark spots on a page."""
    _, _, stats, centres = cv2.connectedComponentsWithStats((picture < 128).astype(np.uint8))
    return centres[1:][stats[1:, cv2.CC_STAT_AREA] > least]


def test_no_damage_changes_nothing() -> None:
    assert np.abs(scanned(printed(), 0).astype(int) - printed()).max() < 25  # what JPEG does


@given(seeds, st.sampled_from(sorted(PRESETS)))
@FEW
def test_chances_come_from_the_generator_alone(seed: int, preset: str) -> None:
    page = printed()
    files = [scan(page, SHEET, PRESETS[preset], DPI, np.random.default_rng(seed), white()) for _ in range(2)]
    assert files[0] == files[1]
    assert (page == printed()).all()


def test_ink_and_paper() -> None:
    picture = scanned(printed(), 0, ink=(40, 40), paper=(220, 220))
    assert np.percentile(picture, [2, 98]) == pytest.approx([40, 220], abs=4)


def test_contrast_takes_pale_grey_away_and_leaves_faint_pencil() -> None:
    page = white()
    page[:100], page[100:200], page[200:300] = 255 * 0.9, 255 * 0.75, 255 * 0.4
    pale, faint, dark = (scanned(page, 0, contrast=0.35)[row, 50] for row in (50, 150, 250))
    assert pale == 255 and 220 < faint < 245 and dark < 0.4 * 255


@given(seeds)
@FEW
def test_the_other_side_shows_through_mirrored(seed: int) -> None:
    back = white()
    back[300:500, 100:300] = 0
    picture = scanned(white(), seed, back, show_through=0.1)
    width = picture.shape[1]
    there = picture[320:480, width - 280 : width - 120].mean()
    assert 255 * 0.89 < there <= 255
    elsewhere = picture[320:480, 120:280].mean()
    assert elsewhere > 254
    assert np.mean([scanned(white(), s, back, show_through=0.1)[400, width - 200] for s in SEEDS]) < 250


def test_a_faded_corner_mark_is_one_and_the_others_are_whole() -> None:
    seen = [marks_seen(scanned(printed(), seed, faded=1)) for seed in SEEDS]
    assert all(sorted(marks)[1] > 0.95 and min(marks) < 0.95 for marks in seen)
    assert {int(np.argmin(marks)) for marks in seen} == {0, 1, 2, 3}
    assert min(map(min, seen)) < 0.1  # pale all over
    assert any(min(marks) > 0.4 for marks in seen)  # a part is missing


@pytest.mark.parametrize("background", [255, 25])
def test_a_folded_corner_hides_one_mark_at_most_and_no_bubble(background: int) -> None:
    hidden = set()
    for seed in SEEDS:
        picture = scanned(printed(), seed, folded=1, faded=1, background=background)
        for x, y in BUBBLES:
            assert picture[box(x, y, 3.6, 1.8)].max() < 60
        changed = [np.abs(picture[box(*at, 8, 8)].astype(int)).max() > 100 for at in CORNERS]
        if background == 255:
            assert sum(changed) <= 1
            hidden |= {i for i, one in enumerate(changed) if one}
        corner = np.array([picture[4, 4], picture[4, -4], picture[-4, -4], picture[-4, 4]]).astype(int)
        assert (np.abs(corner - background) < 12).sum() == (4 if background == 255 else 1)
    assert background != 255 or hidden == {0, 1, 2, 3}


def test_holes_are_punched_80_mm_apart_and_spare_bubbles() -> None:
    distances, edges = [], set()
    for seed in SEEDS:
        holes = spots(scanned(white(), seed, punched=1, background=20))
        assert len(holes) == 2
        for x, y in holes / DOT:
            assert min(max(abs(x - u) - 2.2, abs(y - v) - 1.3) for u, v in BUBBLES) > 2.5
            assert min(x, y, WIDTH - x) == pytest.approx(12, abs=0.3)
        distances.append(float(np.linalg.norm(holes[0] - holes[1])) / DOT)
        edges.add(int(np.argmin(np.ptp(holes, axis=0))))
    assert edges == {0, 1}  # beside the page, and above it
    assert distances == pytest.approx([80] * len(distances), abs=0.5)


def test_specks() -> None:
    numbers = [len(spots(scanned(white(), seed, specks=40))) for seed in SEEDS]
    assert 5 < np.mean(numbers) < 40  # the finest are too pale to be counted
    assert all(len(spots(scanned(white(), seed))) == 0 for seed in SEEDS)


def dots() -> np.ndarray:
    """A page with a dot in the middle of each bubble."""
    page = white()
    for x, y in BUBBLES:
        page[box(x, y, 1.5, 1.5)] = 0
    return page


def moved(seed: int, **harm: float) -> tuple[np.ndarray, np.ndarray]:
    """Where (n, 2) dots were, and how far they came to lie from there, in mm, on a picture of the page's size."""
    places, found = spots(dots()) / DOT, spots(scanned(dots(), seed, **harm)) / DOT
    nearest = np.argmin(np.linalg.norm(found[None] - places[:, None], axis=2), axis=1)
    assert sorted(nearest.tolist()) == list(range(len(BUBBLES)))
    return places, found[nearest] - places


def bent(places: np.ndarray, displaced: np.ndarray) -> float:
    """How far, in mm, displacements are from any turn and stretch."""
    design = np.column_stack([places, np.ones(len(places))])
    return float(np.abs(displaced - design @ np.linalg.lstsq(design, displaced, rcond=None)[0]).max())


def test_curl_and_drift_bend_the_page_and_by_no_more_than_they_say() -> None:
    bends = []
    for seed in range(6):
        curl, drift = moved(seed, curl=1.0), moved(seed, drift=1.0)
        assert max(np.abs(curl[1]).max(), np.abs(drift[1]).max()) < 1.05
        assert np.abs(drift[1][:, 0]).max() < 0.05  # along the feed only
        bends += [bent(*curl), bent(*drift)]
    assert min(bends) > 0.2


def test_turn_stretch_and_shift_bend_nothing() -> None:
    for seed in range(6):
        places, displaced = moved(seed, rotation=0.2, scale=0.003, stretch=0.001, shift=0.5)
        assert bent(places, displaced) < 0.15  # half a pixel of 100 dpi
        assert 0.1 < np.abs(displaced).max() < 0.5 + 297 / 2 * (0.004 + np.deg2rad(0.2)) + 0.05


@given(seeds, st.floats(0, 8), st.floats(0, 0.2), st.floats(0, 30), st.floats(0, 0.08), st.floats(0, 30))
@FEW
def test_corner_marks_stay_on_the_picture(
    seed: int, rotation: float, scale: float, shift: float, perspective: float, clip: float
) -> None:
    page = white()
    for x, y in CORNERS:
        page[box(x, y, 8.4, 8.4)] = 0
    harm = {"rotation": rotation, "scale": scale, "shift": shift, "perspective": perspective, "clip": clip}
    picture = scanned(page, seed, clipped=1, curl=0.5, drift=0.5, **harm)
    frame = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert frame.min() > 128
    assert len(spots(picture)) == 4


def test_clipped_pages_lose_one_edge() -> None:
    full, lost = white().shape, []
    for seed in SEEDS:
        height, width = scanned(printed(), seed, clipped=1, clip=4.0).shape
        assert (height == full[0]) != (width == full[1])
        lost.append((full[0] - height + full[1] - width) / DOT)
    assert 0.2 * 4 - 0.3 < min(lost) < max(lost) < 4.2
    assert scanned(printed(), 0, clip=4.0).shape == full


def test_some_pages_are_fed_upside_down() -> None:
    page = white()
    page[box(50, 50, 20, 20)] = 0
    there = (-round(50 * DOT), -round(50 * DOT))
    turned = [scanned(page, seed, upside_down=0.5)[there] < 50 for seed in SEEDS]
    assert 5 < sum(turned) < 25


def test_dark_lids_are_seen_around_the_page() -> None:
    lids = [scanned(white(), seed, margin=0.1, dark_lid=0.5, background=250)[2, 2] for seed in SEEDS]
    assert set(np.array(lids) > 100) == {True, False}
    assert scanned(white(), 0, margin=0.1).shape[0] == pytest.approx(1.1 * white().shape[0], abs=1)


@given(seeds)
@FEW
def test_shadows_darken_by_no_more_than_they_say_and_unevenly(seed: int) -> None:
    light = scanned(white(), seed, shadow=0.4) / 255
    assert light.min() > 1 - 0.4 - 0.08  # the cubic curve overshoots a little
    assert light.max() - light.min() > 0.03
    assert np.abs(np.diff(light, axis=0)).max() < 0.03  # and are smooth


def test_a_lens_darkens_the_corners() -> None:
    pictures = [scanned(white(), seed, vignette=0.3) for seed in SEEDS]
    assert all(one[5, 5] <= one[one.shape[0] // 2, one.shape[1] // 2] for one in pictures)
    assert 255 * 0.69 < min(one[5, 5] for one in pictures) < 255 * 0.85


@pytest.mark.parametrize("across", [False, True])
def test_streaks_run_along_the_feed(across: bool) -> None:
    page = np.full_like(white(across), 128)
    for seed in range(8):
        picture = scanned(page, seed, sheet=EMPTY, streaks=6).astype(int)
        picture = picture.T if across else picture
        touched = np.abs(picture - 128).max(axis=0) > 12
        assert touched.mean() < 0.1  # few columns, and these over a long way
        if touched.any():
            assert (np.abs(picture[:, touched] - 128) > 8).mean() > 0.05
    both = np.concatenate([scanned(page, seed, sheet=EMPTY, streaks=20).ravel() for seed in range(3)])
    assert both.min() < 110 and both.max() > 146  # dark ones and light ones


def test_resolution_blur_and_noise() -> None:
    assert scanned(white(), 0, dpi=(150, 150)).shape == (round(1.5 * white().shape[0]), round(1.5 * white().shape[1]))
    grey = np.full_like(white(), 128)
    assert scanned(grey, 0, noise=5.0).std() == pytest.approx(5, rel=0.15)
    sharp, soft = (np.abs(np.diff(scanned(printed(), 0, blur=(s, s)).astype(int))).max() for s in (0.0, 1.5))
    assert soft < 0.5 * sharp


def fax(page: np.ndarray, seed: int = 0, **harm: object) -> tuple[bytes, np.ndarray]:
    data = scan(
        page,
        SHEET,
        PRESETS["bilevel-fax"].model_copy(update={"dpi": (DPI, DPI)} | harm),
        DPI,
        np.random.default_rng(seed),
    )
    return data, np.asarray(Pillow.open(io.BytesIO(data)).convert("L"))


def test_fax_is_black_and_white_in_a_g4_tiff(tmp_path: Path) -> None:
    data, seen = fax(printed())
    with Pillow.open(io.BytesIO(data)) as file:
        assert file.format == "TIFF" and file.mode == "1"
        assert file.info["compression"] == "group4" and file.info["dpi"] == (DPI, DPI)
    (path := tmp_path / "fax.tif").write_bytes(data)
    picture = image.load(path)
    assert set(np.unique(picture)) == {0, 255}
    assert (picture == seen).all()


def test_fax_keeps_faint_pencil_and_loses_what_was_rubbed_out() -> None:
    page = white()
    page[100:400, 100:700], page[500:800, 100:700] = 255 * (1 - 0.27), 255 * (1 - 0.13)
    still = dict.fromkeys(("rotation", "scale", "shift", "upside_down", "streaks", "punched", "folded", "clipped"), 0.0)
    for seed in SEEDS:
        _, seen = fax(page, seed, **still)
        assert (seen[130:370, 130:670] == 0).mean() > 0.4
        assert (seen[530:770, 130:670] == 0).mean() < 0.12


def test_fax_edges_are_ragged_and_clog_and_rows_drop_out() -> None:
    page = white()
    page[200:800, 300:500] = 0
    still = {name: 0.0 for name in ("rotation", "scale", "stretch", "drift", "curl", "shift", "upside_down", "streaks",
             "punched", "folded", "clipped", "specks", "dropouts", "clogged", "jagged")}  # fmt: skip

    def widths(**harm: float) -> np.ndarray:
        return (fax(page, 0, **(still | harm))[1][250:750] == 0).sum(axis=1)

    assert widths().std() < 0.8
    assert widths(jagged=0.15).std() > widths().std()
    assert widths(clogged=1.0).mean() == pytest.approx(widths().mean() + 1, abs=0.3)
    assert (widths(dropouts=200.0) < 195).any()


def test_phones_lose_no_corner_mark_either() -> None:
    page = white()
    for x, y in CORNERS:
        page[box(x, y, 8.4, 8.4)] = 0
    still = {"folded": 0.0, "faded": 0.0, "punched": 0.0, "specks": 0.0, "noise": 0.0, "shadow": 0.0, "vignette": 0.0}
    damage = graded("phone", 2).model_copy(update=still | {"dpi": (DPI, DPI), "background": 255})
    for seed in SEEDS:
        data = scan(page, SHEET, damage, DPI, np.random.default_rng(seed))
        picture = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE))
        assert len(spots(picture, least=300)) == 4
