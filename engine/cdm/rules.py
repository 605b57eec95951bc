"""Item response rules: how an item's probability depends on the attributes that it requires.

An item with k attributes sorts the latent classes into states: two for DINA (all mastered or not) and DINO (any or
none), else the 2^k reduced classes, whose bit i says whether the i-th required attribute is mastered. P(right | state)
is free for DINA, DINO and the saturated G-DINA; the additive rules have an intercept and a main effect an attribute, on
the identity (ACDM), logit (LLM) or log scale (RRUM) (de la Torre 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import expit

Rule = Literal["DINA", "DINO", "GDINA", "ACDM", "LLM", "RRUM"]
RULES = ("DINA", "DINO", "GDINA", "ACDM", "LLM", "RRUM")
MOST_ATTRIBUTES = 10  # an item may require: it has 2^k states
_EDGE = 1e-9  # fitted probabilities of additive rules keep this far from 0 and 1
_NEWTON = 8
_HALVINGS = 20


@dataclass(frozen=True)
class ItemRule:
    """One item: its rule and the attributes that it requires.

    Attributes:
        rule: one of RULES.
        attributes: (k,) columns of the Q-matrix.
    """

    rule: Rule
    attributes: np.ndarray

    @property
    def n_states(self) -> int:
        return 2 if self.rule in ("DINA", "DINO") else 1 << len(self.attributes)

    @property
    def additive(self) -> bool:
        return self.rule in ("ACDM", "LLM", "RRUM") and len(self.attributes) > 1

    @property
    def n_parameters(self) -> int:
        return 1 + len(self.attributes) if self.additive else self.n_states

    @property
    def reduced_classes(self) -> np.ndarray:
        """(2^k, k) 0/1: the reduced classes, in the order of their states."""
        k = len(self.attributes)
        return np.arange(1 << k)[:, None] >> np.arange(k) & 1

    def states(self, patterns: np.ndarray) -> np.ndarray:
        """(classes,) state of each attribute pattern (classes, attributes)."""
        own: np.ndarray = patterns[:, self.attributes]
        if self.rule == "DINA":
            return np.all(own, axis=1).astype(np.intp)
        if self.rule == "DINO":
            return np.any(own, axis=1).astype(np.intp)
        return own @ (1 << np.arange(len(self.attributes)))

    def start(self, guess: float = 0.2, slip: float = 0.2) -> np.ndarray:
        """(states,) probabilities to begin with, as CDM has them: every main effect and interaction alike (identity
        link), from `guess` without to 1 - `slip` with all attributes."""
        if self.n_states == 2:
            return np.array([guess, 1 - slip])
        mastered = self.reduced_classes.sum(axis=1)
        if self.additive:
            return guess + (1 - guess - slip) * mastered / len(self.attributes)
        return guess + (1 - guess - slip) * (2.0**mastered - 1) / (self.n_states - 1)

    def maximise(self, right: np.ndarray, total: np.ndarray, before: np.ndarray) -> np.ndarray:
        """The M-step.

        Args:
            right, total: (states,) expected numbers of right answers and of answers.
            before: (states,) probabilities so far; a state without answers keeps its own.
        """
        if self.additive:
            return self._additive(right, total, before)
        return np.divide(right, total, out=before.copy(), where=total > 0).clip(0, 1)

    @property
    def design(self) -> np.ndarray:
        """(states, parameters) of an additive rule."""
        return np.column_stack([np.ones(self.n_states), self.reduced_classes]).astype(float)

    def _additive(self, right: np.ndarray, total: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Fisher scoring, halved until the likelihood grows."""
        design = self.design
        p = before.clip(_EDGE, 1 - _EDGE)
        beta = self._inside(np.linalg.lstsq(design, _link(self.rule, p), rcond=None)[0])
        p = _inverse_link(self.rule, design @ beta).clip(_EDGE, 1 - _EDGE)
        value = _binomial(right, total, p)
        for _ in range(_NEWTON):
            slope = _slope(self.rule, p)
            variance = p * (1 - p)
            information = design.T @ (design * (total * slope**2 / variance)[:, None])
            gradient = design.T @ ((right - total * p) * slope / variance)
            ridge = 1e-10 * (1 + np.trace(information))
            step = np.linalg.solve(information + ridge * np.eye(len(beta)), gradient)
            if gradient @ step < 1e-14 * (1 + total.sum()):
                break
            for _ in range(_HALVINGS):
                trial = _inverse_link(self.rule, design @ (beta + step))
                if trial.min() >= _EDGE and trial.max() <= 1 - _EDGE:
                    after = _binomial(right, total, trial)
                    if after >= value:
                        break
                step = step / 2
            else:
                break
            beta, p, value = beta + step, trial, after
        return p

    def _inside(self, beta: np.ndarray) -> np.ndarray:
        """Parameters drawn towards equal chances until no state's probability leaves its bounds: those nearest to
        probabilities that no additive rule has may be beyond."""
        low, middle, high = (float(_link(self.rule, np.array(p))) for p in (_EDGE, 0.5, 1 - _EDGE))
        off = self.design @ beta - middle
        share = min(1.0, (high - middle) / max(off.max(), 1e-300), (middle - low) / max(-off.min(), 1e-300))
        drawn = share * beta
        drawn[0] += (1 - share) * middle
        return np.asarray(drawn)


def _link(rule: str, p: np.ndarray) -> np.ndarray:
    if rule == "LLM":
        return np.log(p) - np.log1p(-p)
    return np.log(p) if rule == "RRUM" else p


def _inverse_link(rule: str, value: np.ndarray) -> np.ndarray:
    if rule == "LLM":
        return expit(value).clip(_EDGE, 1 - _EDGE)
    return np.exp(np.minimum(value, 1)) if rule == "RRUM" else value


def _slope(rule: str, p: np.ndarray) -> np.ndarray:
    """dp / d(linear predictor)."""
    if rule == "LLM":
        return p * (1 - p)
    return p if rule == "RRUM" else np.ones_like(p)


def _binomial(right: np.ndarray, total: np.ndarray, p: np.ndarray) -> float:
    return float(right @ np.log(p) + (total - right) @ np.log1p(-p))
