"""The kernel against the same measure written out in NumPy, pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omr._bubbles import LEVELS, measure

CORE, EDGE = 0.6, 1.25
IMAGE = np.random.default_rng(3).integers(0, 256, (120, 160), dtype=np.uint8)


def slow(image, axes, reach=1.7):
    """Levels and paper of one bubble, from the definition in `measure`; paper is looked for within `reach`."""
    cx, cy, ax, ay, bx, by = axes
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    u, v = np.linalg.solve([[ax, bx], [ay, by]], np.stack([(x - cx).ravel(), (y - cy).ravel()]))
    far = np.hypot(u, v)
    weight = np.clip((EDGE - far) / (EDGE - CORE), 0, 1)
    levels = np.bincount(image.ravel() * LEVELS // 256, weight, LEVELS) / weight.sum()
    around = np.sort(image.ravel()[(far >= EDGE) & (np.abs(u) <= reach) & (np.abs(v) <= reach)])
    return levels, around[int(np.ceil(0.65 * len(around))) - 1]


@settings(max_examples=60, deadline=None)
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
    levels, paper, seen = measure(IMAGE, axes, CORE, EDGE)
    want_levels, _ = slow(IMAGE.astype(int), axes[0])
    papers = [slow(IMAGE.astype(int), axes[0], reach)[1] for reach in (1.69999, 1.70001)]  # single precision, again
    np.testing.assert_allclose(levels[0], want_levels, atol=2e-3)  # single precision may drop a pixel at the rim
    assert min(papers) - 2 <= paper[0] <= max(papers) + 2
    assert seen[0] == pytest.approx(1, abs=0.1)


def test_rows_left_out_of_a_large_bubble_change_little():
    smooth = np.add.outer(np.arange(400), np.arange(400)).astype(np.uint8) // 4
    axes = np.array([[200.0, 200.0, 90.0, 0.0, 0.0, 50.0]])
    levels, _, seen = measure(smooth, axes, CORE, EDGE)
    want, _ = slow(smooth.astype(int), axes[0])
    np.testing.assert_allclose(levels[0], want, atol=0.02)
    assert seen[0] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("x", "share"), [(-500.0, 0), (0.0, 0.5), (80.0, 1), (159.0, 0.5), (1e9, 0), (np.nan, 0)])
def test_what_is_off_the_image_is_not_seen(x, share):
    _, _, seen = measure(IMAGE, np.array([[x, 60.0, 9.0, 0.0, 0.0, 5.0]]), CORE, EDGE)
    assert seen[0] == pytest.approx(share, abs=0.06)


def test_a_bubble_without_area_is_not_seen():
    levels, paper, seen = measure(IMAGE, np.array([[80.0, 60.0, 9.0, 0.0, 9.0, 0.0]]), CORE, EDGE)
    assert (levels.sum(), paper[0], seen[0]) == (0, 0, 0)
