"""Linking: scores of one form on the scale of another, and item parameters of one calibration on that of another.

- `equate`: both forms were taken by equivalent groups.
- `equate_anchor`: by different groups, with an anchor that both took.
- `link_scales`: two calibrations of item response models, by the items common to both.
- `equate_irt`: forms whose items are calibrated on one scale.

Conventions are those of the R packages equate (Albano, 2016), kequate (Andersson, Bränberg & Wiberg, 2013) and, for the
scales, plink (Weeks, 2010); the docstrings say where packages differ.
"""

from engine.linking.equivalent import equate
from engine.linking.frequencies import Frequencies, JointFrequencies
from engine.linking.irt import equate_irt
from engine.linking.nonequivalent import equate_anchor
from engine.linking.result import Equating
from engine.linking.scale import Scale, link_scales

__all__ = [
    "Equating",
    "Frequencies",
    "JointFrequencies",
    "Scale",
    "equate",
    "equate_anchor",
    "equate_irt",
    "link_scales",
]
