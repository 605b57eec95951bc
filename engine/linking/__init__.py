"""Linking: scores of one form on the scale of another, and item parameters of one calibration on that of another."""

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
