"""What a pencil leaves: every kind of mark is as dark, as large and as far from its neighbours as it says."""

from __future__ import annotations

import numpy as np
import pytest

from omr import pencil
from omr.pencil import FAINT, GHOST, UNTIDY, Hand

DOT = 200 / 25.4
SIZE = np.array((4.4, 2.6)) * DOT  # of a bubble
CENTRE = np.array((150.0, 100.0))
PITCH = np.array((6.6, 5.0)) * DOT  # to the next bubble
EMPTY = 0.1  # share of its light that the print of an empty bubble takes
TIMES = 60


def drawn(kind: str, seed: int, hand: Hand | None = None) -> np.ndarray:
    """A white page with one mark, as darkness 0 … 1."""
    page = np.full((200, 300), 255, np.uint8)
    rng = np.random.default_rng(seed)
    pencil.mark(page, CENTRE, SIZE, hand or Hand.drawn(rng, DOT), rng, kind)
    return 1 - page / 255


def at(dark: np.ndarray, centre: np.ndarray = CENTRE, share: float = 1.0) -> np.ndarray:
    """What lies in (a share of) a bubble's box around a place."""
    (left, top), (right, bottom) = np.round(centre - share * SIZE / 2), np.round(centre + share * SIZE / 2)
    return dark[int(top) : int(bottom), int(left) : int(right)]


def mean(kind: str) -> np.ndarray:
    return np.array([at(drawn(kind, seed)).mean() for seed in range(TIMES)])


def test_a_tidy_mark_fills_most_of_its_bubble_and_leaves_the_others_alone() -> None:
    for seed in range(TIMES):
        dark = drawn("", seed)
        assert (at(dark) > 0.3).mean() > 0.55
        for way in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            assert at(dark, CENTRE + way * PITCH).max() == 0


def test_pupils_differ_and_a_pupil_is_alike() -> None:
    rng = np.random.default_rng(1)
    hands = [Hand.drawn(rng, DOT) for _ in range(TIMES)]
    assert {hand.fill for hand in hands} == {"patch", "zigzag", "oval"}
    own = [[at(drawn("", seed, hand), share=0.6).mean() for seed in range(8)] for hand in hands]
    assert np.mean([np.std(marks) for marks in own]) < 0.7 * np.std([np.mean(marks) for marks in own])


def test_faint_is_darker_than_print_and_paler_than_tidy() -> None:
    assert mean("faint").min() > 1.5 * EMPTY
    assert mean("faint").max() < FAINT[1] < mean("").mean()


def test_what_is_rubbed_out_is_paler_than_any_mark() -> None:
    ghosts = mean("erased")
    assert 0.5 * GHOST[0] < ghosts.min() and ghosts.max() < 1.3 * GHOST[1]
    assert 1.2 * ghosts.max() < mean("faint").min()

    def darkest(kind: str) -> list[float]:
        return [float(np.quantile(at(drawn(kind, seed)), 0.95)) for seed in range(TIMES)]

    assert max(darkest("erased")) < min(min(darkest(kind)) for kind in UNTIDY if kind not in pencil.NO_MARKS)


def test_half_is_about_half() -> None:
    shares = np.array([(at(drawn("half", seed)) > 0.3).mean() for seed in range(TIMES)])
    assert 0.38 < shares.min() < shares.max() < 0.72
    wide = [(at(drawn("half", seed)) > 0.3).any(axis=0).mean() for seed in range(TIMES)]
    assert min(wide) < 0.75 and max(wide) > 0.9  # a side of some, the upper or lower part of others


@pytest.mark.parametrize("kind", ["tick", "cross"])
def test_ticks_and_crosses_are_lines(kind: str) -> None:
    for seed in range(TIMES):
        dark = drawn(kind, seed)
        assert 0.1 < (at(dark) > 0.3).mean() < 0.7
        assert at(dark).max() > 0.45
        assert at(dark, CENTRE + PITCH * (1, 0), 0.7).max() == 0


def test_an_overrun_leaves_the_bubble_on_all_sides_but_not_for_the_middle_of_the_next() -> None:
    for seed in range(TIMES):
        dark = drawn("overrun", seed)
        assert (at(dark, share=1.1) > 0.3).mean() > 0.85
        for way in (-1, 1):
            assert at(dark, CENTRE + PITCH * (way, 0), 0.6).max() == 0
            assert at(dark, CENTRE + PITCH * (0, way)).max() == 0


def test_a_stray_line_is_no_mark() -> None:
    means = mean("stray")
    assert means.max() < 0.12
    reached = [drawn("stray", seed).sum() for seed in range(TIMES)]
    assert min(reached) > 3  # pixels' worth of lead: something is drawn every time


def test_marks_at_the_edge_of_the_page_are_cut_off_there() -> None:
    for kind in ("", *UNTIDY):
        page = np.full((40, 40), 255, np.uint8)
        rng = np.random.default_rng(0)
        pencil.mark(page, np.array((0.0, 39.0)), SIZE, Hand.drawn(rng, DOT), rng, kind)
        assert page.shape == (40, 40)
        assert kind == "stray" or page[30:, :10].min() < 255


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="'blot'"):
        drawn("blot", 0)


def test_handwriting_stays_in_its_rectangle_and_fills_its_share() -> None:
    page = np.full((400, 600), 255, np.uint8)
    pencil.write(page, 100, 100, 400, 200, 40, 0.5, np.random.default_rng(0))
    rows, columns = np.nonzero(page < 255)
    assert rows.min() >= 80 and rows.max() <= 100 + 0.5 * 200 + 40
    assert columns.min() >= 60 and columns.max() <= 540
    pencil.write(blank := np.full((400, 600), 255, np.uint8), 100, 100, 400, 200, 40, 0.0, np.random.default_rng(0))
    assert blank.min() == 255


def test_digits_are_written_where_they_belong() -> None:
    page = np.full((100, 100), 255, np.uint8)
    pencil.write_digit(page, 50, 50, "8", 33, np.random.default_rng(0))
    rows, columns = np.nonzero(page < 128)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(50, abs=4)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(50, abs=6)
