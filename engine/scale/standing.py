"""Where each pupil stands: ranks, percentile, Z, T, grade, scaled score; and which subject lags behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine import tables
from engine.scale.grades import Graded
from engine.scale.ranks import Convention, competition_rank, normal_score, percentile_rank, z_score
from engine.scale.schemes import Scaled
from engine.scale.totals import Totals

if TYPE_CHECKING:
    from engine.exam import ScaleRule


@dataclass(frozen=True)
class Profile:
    """A pupil's subjects compared with one another.

    Attributes:
        codes: of the subjects.
        gap: (subjects, n) percentile less that of the total, NaN where there is none of either.
        z_range: (n,) highest less lowest z of the pupil's subjects (偏科), NaN for fewer than two.
        weakest: (n,) place of the subject with the lowest gap, -1 if none is below 0.
    """

    codes: tuple[str, ...]
    gap: np.ndarray
    z_range: np.ndarray
    weakest: np.ndarray

    @property
    def weak_subject(self) -> pa.Array:
        """The code of the weakest subject, null: none lags."""
        return pa.array(self.codes, pa.string()).take(pa.array(self.weakest, mask=self.weakest < 0))

    @property
    def weak_gap(self) -> np.ndarray:
        """Its gap; of any subject where none lags."""
        return self.gap[self.weakest, np.arange(len(self.weakest))]


def profile(subjects: Sequence[Totals], total: Totals, convention: Convention = "mid") -> Profile:
    """Compare the percentile and z of each subject with the others.

    Args:
        subjects: those of the composite.
        total: the composite.
    """
    whole = on_all(total, lambda score: percentile_rank(score, convention))
    gap = np.stack([on_all(one, lambda score: percentile_rank(score, convention)) for one in subjects]) - whole
    z = np.stack([on_all(one, z_score) for one in subjects])
    several = (~np.isnan(z)).sum(axis=0) > 1
    z_range = np.full(len(whole), np.nan)
    z_range[several] = np.nanmax(z[:, several], axis=0) - np.nanmin(z[:, several], axis=0)
    known = np.where(np.isnan(gap), np.inf, gap)
    weakest = np.where(known.min(axis=0) < 0, known.argmin(axis=0), -1)
    return Profile(tuple(one.code for one in subjects), gap, z_range, weakest)


def on_all(totals: Totals, scale: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A scale of the totals that count, as (n,) with NaN for the others."""
    result = np.full(len(totals.total), np.nan)
    if totals.counted.any():
        result[totals.counted] = scale(totals.total[totals.counted])
    return result


def standing(
    totals: Totals,
    levels: Graded,
    rule: ScaleRule,
    *,
    scaled: tuple[Scaled, Graded] | None = None,
    compared: Profile | None = None,
    ranks: bool = True,
) -> pa.Table:
    """The rows of a subject, or of the composite, in the table "standing".

    Args:
        levels: the grades (等第).
        scaled: scaled scores (赋分), if the subject has a scheme.
        compared: the profiles, if there is a composite.
        ranks: whether ranks may be made at all.
    """
    z = on_all(totals, z_score)
    points, full = totals.points(totals.total), totals.points(totals.full)
    columns: dict[str, object] = {
        "subject": pa.repeat(totals.code, len(points)),
        "student_id": totals.cohort.student_id,
        "status": totals.status,
        "score": pa.array(points, mask=~totals.scored),
        "max": full,
        "rate": pa.array(points / np.where(full > 0, full, 1), mask=~totals.scored | (full <= 0)),
        "percentile": on_all(totals, lambda score: percentile_rank(score, rule.percentile)),
        "z": z,
        "t": rule.t_mean + rule.t_sd * z,
        "t_normal": rule.t_mean + rule.t_sd * on_all(totals, normal_score),
        "level_grade": levels.labels,
    }
    if ranks:
        columns |= _ranks(totals)
    if scaled:
        scores, grades = scaled
        columns |= {"scaled": pa.array(scores.score, mask=~totals.scored), "scaled_grade": grades.labels}
    if compared and totals.code in compared.codes:
        columns["gap"] = compared.gap[compared.codes.index(totals.code)]
    elif compared:
        columns |= {
            "z_range": compared.z_range,
            "weakest": compared.weak_subject,
            "uneven": pa.array(compared.z_range >= rule.uneven, mask=np.isnan(compared.z_range)),
        }
    return tables.build("standing", columns).filter(pa.array(totals.entered))


def _ranks(totals: Totals) -> dict[str, pa.Array]:
    columns = {}
    for level, units in totals.cohort.levels.items():
        there = totals.counted & (units.codes >= 0)
        rank = np.zeros(len(there), dtype=np.int64)
        rank[there] = competition_rank(totals.total[there], units.codes[there])
        columns[f"rank_{level}"] = pa.array(rank, mask=~there)
    return columns
