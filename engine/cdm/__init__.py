"""Cognitive diagnosis models: which attributes a pupil masters, from right and wrong answers and a Q-matrix."""

from engine.cdm.models import DINA, DINO, GDINA
from engine.cdm.quality import accuracy, discrimination, wald_tests

__all__ = ["DINA", "DINO", "GDINA", "accuracy", "discrimination", "wald_tests"]
