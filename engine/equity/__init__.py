"""Equity (均衡与差距): how unequal schools are in scores and resources, and gaps between groups of pupils.

- `disparity`: CV, Gini, Theil, range ratio, Robin Hood share and ICC of a subject's schools, with intervals.
- `gaps`: differences between groups of pupils; `training_effect`: of classes of trained teachers from others like them.
- `indicator_table`: the resources of schools against a `Standard`, which is a data file.
"""

from engine.equity.disparity import Figure, disparity
from engine.equity.gaps import Gap, gaps
from engine.equity.indicators import indicator_table, load_indicators
from engine.equity.measures import (
    coefficient_of_variation,
    gini,
    range_ratio,
    robin_hood,
    theil,
    theil_decomposition,
)
from engine.equity.standards import Standard, load_standard
from engine.equity.subjects import balance_table, gap_table, training_table
from engine.equity.training import Training, load_training, training_effect

__all__ = [
    "Figure",
    "Gap",
    "Standard",
    "Training",
    "balance_table",
    "coefficient_of_variation",
    "disparity",
    "gap_table",
    "gaps",
    "gini",
    "indicator_table",
    "load_indicators",
    "load_standard",
    "load_training",
    "range_ratio",
    "robin_hood",
    "theil",
    "theil_decomposition",
    "training_effect",
    "training_table",
]
