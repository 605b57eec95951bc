"""Scoring and item analysis of N × J multiple-choice responses: the engine against NumPy and polars.

All three start from the same Arrow dictionary columns and end with the points of every response, the totals, per item
the item-rest correlation and the counts of every answer at every total score, and per school and class the sums of each
item's points and of their squares. The results are checked to be equal before anything is timed. Pupils come in no
order of their classes, as sheets come from a scanner.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.timing import best_times
from engine import scoring
from engine.ctt import Analysis
from engine.exam import Item, Subject
from engine.tables import LABEL
from engine.tally import Tally

PUPILS, ITEMS = 1_000_000, 100
ANSWERS = ["A", "B", "C", "D", ""]
ROUNDS = 5
COPY = "copy of the responses"
BOTH = "two at once, halved"  # a thread each: what two threads bring at most, on this machine today
CLASS, SCHOOL = 45, 900  # pupils


def run(size: float = 1.0) -> dict:
    """Time the contenders on `size` × 1 000 000 pupils and 100 items."""
    pupils = int(PUPILS * size)
    codes, keys = _responses(pupils)
    subject = Subject(
        code="s",
        name="s",
        folder=Path(),
        items=tuple(
            Item(item=str(j + 1), type="single", max=Decimal(1), key=ANSWERS[key], options="ABCD")
            for j, key in enumerate(keys)
        ),
    )
    columns = [pa.DictionaryArray.from_arrays(pa.array(column), pa.array(ANSWERS)) for column in codes]
    responses = pa.table(
        {
            "student_id": pa.array([f"{i:09d}" for i in range(pupils)]),
            "status": pa.array(["read"] * pupils).cast(LABEL),
            "form": pa.array([""] * pupils),
            **{item.item: column for item, column in zip(subject.items, columns, strict=True)},
        }
    )
    points = np.eye(len(ANSWERS), dtype=np.int32)[keys]  # item → points by code
    order = np.random.default_rng(8).permutation(pupils).astype(np.int32)
    units = {"school": order // SCHOOL, "class": order // CLASS}
    groups = {
        level: pa.DictionaryArray.from_arrays(pa.array(code), pa.array([f"{i:06}" for i in range(int(code.max()) + 1)]))
        for level, code in units.items()
    }
    ours = {
        "yuejuan": lambda: _engine(subject, responses, groups),
        "yuejuan, one thread": lambda: _engine(subject, responses, groups, threads=1),
    }
    others = {
        "NumPy": lambda: _numpy(columns, points, units),
        "polars": lambda: _polars(responses, subject, points, units),
    }
    copy = {COPY: lambda: codes.copy()}
    with ThreadPoolExecutor(2) as executor:
        both = {BOTH: lambda: list(executor.map(lambda _: ours["yuejuan, one thread"](), range(2)))}
        threads = best_times({**ours, **both, **copy}, 2 * ROUNDS)  # a neighbour may take half a core for seconds
    threads[BOTH] /= 2
    _check({**ours, **others})
    times = best_times({**ours, **others, **copy}, ROUNDS)
    return {
        "what": f"{pupils:,} pupils × {ITEMS} items: points, totals, item and option statistics, sums by unit",
        "rows": _rows("alone", threads) + _rows("in turn with the others", times),
    }


def _rows(how: str, times: dict[str, float]) -> list[dict]:
    return [
        {
            "contender": name,
            "run": how,
            "seconds": seconds,
            "× the engine": seconds / times["yuejuan"],
            "× a copy of the responses": seconds / times[COPY],
        }
        for name, seconds in times.items()
    ]


def _responses(pupils: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes (items, pupils) that follow an ability, and the key's code of every item."""
    rng = np.random.default_rng(7)
    ability = rng.normal(size=pupils)
    keys = rng.integers(0, 4, ITEMS)
    codes = np.empty((ITEMS, pupils), np.uint8)
    for j, key in enumerate(keys):
        right = rng.random(pupils) < 1 / (1 + np.exp(rng.normal() - ability))
        codes[j] = np.where(right, key, (key + rng.integers(1, 5, pupils)) % 5)
    return codes, keys


class Result(NamedTuple):
    """What all contenders give: totals (n,), item-rest correlations (items,), counts (items, answers, totals); and by
    level, sums of the points and of their squares (units, items)."""

    totals: np.ndarray
    r_rest: np.ndarray
    counts: np.ndarray
    sums: dict[str, tuple[np.ndarray, np.ndarray]]


