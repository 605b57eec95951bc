"""G-DINA with log-linear class probabilities, as R's CDM has it.

The effects on log P(class) come from weighted least squares (Xu & von Davier 2008), not from maximum likelihood, so
the likelihood can fall and what is found depends on the way there. The way is CDM's: the first steps go on along a
parabola while that helps (PEM, Berlinet & Roland 2009), long changes of an item's effects are halved, and the point of
the highest likelihood is kept.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from engine.cdm.estimation import EM, Fit, Point
from engine.cdm.structure import LogLinear

_PARABOLAS = 16  # steps, every second of which tries parabolas
_LONG, _LONGEST = 0.2, 0.3 / 1.01  # changes of an effect: halved, and not allowed
_FREE = 3  # steps before long changes are halved
_EDGE = 1e-10  # of probabilities outside 0…1


class WeightedEM:
    """EM in the effects of the items (intercept, main effects, interactions) and of the classes.

    Args:
        em: all its rules without constraints (none is additive).
        structure: the log-linear model.
    """

    def __init__(self, em: EM, structure: LogLinear) -> None:
        self._em, self._structure = em, structure
        states = [rule.n_states for rule in em.rules]
        self._first = np.cumsum([0, *states[:-1]])
        self._item = np.repeat(np.arange(len(states)), states)
        self._sums, self._differences = (
            sparse.csr_array(sparse.block_diag([moebius(np.eye(n), sign) for n in states])) for sign in (1, -1)
        )

    def maximise(self, start: Point, tol: float, max_iter: int) -> Fit:
        """From a start until no effect of an item changes by more than `tol`."""
        with threadpool_limits(1, "blas"):  # the systems are too small for more
            return self._maximise(start, tol, max_iter)

    def _maximise(self, start: Point, tol: float, max_iter: int) -> Fit:
        effects = self._effects(start.probabilities)
        classes = start.classes
        past: list[np.ndarray] = []
        best: Fit | None = None
        for n_iter in range(1, max_iter + 1):
            point = Point(self._probabilities(effects), classes)
            loglik, _, right, total, expected = self._em.expect(point)
            if best is None or loglik > best.loglik:
                best = Fit(point, loglik, right, total, n_iter, False)
            class_effects = self._structure.weighted_effects(expected)
            moved = self._damped(effects, self._effects(right / (total + _EDGE)), halve=n_iter > _FREE)
            classes = self._structure.probabilities(class_effects)
            if n_iter <= _PARABOLAS + 1:
                past.append(np.concatenate([moved, class_effects]))
                if n_iter % 2 and n_iter > 1:
                    moved, classes = self._along_parabola(past)
                    past = [past[1], past[-1]]
            change = float(np.abs(moved - effects).max())
            effects = moved
            if change <= tol:
                break
        assert best is not None
        return Fit(best.point, best.loglik, best.right, best.total, n_iter, change <= tol)

    def _along_parabola(self, past: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Effects and class probabilities of the last likelihood before it falls."""
        best = self._at(past[-1])
        tries = 0
        while True:
            t = 1 + 0.1 * 1.5**tries
            trial = self._at((1 - t) ** 2 * past[0] + 2 * t * (1 - t) * past[1] + t**2 * past[-1])
            if not trial[0] > best[0]:
                return best[1], best[2]
            best, tries = trial, tries + 1

    def _at(self, vector: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        effects, class_effects = np.split(vector, [len(self._item)])
        classes = self._structure.probabilities(class_effects)
        return self._em.expect(Point(self._probabilities(effects), classes))[0], effects, classes

    def _effects(self, probabilities: np.ndarray) -> np.ndarray:
        effects: np.ndarray = self._differences @ probabilities
        return effects

    def _probabilities(self, effects: np.ndarray) -> np.ndarray:
        p = self._sums @ effects
        return np.where(p < 0, _EDGE, np.where(p > 1, 1 - _EDGE, p))

    def _damped(self, old: np.ndarray, new: np.ndarray, halve: bool) -> np.ndarray:
        change = new - old
        if halve:
            change = np.where(np.abs(change) > _LONG, change / 2, change)
        total = np.add.reduceat(old + change, self._first)[self._item]
        change = (old + change) / np.maximum(total, 1.0) - old
        while np.abs(change).max() > _LONGEST:
            change = np.where(np.abs(change) > _LONGEST, change / 2, change)
        return old + change


def moebius(values: np.ndarray, sign: int) -> np.ndarray:
    """Sums over all subsets of the attributes (sign 1), or from such sums back (sign -1); (2^k, …), along the first
    axis."""
    for bit in range(len(values).bit_length() - 1):
        halves = values.reshape(-1, 2, 1 << bit, *values.shape[1:])
        values = np.stack([halves[:, 0], halves[:, 1] + sign * halves[:, 0]], axis=1).reshape(values.shape)
    return values
