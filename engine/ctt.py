"""Classical test theory: items, options and reliability, all from a Tally.

What the numbers mean:

- An item's statistics are over the pupils to whom it was presented (in a choose-k-of-n group: those who chose it).
- r_total is Pearson's correlation of the item's points with the total, r_rest with the total less the item's points,
  biserial the two-step polyserial correlation with the latter (`engine.discrimination.polyserial`).
- alpha is Cronbach's k/(k-1)·(1 - Σ var(part) / var(total)), over all pupils. Its parts are the items, "not
  presented" counting 0 as it does in the total, save that a choose group is one part: what a pupil gained in it.
  Items withdrawn by void:drop are no part. For an item of a choose group, alpha_if_deleted is alpha without the group.
- The bottom and top groups are the pupils with total <= q27 and total > q73, quantiles of type 7 (as in R and NumPy).
  Equal totals are never split, so the groups are not exactly 27 %. Where nobody is above q73 (more than a quarter have
  the highest total) the top group are those with the highest total; where that is also in the bottom group, there are
  no groups and d27 is null.
- sd has the denominator n; `ddof=1` gives n - 1, as R's psych and CTT have it.
- What is not defined (one pupil, a constant item, …) is null. Sums are exact integers: constant is exactly constant.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from engine import tables
from engine.errors import InputError
from engine.itemsums import ItemSums, Products, by_item, ratio
from engine.moments import Moments, mean_points, scaled, total_axis, total_quantile
from engine.points import in_steps
from engine.rules import accepted, rule, void
from engine.scoring import full_mark

if TYPE_CHECKING:
    from engine.exam import Item, Subject
    from engine.tally import Tally

# What is taken off the total before an option is correlated with it.
Rest = Literal["item", "option", "none"]

# When an item is shown to a person.
TOO_EASY = 0.95  # difficulty, at or above
TOO_HARD = 0.10  # at or below
FUNCTIONAL = 0.05  # a wrong answer given by a smaller share says nothing about the key (domain.md §4.4)


@dataclass(frozen=True)
class Analysis:
    """Item analysis of a subject's Tally: what its tables have in common is added up once.

    Raises:
        InputError: the Tally was counted before the blueprint was changed.
    """

    tally: Tally
    subject: Subject

    def __post_init__(self) -> None:
        check_paper(self.tally, self.subject)

    def items(self, *, ddof: int = 0) -> pa.Table:
        """See `item_statistics`."""
        items, sums, step, tally = self.subject.items, self._sums, self.tally.step, self.tally
        products, full = sums.products, np.array([float(item.max) for item in items])
        mean = _points(products.x, products.n, step)
        rates = _points(sums.earned, sums.sizes, step) / full[:, None]
        of_points = {
            "mean": mean,
            "sd": np.sqrt(ratio(products.spread(), products.n * (products.n - ddof))) * float(step),
            "difficulty": mean / full,
            "r_total": products.r(),
            "r_rest": products.rest().r(),
            "biserial": sums.biserial(),
            "d27": rates[:, 2] - rates[:, 0],
        }
        dropped = [item.item in tally.dropped for item in items]
        for values in of_points.values():
            values[dropped] = np.nan
        return _table(
            "items",
            {
                "subject": [self.subject.code] * len(items),
                "item": sums.names,
                "type": [item.type for item in items],
                "max": full,
                "key": [item.key for item in items],
                "knowledge": ["、".join(name for name, _ in item.knowledge) for item in items],
                "n": products.n.astype(np.int64),
                "blank": [
                    int(sums.given[first]) if tally.items[name].answers[:1] == ("",) else 0
                    for name, first in zip(sums.names, sums.ends.tolist(), strict=False)
                ],
                **of_points,
                "alpha_if_deleted": [
                    self._alphas.get(tables.CHOOSE + item.group if item.group in tally.choices else item.item)
                    for item in items
                ],
                "expected": [item.expected for item in items],
                "alert": self._alerts(of_points["r_rest"], of_points["difficulty"]),
            },
        )

    def options(self, *, rest: Rest = "item") -> pa.Table:
        """See `option_statistics`."""
        sums, tally, step = self._sums, self.tally, self.tally.step
        of: list[int] = []  # of each row the item and the answer, by their places, and the answer as written
        place: list[int] = []
        answers: list[str] = []
        points: list[int] = []
        nowhere = len(sums.given)  # the place of an answer that nobody gave
        for number, (item, first) in enumerate(zip(self.subject.items, sums.ends.tolist(), strict=False)):
            if item.type == "constructed":
                continue
            part = tally.items[item.item]
            given = dict(zip(part.answers, range(first, nowhere), strict=False))
            earned = dict(zip(part.answers, part.points.tolist(), strict=True))
            for answer in _named(item):
                if answer not in given:
                    given[answer], earned[answer] = nowhere, rule(item, step)(answer)
            named = sorted(given)
            if named[:1] == [""]:
                named.append(named.pop(0))
            of += [number] * len(named)
            place += [given[answer] for answer in named]
            answers += named
            points += [earned[answer] for answer in named]
        count, at = np.append(sums.given, 0)[place], np.append(sums.at, 0)[place]
        rates = ratio(np.append(sums.bands, [[0, 0, 0]], axis=0)[place], sums.sizes[of])
        stands = np.array([not void(item) for item in self.subject.items], bool)
        return _table(
            "options",
            {
                "subject": [self.subject.code] * len(of),
                "item": [sums.names[number] for number in of],
                "answer": answers,
                "points": np.array(points, np.int64) * step.numerator / step.denominator,
                "is_key": (np.array(points, np.int64) == self._full[of]) & stands[of],
                "count": count,
                "rate": ratio(count, sums.products.n[of]),
                "rate_low": rates[:, 0],
                "rate_mid": rates[:, 1],
                "rate_high": rates[:, 2],
                "r_rest": _option_r(sums, np.array(of, np.intp), count, at, np.array(points, np.int64), rest, step),
                "mean_total": _points(at, count, step),
            },
        )

    def reliability(self, *, ddof: int = 0) -> pa.Table:
        """See `reliability`."""
        tally, items = self.tally, self.items(ddof=ddof)
        axis, n, total, squares = total_axis(tally), tally.n, *_moments(tally)
        sd = scaled(Moments(n, total, squares).sd(ddof), tally.step)
        alpha = self._alphas[""]
        mean = mean_points(total, n, tally.step)
        full = full_mark(self.subject)
        weighed = [
            (d, w) for d, w in zip(*(items[name].to_pylist() for name in ("d27", "max")), strict=True) if d is not None
        ]
        row = {
            "subject": self.subject.code,
            "n": n,
            "items": len(tally.items) - len(tally.dropped),
            "max": float(full),
            "mean": mean,
            "sd": sd,
            "median": float(total_quantile(tally, Fraction(1, 2)) * tally.step) if n else None,
            "lowest": float(int(axis[0]) * tally.step) if n else None,
            "highest": float(int(axis[-1]) * tally.step) if n else None,
            "difficulty": mean / float(full) if mean is not None and full else None,
            "d27": sum(d * w for d, w in weighed) / sum(w for _, w in weighed) if weighed else None,
            "alpha": alpha,
            "sem": None if sd is None or alpha is None else sd * math.sqrt(1 - alpha),
        }
        return _table("reliability", {name: [value] for name, value in row.items()})

    @cached_property
    def _sums(self) -> ItemSums:
        """Of the items, in the order of the blueprint."""
        parts = {item.item: self.tally.items[item.item] for item in self.subject.items}
        return ItemSums.of(parts, total_axis(self.tally), _bands(self.tally))

    @cached_property
    def _full(self) -> np.ndarray:
        """(items,) int64 full marks, in steps."""
        return np.array([in_steps(item.max, self.tally.step) for item in self.subject.items], np.int64)

    @cached_property
    def _alphas(self) -> dict[str, float | None]:
        """alpha of the paper ("") and without each part: an item by its name, a choose group by tables.CHOOSE + its."""
        tally = self.tally
        parts = _sums_of_points(self._sums)
        for item in self.subject.items:
            if item.item in tally.dropped or item.group in tally.choices:
                del parts[item.item]
        if tally.choices:
            choices = _sums_of_points(ItemSums.of(tally.choices, total_axis(tally), _bands(tally)))
            parts |= {tables.CHOOSE + name: sums for name, sums in choices.items()}
        n, total, squares = tally.n, *_moments(tally)
        whole = n * squares - total**2  # n² times the variance of the total scores
        spreads = {name: n * xx - x**2 for name, (x, xx, _) in parts.items()}
        spread = sum(spreads.values())

        def alpha(k: int, parts_spread: int, total_spread: int) -> float | None:
            return k * (total_spread - parts_spread) / ((k - 1) * total_spread) if k > 1 and total_spread else None

        alphas = {"": alpha(len(parts), spread, whole)}
        for name, (x, _, xy) in parts.items():
            others = whole - 2 * (n * xy - x * total) + spreads[name]
            alphas[name] = alpha(len(parts) - 1, spread - spreads[name], others)
        return alphas

    def _alerts(self, r_rest: np.ndarray, difficulty: np.ndarray) -> list[str]:
        """By item what a person should look at."""
        items = self.subject.items
        found = {
            "key suspect": self._key_suspect() & [item.type != "constructed" for item in items],
            "negative discrimination": r_rest < 0,
            "too easy": difficulty >= TOO_EASY,
            "too hard": difficulty <= TOO_HARD,
        }
        alerts: list[list[str]] = [[] for _ in items]
        for name, so in found.items():
            for place in np.flatnonzero(so).tolist():
                alerts[place].append(name)
        return ["void" if void(item) else "; ".join(some) for item, some in zip(items, alerts, strict=True)]

    def _key_suspect(self) -> np.ndarray:
        """(items,) bool: a wrong answer that is not rare goes with a higher rest score, and more so than the key."""
        sums, step, full = self._sums, self.tally.step, self._full
        right = sums.points == full[sums.item]
        count, at = (by_item(np.where(right, some, 0), sums.ends) for some in (sums.given, sums.at))
        key = _option_r(sums, np.arange(len(full)), count, at, full, "item", step)
        each = _option_r(sums, sums.item, sums.given, sums.at, sums.points, "item", step)
        written = np.array([answer != "" for name in sums.names for answer in self.tally.items[name].answers], bool)
        wrong = written & (sums.points <= 0) & (sums.given >= FUNCTIONAL * sums.products.n.astype(float)[sums.item])
        suspect = wrong & (each > np.fmax(key, 0)[sums.item])  # NaN: not defined
        return np.bincount(sums.item[suspect], minlength=len(full)).astype(bool)


def item_statistics(tally: Tally, subject: Subject, *, ddof: int = 0) -> pa.Table:
    """A row an item, schema "items".

    `alert` holds, joined by "; ": "void"; "key suspect" (a wrong answer given by at least 5 % goes with a higher rest
    score, and more so than the key: domain.md §4.4); "negative discrimination" (r_rest < 0); "too easy"; "too hard".

    Raises:
        InputError: the Tally was counted before the blueprint was changed.
    """
    return Analysis(tally, subject).items(ddof=ddof)


def option_statistics(tally: Tally, subject: Subject, *, rest: Rest = "item") -> pa.Table:
    """A row an answer of the choice and numeric items, schema "options"; blank comes last.

    The options of a single-choice item and the keys of any choice item have a row even if nobody chose them.

    Args:
        rest: what is taken off the total in `r_rest`: the points of the item; or 1 point from those who gave the
            answer, wrong or not, as R's CTT::distractorAnalysis does; or nothing.

    Raises:
        InputError: the Tally was counted before the blueprint was changed.
    """
    return Analysis(tally, subject).options(rest=rest)


def reliability(tally: Tally, subject: Subject, *, ddof: int = 0) -> pa.Table:
    """The one row of the subject, schema "reliability"; sem = sd·√(1 - alpha).

    Raises:
        InputError: the Tally was counted before the blueprint was changed.
    """
    return Analysis(tally, subject).reliability(ddof=ddof)


def item_quality(d27: float | None) -> Literal["", "very_good", "good", "fair", "poor"]:
    """The usual words for a discrimination index (Ebel; domain.md §4.4): ≥ .40, ≥ .30, ≥ .20, less; "" for none."""
    if d27 is None:
        return ""
    return "very_good" if d27 >= 0.4 else "good" if d27 >= 0.3 else "fair" if d27 >= 0.2 else "poor"


def check_paper(tally: Tally, subject: Subject) -> None:
    """Refuse a Tally counted before the blueprint was changed.

    Raises:
        InputError: it was.
    """
    if tally.step != subject.step:
        changed = {"step"}
    else:
        changed = set(tally.items) ^ {item.item for item in subject.items}
        changed |= tally.dropped ^ {item.item for item in subject.items if void(item) == "drop"}
    for item in () if changed else subject.items:
        part, mark = tally.items[item.item], rule(item, tally.step)
        if [mark(answer) for answer in part.answers] != part.points.tolist():
            changed.add(item.item)
    if changed:
        raise InputError(
            f"{subject.code}: the blueprint has changed since the scoring: {', '.join(sorted(changed))}",
            mend="score again: `yuejuan score EXAM`",
        )


def _sums_of_points(items: ItemSums) -> dict[str, tuple[int, int, int]]:
    """By item Σx, Σx², Σxy, x its points and y the total score, "not presented" counting 0."""
    products = items.products
    of_points = zip(products.x.tolist(), products.xx.tolist(), products.xy.tolist(), strict=True)
    return dict(zip(items.names, of_points, strict=True))


def _moments(tally: Tally) -> tuple[int, int]:
    """Σy and Σy² of the total scores."""
    axis = total_axis(tally)
    return int(tally.totals @ axis), int(tally.totals @ axis**2)


def _bands(tally: Tally) -> np.ndarray:
    """(3, totals) which columns of the counts are the bottom 27 %, the middle, the top 27 %; none where they would
    overlap."""
    axis = total_axis(tally)
    none = np.zeros((3, len(axis)), dtype=bool)
    if not tally.n:
        return none
    low = axis <= math.floor(total_quantile(tally, Fraction(27, 100)))
    high = axis > math.floor(total_quantile(tally, Fraction(73, 100)))
    if not high.any():
        high = axis == axis[-1]
    return none if (low & high).any() else np.stack([low, ~low & ~high, high])


def _points(total: np.ndarray, count: np.ndarray, step: Fraction) -> np.ndarray:
    """Mean of points given in steps; NaN of nobody's."""
    return ratio(total * step.numerator, count * step.denominator)


