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
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from engine import tables
from engine.discrimination import polyserial_of_categories
from engine.errors import InputError
from engine.moments import Moments, mean_points, scaled, share_of, total_axis, total_quantile
from engine.rules import accepted, rule, void
from engine.scoring import full_mark

if TYPE_CHECKING:
    from engine.exam import Item, Subject
    from engine.tally import Answers, Tally

# What is taken off the total before an option is correlated with it.
Rest = Literal["item", "option", "none"]

# When an item is shown to a person.
TOO_EASY = 0.95  # difficulty, at or above
TOO_HARD = 0.10  # at or below
FUNCTIONAL = 0.05  # a wrong answer given by a smaller share says nothing about the key (domain.md §4.4)


def item_statistics(tally: Tally, subject: Subject, *, ddof: int = 0) -> pa.Table:
    """A row an item, schema "items".

    `alert` holds, joined by "; ": "void"; "key suspect" (a wrong answer given by at least 5 % goes with a higher rest
    score, and more so than the key: domain.md §4.4); "negative discrimination" (r_rest < 0); "too easy"; "too hard".

    Raises:
        InputError: the Tally was counted before the blueprint was changed.
    """
    check_paper(tally, subject)
    sums_of = _summed_items(tally)
    alphas = _alphas(tally, subject, sums_of)
    rows = []
    for item in subject.items:
        part, summed = tally.items[item.item], sums_of[item.item]
        row = {
            "subject": subject.code,
            "item": item.item,
            "type": item.type,
            "max": float(item.max),
            "key": item.key,
            "knowledge": "、".join(name for name, _ in item.knowledge),
            "n": summed.moments.n,
            "blank": sum(count for answer, count in zip(part.answers, summed.given, strict=True) if answer == ""),
            "expected": item.expected,
            "alert": "void",
        }
        if item.item not in tally.dropped:
            sums = summed.moments
            mean = mean_points(sums.x, sums.n, tally.step)
            rates = [_rate(points, n, item, tally) for points, n in summed.bands_points]
            row |= {
                "mean": mean,
                "sd": scaled(sums.sd(ddof), tally.step),
                "difficulty": None if mean is None else mean / float(item.max),
                "r_total": sums.r(),
                "r_rest": sums.rest().r(),
                "biserial": _biserial(part, summed),
                "d27": None if rates[0] is None or rates[2] is None else rates[2] - rates[0],
                "alpha_if_deleted": alphas[tables.CHOOSE + item.group if item.group in tally.choices else item.item],
            }
            row["alert"] = "; ".join(_alerts(item, part, summed, tally, row))
        rows.append(row)
    return _table("items", rows)


def option_statistics(tally: Tally, subject: Subject, *, rest: Rest = "item") -> pa.Table:
    """A row an answer of the choice and numeric items, schema "options"; blank comes last.

    The options of a single-choice item and the keys of any choice item have a row even if nobody chose them.

    Args:
        rest: what is taken off the total in `r_rest`: the points of the item; or 1 point from those who gave the
            answer, wrong or not, as R's CTT::distractorAnalysis does; or nothing.

    Raises:
        InputError: the Tally was counted before the blueprint was changed.
    """
    check_paper(tally, subject)
    sums_of = _summed_items(tally)
    rows = []
    for item in subject.items:
        if item.type == "constructed":
            continue
        part, summed = tally.items[item.item], sums_of[item.item]
        mark, full = rule(item, tally.step), int(item.max / tally.step)
        sizes = [n for _, n in summed.bands_points]
        others = summed.moments if rest == "none" else summed.moments.rest()
        given = dict(zip(part.answers, zip(summed.given, summed.at, summed.bands, strict=True), strict=True))
        for answer in sorted({*given, *_named(item)}, key=lambda text: (text == "", text)):
            count, at, bands = given.get(answer, (0, 0, (0, 0, 0)))
            points = mark(answer)
            rates = [share_of(some, size) for some, size in zip(bands, sizes, strict=True)]
            if rest == "option":
                r_rest = _option_without_itself(summed.moments, count, at, 1 / tally.step)
            else:
                r_rest = _option_rest(others, count, at, points if rest == "item" else 0)
            rows.append(
                {
                    "subject": subject.code,
                    "item": item.item,
                    "answer": answer,
                    "points": points * tally.step.numerator / tally.step.denominator,
                    "is_key": not void(item) and points == full,
                    "count": count,
                    "rate": share_of(count, summed.moments.n),
                    "rate_low": rates[0],
                    "rate_mid": rates[1],
                    "rate_high": rates[2],
                    "r_rest": r_rest,
                    "mean_total": mean_points(at, count, tally.step),
                }
            )
    return _table("options", rows)


