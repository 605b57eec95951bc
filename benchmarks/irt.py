"""The two-parameter logistic model on simulated 0/1 scores: the engine against python mirt and girth, where installed.

Each contender runs as its users would run it (without standard errors). What each found is judged by the log-likelihood
on the engine's 61 nodes, recomputed from its item parameters; mirt's python package stops at |b| = 6 and works on 21
nodes, girth on 41.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from scipy.special import log_expit, logsumexp

from benchmarks.timing import best_times
from engine.irt import TwoPL

PUPILS, ITEMS = 100_000, 60
ROUNDS = 3
BLOCK = 4096

Items = tuple[np.ndarray, np.ndarray]  # discrimination, difficulty


def run(size: float = 1.0) -> dict:
    """Time the contenders on `size` × 100 000 pupils and 60 items."""
    scores = _scores(int(PUPILS * size))
    contenders: dict[str, Callable[[], Items]] = {"yuejuan": lambda: _engine(scores)}
    missing = []
    if find_spec("mirt"):
        whole = scores.astype(np.int64)
        contenders["python mirt"] = lambda: _mirt(whole, "none")
        contenders["python mirt, squarem"] = lambda: _mirt(whole, "squarem")
    else:
        missing.append("mirt")
    if find_spec("girth"):
        contenders["girth"] = lambda: _girth(scores.astype(np.int64).T)
    else:
        missing.append("girth")
    found = {name: _loglik(scores, *fit()) for name, fit in contenders.items()}
    times = best_times(contenders, ROUNDS)
    return {
        "what": f"2PL, {len(scores):,} pupils × {ITEMS} items",
        "note": f"not installed here: {', '.join(missing)}" if missing else "",
        "rows": [
            {
                "contender": name,
                "seconds": seconds,
                "× the engine": seconds / times["yuejuan"],
                "log-likelihood": found[name],
                "less than the engine's": found["yuejuan"] - found[name],
            }
            for name, seconds in times.items()
        ],
    }


def _scores(pupils: int) -> np.ndarray:
    """0/1 scores (pupils, items) of a 2PL model with lognormal slopes."""
    rng = np.random.default_rng(20261121)
    slope, difficulty, ability = np.exp(rng.normal(0, 0.3, ITEMS)), rng.normal(0, 1, ITEMS), rng.normal(0, 1, pupils)
    right = rng.random((pupils, ITEMS)) < 1 / (1 + np.exp(-slope * (ability[:, None] - difficulty)))
    return right.astype(np.float64)


def _engine(scores: np.ndarray) -> Items:
    model = TwoPL(standard_errors=False).fit(scores)
    return model.discrimination_, model.difficulty_


def _mirt(scores: np.ndarray, accelerate: str) -> Items:
    import mirt

    model = mirt.fit_mirt(scores, model="2PL", compute_standard_errors=False, accelerate=accelerate).model
    return np.ravel(model.parameters["discrimination"]), np.ravel(model.parameters["difficulty"])


def _girth(scores: np.ndarray) -> Items:
    import girth

    result = girth.twopl_mml(scores)
    return result["Discrimination"], result["Difficulty"]


def _loglik(scores: np.ndarray, slope: np.ndarray, difficulty: np.ndarray) -> float:
    """Marginal log-likelihood on 61 nodes from -6 to 6."""
    theta = np.linspace(-6, 6, 61)
    z = slope[:, None] * (theta - difficulty[:, None])
    prior = -(theta**2) / 2 - logsumexp(-(theta**2) / 2)
    at_nodes = log_expit(-z).sum(axis=0) + prior  # log-likelihood of a wrong answer everywhere; z more where right
    return float(
        sum(logsumexp(scores[i : i + BLOCK] @ z + at_nodes, axis=1).sum() for i in range(0, len(scores), BLOCK))
    )
