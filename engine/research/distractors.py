"""Wrong answers worth a word among teachers (干扰项发现), in choice and numeric items, answers left blank among them.

"strong"   the answer goes with high scores: its correlation with the rest of the paper is above 0 by more than chance
           (Student's t of a correlation), and 5 % or more gave it. The key, or the item, may be in doubt, or able
           pupils share a misconception.
"rival"    among the top 27 % it was given as often as the key, or more often.
"school"   a school's pupils gave it more often than pupils of equal score elsewhere: by `min_gap` or more of them, and
           by more than chance: (O - E) / √V as Mantel and Haenszel (1959) have it, with the pupils of `STRATA` bands of
           the total as strata, and 0.5 taken off for continuity. Schools of fewer than `min_pupils` are not judged.

P-values are adjusted for all answers, or all answers and schools, of the subject (Benjamini & Hochberg 1995). Answers
that earned points are no distractors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr, stdtr

from engine import tables
from engine.compare import false_discovery
from engine.ctt import FUNCTIONAL
from engine.diagnosis.rates import TOLERANCE
from engine.exam import ResearchRule, Subject
from engine.knowledge import ratio
from engine.lecture.answers import shown_by
from engine.roster import units_of

STRATA = 10
Row = dict[str, Any]


def research_options(
    subject: Subject, scores: pa.Table, responses: pa.Table, roster: pa.Table, options: pa.Table, rule: ResearchRule
) -> pa.Table:
    """Table "research_options": findings "strong", then "rival", then "school", each in the order of the blueprint.

    Args:
        scores, responses: the subject's, of the same pupils, rows in any order.
        options: table "options", of any subjects.
    """
    given = [row for row in options.to_pylist() if row["subject"] == subject.code]
    wrong = [row for row in given if row["points"] <= 0 and row["count"]]
    rows = [
        *_strong(wrong, rule),
        *_rivals(wrong, given),
        *_of_schools(subject, scores, responses, roster, wrong, rule),
    ]
    items = {item.item: item for item in subject.items}
    told = [
        row | {"subject": subject.code, "misconception": shown_by(items[row["item"]], row["answer"])} for row in rows
    ]
    return pa.Table.from_pylist(told, schema=tables.SCHEMAS["research_options"])


def _finding(kind: str, row: Row, n: int, **more: object) -> Row:
    known = {name: row[name] for name in ("item", "answer", "rate_high", "r_rest")}
    return known | {"finding": kind, "school": "", "n": n, "count": row["count"], "share": row["rate"]} | more


def _presented(row: Row) -> int:
    return round(row["count"] / row["rate"])


def _strong(wrong: list[Row], rule: ResearchRule) -> list[Row]:
    tested = [row for row in wrong if row["r_rest"] is not None and _presented(row) > 2]
    r, n = np.array([row["r_rest"] for row in tested]), np.array([_presented(row) for row in tested])
    p = stdtr(n - 2, -r * np.sqrt(ratio(n - 2, np.maximum(1 - r**2, TOLERANCE))))
    return [
        _finding("strong", row, _presented(row), p_adjusted=adjusted)
        for row, adjusted in zip(tested, false_discovery(p).tolist(), strict=True)
        if adjusted <= rule.false_alarms and row["rate"] >= FUNCTIONAL
    ]


def _rivals(wrong: list[Row], given: list[Row]) -> list[Row]:
    key: dict[str, float] = {}  # share of the top group that gave a key
    for row in given:
        if row["is_key"] and row["rate_high"] is not None:
            key[row["item"]] = key.get(row["item"], 0.0) + row["rate_high"]
    return [
        _finding("rival", row, _presented(row), reference=key[row["item"]])
        for row in wrong
        if row["item"] in key and row["rate_high"] is not None and row["rate_high"] >= max(key[row["item"]], FUNCTIONAL)
    ]


def _of_schools(
    subject: Subject, scores: pa.Table, responses: pa.Table, roster: pa.Table, wrong: list[Row], rule: ResearchRule
) -> list[Row]:
    scores = scores.filter(pc.equal(scores["status"].cast(pa.string()), "read").combine_chunks())
    scores = scores.filter(pc.is_valid(scores["total"]))
    school = units_of(scores["student_id"], roster)["school"]
    names = school.dictionary.to_pylist()
    of, bands = school.indices.fill_null(-1).to_numpy(), _bands(scores["total"].to_numpy())
    row_of = pc.index_in(scores["student_id"], responses["student_id"].combine_chunks())
    found = []
    for item in dict.fromkeys(row["item"] for row in wrong):
        answers = [row for row in wrong if row["item"] == item]
        column = responses[item].cast(pa.string()).take(row_of)
        here = pc.is_valid(scores[item]).to_numpy() & (of >= 0)
        code = pc.index_in(column, pa.array([row["answer"] for row in answers])).fill_null(len(answers)).to_numpy()
        counted = _counts(of[here], bands[here], code[here], len(names), len(answers))
        found += list(_more_than_expected(answers, counted, names, rule.min_pupils))
    adjusted = false_discovery(np.array([row["p"] for row in found]))
    return [
        {name: value for name, value in row.items() if name != "p"} | {"p_adjusted": q}
        for row, q in zip(found, adjusted.tolist(), strict=True)
        if q <= rule.false_alarms and row["share"] - row["reference"] >= rule.min_gap - TOLERANCE
    ]


def _bands(total: np.ndarray) -> np.ndarray:
    """(n,) band of each total, as equal in size as equal totals allow."""
    edges = np.quantile(total, np.arange(1, STRATA) / STRATA) if len(total) else []
    return np.searchsorted(np.unique(edges), total, side="left")


def _counts(school: np.ndarray, band: np.ndarray, code: np.ndarray, schools: int, answers: int) -> np.ndarray:
    """(schools, STRATA, answers + 1) pupils; the last answer is any other."""
    shape = (schools, STRATA, answers + 1)
    return np.bincount(np.ravel_multi_index((school, band, code), shape), minlength=np.prod(shape)).reshape(shape)


def _more_than_expected(answers: list[Row], counts: np.ndarray, names: list[str], least: int) -> Iterator[Row]:
    """A row a school judged and answer, with p one-sided."""
    n = counts.sum(axis=2)  # (schools, STRATA)
    all_n, given = n.sum(axis=0), counts.sum(axis=0)[:, :-1]
    share = np.nan_to_num(ratio(given, all_n[:, None]))
    expected = np.einsum("us,sa->ua", n, share)
    spread = np.nan_to_num(ratio(n * (all_n - n), np.maximum(all_n - 1, 1)))
    variance = np.einsum("us,sa->ua", spread, share * (1 - share))
    observed, size = counts[:, :, :-1].sum(axis=1), n.sum(axis=1)
    p = ndtr(-np.nan_to_num(ratio(observed - expected - 0.5, np.sqrt(variance))))
    for u, a in zip(*np.nonzero((size[:, None] >= least) & (variance > 0)), strict=True):
        yield _finding(
            "school",
            answers[a],
            int(size[u]),
            school=names[u],
            count=int(observed[u, a]),
            share=observed[u, a] / size[u],
            reference=expected[u, a] / size[u],
            p=p[u, a],
        )
