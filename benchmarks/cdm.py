"""DINA fitted to made-up answers: the engine against `fit_cdm` of the Python package mirt, where there is one.

Both start from 0/1 answers and the Q-matrix. The peer stops when the log-likelihood grows by less than 1e-4 or after
100 steps, the engine when no probability changes by more than 3e-7; the log-likelihoods are compared before anything
is timed, and the engine's must not be lower.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from scipy.special import logsumexp

from benchmarks.timing import best_times
from engine.cdm import DINA

TASKS = ((10_000, 30, 5, 5), (100_000, 40, 8, 2))  # pupils, items, attributes, rounds


def run(size: float = 1.0) -> dict:
    """Time the contenders on `size` × 10 000 and 100 000 pupils."""
    rows: list[dict[str, Any]] = []
    notes = []
    for pupils, items, attributes, rounds in TASKS:
        X, Q = _answers(int(pupils * size), items, attributes)
        name = f"{len(X):,} × {items}, K = {attributes}"
        ours = DINA(Q).fit(X)
        contenders = {f"{name}: yuejuan": lambda X=X, Q=Q: DINA(Q).fit(X)}
        if (fit := _peer()) is not None:
            theirs = _loglik(*fit(X, Q), X)
            if ours.loglik_ < theirs - 0.01:
                raise AssertionError(f"{name}: log-likelihood {ours.loglik_}, the peer has {theirs}")
            notes.append(f"{name}: log-likelihood {ours.loglik_:.4f}, mirt {theirs:.4f}")
            contenders[f"{name}: mirt fit_cdm"] = lambda X=X, Q=Q, fit=fit: fit(X, Q)
        else:
            notes.append("Python's mirt: not present (pip install mirt)")
        times = best_times(contenders, rounds)
        rows += [
            {"contender": contender, "seconds": seconds, "× the engine": seconds / times[f"{name}: yuejuan"]}
            for contender, seconds in times.items()
        ]
    return {"what": "DINA by marginal maximum likelihood", "rows": rows, "notes": notes}


def _answers(pupils: int, items: int, attributes: int) -> tuple[np.ndarray, np.ndarray]:
    """0/1 answers (pupils, items) by DINA with guess and slip 0.05 to 0.3, and the Q-matrix."""
    rng = np.random.default_rng(20261122)
    Q = (rng.random((items, attributes)) < 0.35).astype(int)
    Q[:attributes] = np.eye(attributes, dtype=int)
    Q[Q.sum(axis=1) == 0, 0] = 1
    mastered = rng.random((pupils, attributes)) < 0.5
    guess, slip = rng.uniform(0.05, 0.3, (2, items))
    able = mastered.astype(float) @ Q.T >= Q.sum(axis=1)
    return (rng.random((pupils, items)) < np.where(able, 1 - slip, guess)).astype(np.int64), Q


def _peer() -> Any:
    if importlib.util.find_spec("mirt") is None:
        return None
    from mirt.models.cdm import fit_cdm

    return fit_cdm


def _loglik(model: Any, classes: np.ndarray, X: np.ndarray) -> float:
    """Log-likelihood of the peer's fit."""
    with np.errstate(divide="ignore"):
        return sum(
            float(logsumexp(model.pattern_log_likelihoods(part) + np.log(classes), axis=1).sum())
            for part in np.array_split(X, max(1, len(X) // 5000))
        )
