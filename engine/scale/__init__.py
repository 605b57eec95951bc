"""Scales (量尺): ranks, percentiles, Z and T, grades, 等级赋分, 一分一段, 分数段, score lines, the composite (总分).

`scale` makes every table of an exam from its scores; the modules hold one kind of scale each:

    totals       the totals of a subject, pupil by pupil, and the units they belong to
    composite    the sum over subjects, and what absence does to it
    ranks        competition ranks, percentile ranks, Z and normalised scores
    standing     where each pupil stands, and which subject lags behind
    distribution 一分一段, 分数段, five-number summaries
    grades       等第, and how many have each grade
    schemes      等级赋分, by data files
    lines        score lines, 单科有效分, 双上线, 临界生
    denominator  what rates are shares of
"""

from engine.scale.composite import composite
from engine.scale.exam import ExamTotals, denominator_of, exam_totals, scale, too_few
from engine.scale.schemes import Scheme, convert, load_scheme, scheme_names
from engine.scale.totals import Cohort, Totals

__all__ = [
    "Cohort",
    "ExamTotals",
    "Scheme",
    "Totals",
    "composite",
    "convert",
    "denominator_of",
    "exam_totals",
    "load_scheme",
    "scale",
    "scheme_names",
    "too_few",
]
