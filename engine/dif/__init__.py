"""Differential item functioning (DIF): does an item favour one of two groups of pupils of equal total score?

Every function takes X (pupils, items) with a group vector, or `Strata` counted before: `Strata.of_tallies` makes them
from the Tallies of the two groups. Results are Arrow tables, a row an item, in the order of the items.
"""

from engine.dif.angoff import delta_plot
from engine.dif.contingency import breslow_day, mantel_haenszel, standardization
from engine.dif.logistic_regression import logistic, ordinal_logistic
from engine.dif.polytomous import generalized_mantel_haenszel, mantel
from engine.dif.statistics import dif_statistics
from engine.dif.strata import Strata

__all__ = [
    "Strata",
    "breslow_day",
    "delta_plot",
    "dif_statistics",
    "generalized_mantel_haenszel",
    "logistic",
    "mantel",
    "mantel_haenszel",
    "ordinal_logistic",
    "standardization",
]
