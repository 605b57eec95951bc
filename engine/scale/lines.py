"""Score lines (分数线): who reaches them, 单科有效分, 双上线, 命中率, 贡献率, 临界生.

A line on the composite has a line in every subject:

- "effective" (系数法): T0 the total line, P1 the mean total of those who reach it, k = T0 / P1; the subject's line is
  k times the subject's mean among them.
- "same_rank" (同位次法): the score that as many pupils reach in the subject as reach the total line, of those who take
  the subject; where ties prevent it, the nearest number.

Among those with a score in the subject: 单上线 reach the subject's line, 双上线 both lines; 命中率 = 双上线 / 单上线,
贡献率 = 双上线 / 总分上线. The scores are those that the composite adds up (赋分 where the total counts it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine import tables
from engine.scale.denominator import Denominator, shares
from engine.scale.ranks import competition_rank
from engine.scale.schemes import cut_counts
from engine.scale.standing import Profile
from engine.scale.totals import Totals

if TYPE_CHECKING:
    from engine.exam import ScoreLine


@dataclass(frozen=True)
class Drawn:
    """A line as drawn in one exam: None where nobody can reach it (no scores, or too many are tied)."""

    line: ScoreLine
    score: Fraction | None
    of: np.ndarray  # (n,) bool, the pupils it is for
    above: np.ndarray  # (n,) bool, who reaches it


def draw(line: ScoreLine, totals: Totals) -> Drawn:
    """Where a line lies. By count it is the score of the pupil in that place, from the top, of those it is for; of
    fewer pupils that of the last. Those tied with that pupil are above it, or ("exclude") the line is the next higher
    score if else more than the count were.
    """
    of = totals.cohort.of_kind(line.category)
    score = line.score if line.count is None else _by_count(totals, of, line.count, line.ties)
    above = of & totals.reaching(score) if score is not None else np.zeros(len(of), dtype=bool)
    return Drawn(line, score, of, above)


def _by_count(totals: Totals, of: np.ndarray, count: int, ties: str) -> Fraction | None:
    ranked = np.sort(totals.total[totals.counted & of])[::-1]
    if not len(ranked):
        return None
    last = ranked[min(count, len(ranked)) - 1]
    if ties == "exclude" and (ranked >= last).sum() > count:
        ranked = ranked[ranked > last]
    return int(ranked[ranked >= last][-1]) * totals.step if len(ranked) else None


def subject_line(drawn: Drawn, total: Totals, subject: Totals) -> Fraction | None:
    """The line in a subject that is consistent with the line on the total; None where nobody is above that."""
    counted = subject.counted & total.counted & drawn.of
    above = counted & drawn.above
    if drawn.score is None or not above.any():
        return None
    if drawn.line.subject_lines == "same_rank":
        values, count = np.unique(subject.total[counted], return_counts=True)
        share = Fraction(int(above.sum()), int(counted.sum()))
        places = int(cut_counts(np.cumsum(count[::-1]), [share])[0])
        return int(values[-max(places, 1)]) * subject.step
    mean_total = Fraction(int(total.total[drawn.above].sum()), int(drawn.above.sum())) * total.step
    mean = Fraction(int(subject.total[above].sum()), int(above.sum())) * subject.step
    return drawn.score / mean_total * mean if mean_total else mean


def line_table(drawn: Drawn, total: Totals, parts: Sequence[Totals], denominator: Denominator) -> pa.Table:
    """The rows of a line, schema "lines": of its own subject, and, if that is the composite, of each of its parts.

    Args:
        total: the scores that the line is on.
        parts: the subjects of the composite, as it adds them up; none for a line on a single subject.
    """
    pieces = [_rows(drawn, total, drawn.score, drawn.above, None, denominator)]
    for part in parts:
        score = subject_line(drawn, total, part)
        above = part.reaching(score) & drawn.of if score is not None else np.zeros_like(drawn.of)
        pieces.append(_rows(drawn, part, score, above, drawn.above & part.counted, denominator))
    return pa.concat_tables(pieces)


def _rows(
    drawn: Drawn,
    totals: Totals,
    score: Fraction | None,
    above: np.ndarray,
    total_above: np.ndarray | None,
    denominator: Denominator,
) -> pa.Table:
    """A row a unit; `total_above`: who reaches the total's line, None in the rows of the total itself."""
    pieces = [tables.empty("lines")]
    for level, units in totals.cohort.levels.items():
        single, of = units.sums(above), denominator.of(totals, level, drawn.of)
        columns: dict[str, object] = {
            "subject": pa.repeat(totals.code, len(units.names)),
            "level": pa.repeat(level, len(units.names)),
            "unit": pa.array(units.names, pa.string()),
            "line": pa.repeat(drawn.line.name, len(units.names)),
            "score": pa.repeat(pa.scalar(None if score is None else float(score), pa.float64()), len(units.names)),
            "denominator": pa.repeat(denominator.kind, len(units.names)),
            "of": pa.array(of, mask=of < 0),
            "above": single,
            "rate": shares(single, of),
        }
        if total_above is not None:
            reached, both = units.sums(total_above), units.sums(total_above & above)
            columns |= {"total_above": reached, "both": both}
            columns |= {"hit_rate": shares(both, single), "contribution": shares(both, reached)}
        pieces.append(tables.build("lines", columns).filter(pa.array(units.sums(totals.entered & drawn.of) > 0)))
    return pa.concat_tables(pieces)


def borderline(drawn: Drawn, totals: Totals, compared: Profile | None = None) -> pa.Table:
    """临界生, schema "borderline": who is within so many points of the line, or so many ranks (a share of the pupils).

    Args:
        totals: the scores that the line is on.
        compared: the pupils' profiles, for the lagging subject.
    """
    if drawn.score is None:
        return tables.empty("borderline")
    chosen = totals.counted & drawn.of
    within = drawn.line.within / totals.step
    line = drawn.score / totals.step
    near = chosen & (totals.total >= math.ceil(line - within)) & (totals.total <= math.floor(line + within))
    if drawn.line.within_rank is not None:
        most = math.floor(Fraction(str(drawn.line.within_rank)) * int(chosen.sum()))
        passed = int(drawn.above.sum())
        rank = np.zeros(len(chosen), dtype=np.int64)
        rank[chosen] = competition_rank(totals.total[chosen], np.zeros(chosen.sum(), dtype=np.int64))
        near = chosen & np.where(drawn.above, rank > passed - most, rank <= passed + most)
    score = totals.points(totals.total)
    columns: dict[str, object] = {
        "subject": pa.repeat(totals.code, len(score)),
        "student_id": totals.cohort.student_id,
        "line": pa.repeat(drawn.line.name, len(score)),
        "score": score,
        "distance": np.round(score - float(drawn.score), 9),
    }
    if compared:
        columns |= {
            "weak_subject": compared.weak_subject,
            "weak_gap": pa.array(compared.weak_gap, mask=compared.weakest < 0),
        }
    return tables.build("borderline", columns).filter(pa.array(near))
