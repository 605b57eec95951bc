"""Diagnosis: mastery of knowledge points, weak points and teaching groups; the models of cognitive diagnosis."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine.diagnosis.atypical import atypical_pupils
from engine.diagnosis.distractors import misconceptions
from engine.diagnosis.intervals import wilson, wilson_trials
from engine.diagnosis.matrices import Profiles
from engine.diagnosis.patterns import error_patterns
from engine.diagnosis.rates import mastery

if TYPE_CHECKING:
    from engine.cdm import DINA, DINO, GDINA
    from engine.diagnosis.earlier import Earlier, earlier_exams
    from engine.diagnosis.groups import teaching_groups
    from engine.diagnosis.profile import pupil_profiles, with_profiles

__all__ = [
    "DINA",
    "DINO",
    "GDINA",
    "Earlier",
    "Profiles",
    "atypical_pupils",
    "earlier_exams",
    "error_patterns",
    "mastery",
    "misconceptions",
    "pupil_profiles",
    "teaching_groups",
    "wilson",
    "wilson_trials",
    "with_profiles",
]

# What needs scikit-learn, which takes a second to load, is loaded when it is asked for.
_LATER = {
    "DINA": "engine.cdm",
    "DINO": "engine.cdm",
    "GDINA": "engine.cdm",
    "Earlier": "engine.diagnosis.earlier",
    "earlier_exams": "engine.diagnosis.earlier",
    "pupil_profiles": "engine.diagnosis.profile",
    "teaching_groups": "engine.diagnosis.groups",
    "with_profiles": "engine.diagnosis.profile",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
