"""Sums too large for 64 bits give what smaller ones give."""

import numpy as np
import pytest
from hypothesis import given, settings
from papers import papers, responses

from engine import itemsums
from engine.ctt import item_statistics, option_statistics, reliability
from engine.scoring import score


@settings(deadline=None, max_examples=30)
@given(paper=papers(void_items=False))
def test_whole_numbers_of_any_size(paper) -> None:
    subject, rows = paper
    tally = score(subject, responses(subject, rows)).tally
    tables = [item_statistics(tally, subject), option_statistics(tally, subject), reliability(tally, subject)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(itemsums, "_LARGEST", -1)  # so that Python's own integers are used
        assert [
            item_statistics(tally, subject), option_statistics(tally, subject), reliability(tally, subject)
        ] == tables  # fmt: skip


def test_products_that_64_bits_do_not_hold() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 9, 50), rng.integers(0, 99, 50)
    many = 10**12  # each of these pupils so often
    sums = [50, x.sum(), (x**2).sum(), y.sum(), (y**2).sum(), (x * y).sum()]
    products = itemsums.Products(*(np.array([int(some) * many], object) for some in sums))
    assert products.r() == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-12)
    assert products.rest().r() == pytest.approx(np.corrcoef(x, y - x)[0, 1], rel=1e-12)
    assert products.spread()[0] == many**2 * int(50 * (x**2).sum() - x.sum() ** 2)