def _option_r(
    sums: ItemSums,
    of: np.ndarray,
    count: np.ndarray,
    at: np.ndarray,
    points: np.ndarray,
    rest: Rest,
    step: Fraction,
) -> np.ndarray:
    """(k,) correlation of having given an answer with the total, less what `rest` says.

    Args:
        of: (k,) the item, by its place.
        count, at: (k,) how many gave the answer, and the sum of their total scores, in steps.
        points: (k,) what it earns, in steps.
    """
    products = sums.products.rest() if rest == "item" else sums.products
    n, y, yy = products.n[of], products.y[of], products.yy[of]
    if rest == "item":
        at = at - points * count
    elif rest == "option":  # totals are counted in such parts of a step that a point is a whole number of them
        parts, point = step.numerator, step.denominator
        count, at, y, yy = (some.astype(object) for some in (count, at, y, yy))
        yy = parts**2 * yy - 2 * parts * point * at + point**2 * count
        y, at = parts * y - point * count, parts * at - point * count
    return Products(n, count, count, y, yy, at).r()


def _named(item: Item) -> list[str]:
    """Answers of a choice item that belong in its table whether or not anyone gave them."""
    if item.type == "number":
        return []
    keys = ["".join(sorted(key)) for key in accepted(item)]
    return [*item.options, *keys] if item.type == "single" else keys


def _table(name: str, columns: Mapping[str, Sequence | np.ndarray]) -> pa.Table:
    """A table of that schema; NaN becomes null."""
    return pa.table(
        [pa.array(columns[field.name], field.type, from_pandas=True) for field in tables.SCHEMAS[name]],
        schema=tables.SCHEMAS[name],
    )
