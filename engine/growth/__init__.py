"""Growth (增值评价): what schools and classes add between an earlier exam and this one.

- `value_added`: effects of schools or classes in a multilevel model, with verdicts.
- `fit_mixed`: the model itself, from `UnitSums`, which are gathered in one pass and add up; `effects_table`: verdicts.
- `expected_score`: residual gain; `student_growth_percentiles`: a pupil's place among those with the same past.
- `growth_tables`: all of these for a subject of an exam; `growth_over_years`: schools over several exams.
"""

from engine.growth.mixed import MixedModel, TooFewPupils, fit_mixed
from engine.growth.percentiles import student_growth_percentiles
from engine.growth.residual import expected_score
from engine.growth.subjects import growth_tables
from engine.growth.sums import UnitSums
from engine.growth.valueadded import ValueAdded, effects_table, value_added
from engine.growth.years import growth_over_years

__all__ = [
    "MixedModel",
    "TooFewPupils",
    "UnitSums",
    "ValueAdded",
    "effects_table",
    "expected_score",
    "fit_mixed",
    "growth_over_years",
    "growth_tables",
    "student_growth_percentiles",
    "value_added",
]