def reliability(tally: Tally, subject: Subject, *, ddof: int = 0) -> pa.Table:
    """The one row of the subject, schema "reliability"; sem = sd·√(1 - alpha).

    Raises:
        InputError: the Tally was counted before the blueprint was changed.
    """
    items = item_statistics(tally, subject)
    axis = total_axis(tally)
    n = tally.n
    total = int(tally.totals @ axis)
    sums = Moments(n, total, int(tally.totals @ axis**2))
    sd = scaled(sums.sd(ddof), tally.step)
    alpha = _alphas(tally, subject, _summed_items(tally))[""]
    mean = mean_points(total, n, tally.step)
    full = full_mark(subject)
    weighed = [
        (d, w) for d, w in zip(*(items[name].to_pylist() for name in ("d27", "max")), strict=True) if d is not None
    ]
    row = {
        "subject": subject.code,
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
    return _table("reliability", [row])


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


@dataclass(frozen=True)
class _Summed:
    """An item's counts, added up over the total scores.

    Attributes:
        given, at: by answer, how often it was given, and the sum of the total scores of those who gave it, in steps.
        bands: by answer, how often in the bottom, middle and top group.
        bands_points: of each of these groups, points and pupils.
        moments: x: points of the item, y: total score, over the pupils to whom it was presented.
    """

    given: list[int]
    at: list[int]
    bands: list[list[int]]
    bands_points: list[tuple[int, int]]
    moments: Moments


def _summed_items(tally: Tally) -> dict[str, _Summed]:
    """By item."""
    return _summed(tally.items, _weights(tally))


def _summed(parts: dict[str, Answers], weights: np.ndarray) -> dict[str, _Summed]:
    """By name, all of them at once; `weights` are those of `_weights`."""
    if not parts:
        return {}
    sums = np.concatenate([part.counts for part in parts.values()]) @ weights
    points = np.concatenate([part.points for part in parts.values()])
    ends = np.cumsum([len(part.points) for part in parts.values()]).tolist()
    starts = [0, *ends[:-1]]
    # Of each part: the sums, those times the points, and the sum of the squares of the points.
    every = np.column_stack([sums, points[:, None] * sums, points**2 * sums[:, 0]])
    together = np.vstack([np.zeros((1, every.shape[1]), np.int64), every.cumsum(axis=0)])
    whole = (together[ends] - together[starts]).tolist()
    rows = sums.tolist()
    found = {}
    for name, start, end, (n, y, yy, *rest) in zip(parts, starts, ends, whole, strict=True):
        sizes, (x, xy, _, *banded), xx = rest[:3], rest[3:9], rest[9]
        own = rows[start:end]
        found[name] = _Summed(
            given=[row[0] for row in own],
            at=[row[1] for row in own],
            bands=[row[3:] for row in own],
            bands_points=list(zip(banded, sizes, strict=True)),
            moments=Moments(n, x, xx, y, yy, xy),
        )
    return found


def _weights(tally: Tally) -> np.ndarray:
    """(totals, 6) int64: 1, the total score, its square; whether it is in the bottom, the middle, the top group."""
    axis = total_axis(tally)
    return np.column_stack([np.ones_like(axis), axis, axis**2, *(band.astype(np.int64) for band in _bands(tally))])


def _biserial(part: Answers, summed: _Summed) -> float | None:
    """Of the points and the rest score."""
    rest = summed.moments.rest()
    spread = rest.n * rest.yy - rest.y**2
    counts: dict[int, int] = {}
    rests: dict[int, int] = {}
    for points, count, at in zip(part.points.tolist(), summed.given, summed.at, strict=True):
        counts[points] = counts.get(points, 0) + count
        rests[points] = rests.get(points, 0) + at - points * count
    if len(counts) < 2 or not spread:
        return None
    mean, order = float(rest.y / rest.n), sorted(counts)
    sums = [rests[points] - counts[points] * mean for points in order]
    return polyserial_of_categories([counts[points] for points in order], sums, math.sqrt(spread) / rest.n)


def _alphas(tally: Tally, subject: Subject, items: dict[str, _Summed]) -> dict[str, float | None]:
    """alpha of the paper ("") and without each of its parts: an item by its name, a group by tables.CHOOSE + name."""
    parts = {
        item.item: items[item.item].moments
        for item in subject.items
        if item.group not in tally.choices and item.item not in tally.dropped
    }
    choices = _summed(tally.choices, _weights(tally))
    parts |= {tables.CHOOSE + group: summed.moments for group, summed in choices.items()}
    axis, n = total_axis(tally), tally.n
    total = Moments(n, int(tally.totals @ axis), int(tally.totals @ axis**2))
    sums = {name: moments._replace(n=n) for name, moments in parts.items()}
    spread = sum(part.spread() for part in sums.values())

    def alpha(k: int, parts_spread: int | Fraction, total_spread: int | Fraction) -> float | None:
        return (
            float(Fraction(k, k - 1) * (1 - Fraction(parts_spread, total_spread))) if k > 1 and total_spread else None
        )

    alphas = {"": alpha(len(sums), spread, total.spread())}
    for name, part in sums.items():
        others = Moments(n, total.x - part.x, total.xx - 2 * part.xy + part.xx)
        alphas[name] = alpha(len(sums) - 1, spread - part.spread(), others.spread())
    return alphas


def _bands(tally: Tally) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which columns of the counts are the bottom 27 %, the middle, the top 27 %; none where they would overlap."""
    axis = total_axis(tally)
    none = np.zeros(len(axis), dtype=bool)
    if not tally.n:
        return none, none, none
    low = axis <= math.floor(total_quantile(tally, Fraction(27, 100)))
    high = axis > math.floor(total_quantile(tally, Fraction(73, 100)))
    if not high.any():
        high = axis == axis[-1]
    if (low & high).any():
        return none, none, none
    return low, ~low & ~high, high


def _rate(points: int, n: int, item: Item, tally: Tally) -> float | None:
    """Rate of points of n pupils."""
    mean = mean_points(points, n, tally.step)
    return None if mean is None else mean / float(item.max)


def _option_rest(others: Moments, count: int, at: int, points: int) -> float | None:
    """Correlation of having given an answer with the total less the item.

    Args:
        others: the item's `rest`.
        count, at: how many gave the answer, and the sum of their total scores, in steps; points: that it earns.
    """
    return Moments(others.n, count, count, others.y, others.yy, at - points * count).r()


def _option_without_itself(item: Moments, count: int, at: int, point: Fraction) -> float | None:
    """The same with the total less a point to those who gave the answer."""
    return Moments(
        item.n, count, count, item.y - point * count, item.yy - 2 * point * at + point**2 * count, at - point * count
    ).r()


def _alerts(item: Item, part: Answers, summed: _Summed, tally: Tally, row: dict) -> Iterator[str]:
    """What a person should look at."""
    if void(item):
        yield "void"
        return
    if item.type != "constructed" and _key_suspect(item, part, summed, tally):
        yield "key suspect"
    if row["r_rest"] is not None and row["r_rest"] < 0:
        yield "negative discrimination"
    if row["difficulty"] is not None and row["difficulty"] >= TOO_EASY:
        yield "too easy"
    if row["difficulty"] is not None and row["difficulty"] <= TOO_HARD:
        yield "too hard"


def _key_suspect(item: Item, part: Answers, summed: _Summed, tally: Tally) -> bool:
    full, others = int(item.max / tally.step), summed.moments.rest()
    options = list(zip(part.answers, part.points.tolist(), summed.given, summed.at, strict=True))
    right = [(count, at) for _, points, count, at in options if points == full]
    key = _option_rest(others, sum(count for count, _ in right), sum(at for _, at in right), full)
    for answer, points, count, at in options:
        if answer and points <= 0 and count >= FUNCTIONAL * others.n:
            wrong = _option_rest(others, count, at, points)
            if wrong is not None and wrong > max(0.0, key or 0.0):
                return True
    return False


def _named(item: Item) -> list[str]:
    """Answers of a choice item that belong in its table whether or not anyone gave them."""
    if item.type == "number":
        return []
    keys = ["".join(sorted(key)) for key in accepted(item)]
    return [*item.options, *keys] if item.type == "single" else keys


def _table(name: str, rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=tables.SCHEMAS[name])
