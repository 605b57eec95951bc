"""Growth (增值评价): what schools and classes add between an earlier exam and this one.

- `value_added`: effects of schools or classes in a multilevel model, with verdicts.
- `fit_mixed`: the model itself, from `UnitSums`, which are gathered in one pass and add up.
"""

from engine.growth.mixed import MixedModel, fit_mixed
from engine.growth.sums import UnitSums
from engine.growth.valueadded import ValueAdded, value_added

__all__ = ["MixedModel", "UnitSums", "ValueAdded", "fit_mixed", "value_added"]