class EngineResult(NamedTuple):
    """What the engine gives, in its own shapes."""

    scored: scoring.Scored
    items: pa.Table
    options: pa.Table

    def compared(self) -> Result:
        tally = self.scored.tally
        sums = {level: (some.sum[:, :-1], some.squares[:, :-1]) for level, some in tally.units.items()}
        return Result(self.scored.scores["total"].to_numpy(), self.items["r_rest"].to_numpy(), _counts(tally), sums)


def _engine(subject: Subject, responses: pa.Table, groups: dict, threads: int | None = None) -> EngineResult:
    scored = scoring.score(subject, responses, groups, threads=threads)
    analysis = Analysis(scored.tally, subject)
    return EngineResult(scored, analysis.items(), analysis.options())


def _counts(tally: Tally) -> np.ndarray:
    """The Tally's counts on the axes of the other contenders: (items, answers, totals from 0)."""
    counts = np.zeros((len(tally.items), len(ANSWERS), tally.lowest + len(tally.totals)), np.int64)
    for j, part in enumerate(tally.items.values()):
        for answer, row in zip(part.answers, part.counts, strict=True):
            counts[j, ANSWERS.index(answer), tally.lowest :] = row
    return counts


def _numpy(columns: list[pa.DictionaryArray], points: np.ndarray, units: dict[str, np.ndarray]) -> Result:
    codes = [column.indices.to_numpy() for column in columns]
    gained = [table[code] for table, code in zip(points, codes, strict=True)]
    totals = np.zeros(len(codes[0]), np.int32)
    for column in gained:
        totals += column
    width = int(totals.max()) + 1
    counts = np.array(
        [np.bincount(code * np.int32(width) + totals, minlength=5 * width).reshape(5, width) for code in codes]
    )
    sums = {
        level: (
            np.array([np.bincount(code, weights=column) for column in gained]).T,
            np.array([np.bincount(code, weights=column**2) for column in gained]).T,
        )
        for level, code in units.items()
    }
    return Result(totals, _item_rest(counts, points), counts, sums)


def _polars(responses: pa.Table, subject: Subject, points: np.ndarray, units: dict[str, np.ndarray]) -> Result:
    names = [item.item for item in subject.items]
    arrays = {name: responses[name].chunk(0).indices for name in names}
    frame = pl.DataFrame(arrays)
    frame = frame.with_columns(
        pl.lit(pl.Series(table)).gather(pl.col(name)).alias(f"p{name}")
        for name, table in zip(names, points, strict=True)
    ).with_columns(total=pl.sum_horizontal(f"p{name}" for name in names))
    width = int(frame["total"].max()) + 1  # type: ignore[arg-type]
    lazy = frame.with_columns(**{level: pl.Series(code) for level, code in units.items()}).lazy()
    gained = [pl.col(f"p{name}") for name in names]
    *tables, schools, classes = pl.collect_all(
        [lazy.group_by(pl.col(name).alias("answer"), "total").len() for name in names]
        + [
            lazy.group_by(level)
            .agg(*(one.sum() for one in gained), *((one**2).sum().name.prefix("s") for one in gained))
            .sort(level)
            for level in units
        ]
    )
    counts = np.zeros((len(names), 5, width), np.int64)
    for j, table in enumerate(tables):
        counts[j, table["answer"].to_numpy(), table["total"].to_numpy()] = table["len"].to_numpy()
    sums = {
        level: (
            table.select(f"p{name}" for name in names).to_numpy(),
            table.select(f"sp{name}" for name in names).to_numpy(),
        )
        for level, table in zip(units, (schools, classes), strict=True)
    }
    return Result(frame["total"].to_numpy(), _item_rest(counts, points), counts, sums)


def _item_rest(counts: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Item-rest correlations from the contingency tables (a few thousand numbers: no contender's bottleneck)."""
    width = counts.shape[2]
    n = counts.sum(axis=(1, 2))
    total = np.arange(width)
    item = points[:, : counts.shape[1], None].astype(float)
    rest = total - item

    def mean(values: np.ndarray) -> np.ndarray:
        return (counts * values).sum(axis=(1, 2)) / n

    covariance = mean(item * rest) - mean(item) * mean(rest)
    return covariance / np.sqrt((mean(item**2) - mean(item) ** 2) * (mean(rest**2) - mean(rest) ** 2))


def _check(contenders: dict[str, Callable[[], EngineResult | Result]]) -> None:
    results = (run() for run in contenders.values())
    ours, *others = (one.compared() if isinstance(one, EngineResult) else one for one in results)
    for other in others:
        np.testing.assert_array_equal(ours.totals, other.totals)
        np.testing.assert_allclose(ours.r_rest, other.r_rest, atol=1e-9)
        np.testing.assert_array_equal(ours.counts, other.counts)
        for level, both in ours.sums.items():
            np.testing.assert_array_equal(both, other.sums[level])
