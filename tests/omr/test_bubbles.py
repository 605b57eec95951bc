"""The kernels against the same measures written out in NumPy, pixel by pixel."""

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from omr._bubbles import class_medians, measure, placed

CORE, EDGE = 0.6, 1.25
IMAGE = np.random.default_rng(3).integers(0, 256, (120, 160), dtype=np.uint8)


def slow(image, axes, reach=1.7):
    """Mean, median, surroundings within `reach` in order, and greys of one bubble, from the definition in `measure`."""
    cx, cy, ax, ay, bx, by = axes
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    u, v = np.linalg.solve([[ax, bx], [ay, by]], np.stack([(x - cx).ravel(), (y - cy).ravel()]))
    far = np.hypot(u, v)
    weight = np.clip((EDGE - far) / (EDGE - CORE), 0, 1)
    grey = np.arange(2, 256, 4.0)  # the middles of the bins
    levels = np.bincount(image.ravel() // 4, weight, len(grey)) / weight.sum()
    around = np.sort(image.ravel()[(far >= EDGE) & (np.abs(u) <= reach) & (np.abs(v) <= reach)])
    paper = around[rank(around)]
    between = levels[paper // 16 : paper * 3 // 16 + 1].sum()
    return levels @ grey, grey[np.searchsorted(np.cumsum(levels), 0.5)], around, between


def rank(around):
    """The place of the paper among the surroundings in order."""
    return int(np.ceil(0.65 * len(around))) - 1


@settings(max_examples=60, deadline=None)
@example(129.390625, 32.515625, 5.0, 3.5625, 23.75, -0.173828125)  # five pixels on the border
@example(x=80.3, y=60.2, width=2.5, height=30.0, angle=7.0, skew=0.1)  # more rows than are prepared at once
@given(
    x=st.floats(30, 130),
    y=st.floats(30, 90),
    width=st.floats(3, 7),
    height=st.floats(3, 5.5),
    angle=st.floats(-180, 180),
    skew=st.floats(-0.3, 0.3),
)
def test_agrees_with_the_definition(x, y, width, height, angle, skew):
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    axes = np.array([[x, y, width * cos, width * sin, height * (skew * cos - sin), height * (skew * sin + cos)]])
    mean, median, paper, greys, seen = measure(IMAGE, axes, CORE, EDGE)
    want_mean, want_median, _, want_greys = slow(IMAGE.astype(int), axes[0])
    # In single precision pixels on the border may be in or out, each of them a place in the order.
    around, more = (slow(IMAGE.astype(int), axes[0], reach)[2] for reach in (1.699, 1.701))
    places = np.clip(rank(around) + (len(more) - len(around) + 1) * np.array([-1, 1]), 0, len(around) - 1)
    assert mean[0] == pytest.approx(want_mean, abs=0.5)  # weights are whole 255ths
    assert median[0] == pytest.approx(want_median, abs=4)  # the next bin may have it by a hair
    assert around[places[0]] - 2 <= paper[0] <= around[places[1]] + 2
    assert greys[0] == pytest.approx(want_greys, abs=0.05)  # a bin more or less
    assert seen[0] == pytest.approx(1, abs=0.1)


def test_pixels_left_out_of_a_large_bubble_change_little():
    smooth = (np.add.outer(np.arange(400), np.arange(400)) // 4).astype(np.uint8)
    axes = np.array([[200.0, 200.0, 90.0, 0.0, 0.0, 50.0]])
    mean, median, paper, _, seen = measure(smooth, axes, CORE, EDGE)
    want_mean, want_median, around, _ = slow(smooth.astype(int), axes[0])
    assert mean[0] == pytest.approx(want_mean, abs=1)
    assert median[0] == pytest.approx(want_median, abs=4)
    assert paper[0] == pytest.approx(around[rank(around)], abs=4)
    assert seen[0] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("size", [9, 20, 60])
def test_stripes_as_wide_as_a_pixel_are_not_missed(size):
    """However sparsely a large bubble is looked at, what covers half of it counts by half."""
    striped = np.zeros((300, 300), np.uint8)
    striped[:, ::2] = 255
    mean, *_ = measure(striped, np.array([[150.0, 150.0, size * 1.5, 0.0, 0.0, size]]), CORE, EDGE)
    assert mean[0] == pytest.approx(127, abs=8)


@pytest.mark.parametrize(("x", "share"), [(-500.0, 0), (0.0, 0.5), (80.0, 1), (159.0, 0.5), (1e9, 0), (np.nan, 0)])
def test_what_is_off_the_image_is_not_seen(x, share):
    *_, seen = measure(IMAGE, np.array([[x, 60.0, 9.0, 0.0, 0.0, 5.0]]), CORE, EDGE)
    assert seen[0] == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize("axes", [(9.0, 0.0, 9.0, 0.0), (1e-3, 0.0, 0.0, 1e3), (0.0, 0.0, 0.0, 0.0)])
def test_a_bubble_without_area_is_not_seen(axes):
    assert [float(one[0]) for one in measure(IMAGE, np.array([[80.0, 60.0, *axes]]), CORE, EDGE)] == [0] * 5


@settings(max_examples=200, deadline=None)
@given(axes=arrays(np.float64, (5, 6), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_no_axes_whatever_lead_off_the_image(axes):
    mean, median, paper, greys, seen = measure(IMAGE, axes, CORE, EDGE)
    assert np.isfinite([mean, median, paper, greys, seen]).all()
    assert (mean >= 0).all() and (mean <= 255).all()


@given(
    st.lists(st.tuples(st.integers(0, 4), st.one_of(st.just(float("nan")), st.floats(-1, 1))), max_size=60).map(
        lambda pairs: (np.array([c for c, _ in pairs], np.intp), np.array([v for _, v in pairs], np.float64))
    )
)
def test_class_medians_are_the_lower_middle_values(classes_and_values):
    of, values = classes_and_values
    medians, counts = class_medians(values, of, 5)
    for number in range(5):
        own = np.sort(values[(of == number) & ~np.isnan(values)])
        assert counts[number] == len(own)
        assert medians[number] == (own[(len(own) - 1) // 2] if len(own) else 0)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), tilt=st.floats(-3e-3, 3e-3), bubbles=st.integers(1, 30))
def test_bubbles_are_placed_by_their_block_s_correction_then_by_the_page(seed, tilt, bubbles):
    rng = np.random.default_rng(seed)
    ends, corrections = rng.uniform(0, 300, (3 * bubbles, 2)), rng.normal(np.eye(2, 3), 0.1, (4, 2, 3))
    block, homography = rng.integers(0, 4, bubbles), np.eye(3) * 8 + rng.normal(0, 0.1, (3, 3))
    homography[2] = tilt, -tilt / 2, 1.0
    corrected = np.array([
        corrections[block[end // 3], :, :2] @ xy + corrections[block[end // 3], :, 2] for end, xy in enumerate(ends)
    ])  # fmt: skip
    points = cv2.perspectiveTransform(corrected.reshape(-1, 1, 2), homography).reshape(-1, 3, 2)
    axes = placed(ends, corrections, block, homography)
    assert axes[:, :2] == pytest.approx(points[:, 0], rel=1e-9)
    assert axes[:, 2:4] + axes[:, :2] == pytest.approx(points[:, 1], rel=1e-9, abs=1e-6)
    assert axes[:, 4:] + axes[:, :2] == pytest.approx(points[:, 2], rel=1e-9, abs=1e-6)
