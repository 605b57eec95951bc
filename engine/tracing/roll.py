"""Pupils near each other on the roll are alike: they share a class, teachers, and what was taught.

Ornstein-Uhlenbeck chains along the roll, correlation exp(-rate × distance), for the level of pupils and for each item:
one for those far away (school, year), and where that pays one for those near (class, seat). Where classes are known,
pupils of a class are at distance 0 and classes infinitely apart: then a chain is a random effect of the class.
Variances and rates maximise the marginal likelihood (empirical Bayes); where the roll says nothing they go to 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from engine._tracing import smooth

APART = 1e9
LEAST = 1e-5  # a variance below is none
OF_A_PART = 2  # parameters
OBSERVATIONS = 100_000  # by which variances and rates of items are told, of every so many-th item


@dataclass(frozen=True)
class Chain:
    """Variances and rates of both parts; the variance 0: no such part."""

    variance: float = 0.0
    rate: float = 0.05
    near_variance: float = 0.0
    near_rate: float = 1.0

    @property
    def total(self) -> float:
        return self.variance + self.near_variance

    def left_out(
        self, first: np.ndarray, position: np.ndarray, value: np.ndarray, precision: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """(N, 2) mean and variance given all other observations, and the log-likelihood; see the kernel `smooth`."""
        rest = np.zeros((len(value), 2))
        if self.total <= 0:
            return rest, -float((precision * value**2).sum()) / 2
        parts = (self.variance, self.rate), (self.near_variance, self.near_rate)
        return rest, smooth(first, position, value, precision, *parts, rest)


def level_chain(position: np.ndarray, value: np.ndarray, precision: np.ndarray, start: Chain) -> Chain:
    """The chain of levels, of total variance 1: what the chain leaves is each pupil's own. Variance below 1.

    Args:
        position: (n,) ascending; value, precision: (n,) of the level as the pupil's answers alone tell it.
    """
    first = np.array([0, len(value)])

    def loglik(chain: Chain) -> float:
        own = own_precision(precision, 1 - chain.total)
        return np.log(own[own > 0]).sum() / 2 + chain.left_out(first, position, value, own)[1]

    def of(x: np.ndarray) -> Chain:
        return _chain(0.98 / (1 + np.exp(-x[0])), x[1:])

    usual = max(start.total, 0.1)
    return _likeliest(loglik, of, float(np.log(usual / (0.98 - min(usual, 0.9)))), start, _parts(position))


def own_precision(precision: np.ndarray, variance: float) -> np.ndarray:
    """Of observations to which noise of this variance is added."""
    return precision / (1 + precision * variance)


def item_chain(
    first: np.ndarray, position: np.ndarray, value: np.ndarray, precision: np.ndarray, start: Chain
) -> Chain:
    """The chains of items, which share variance and rate; observations sorted by item and place on the roll."""

    def loglik(chain: Chain) -> float:
        return chain.left_out(first, position, value, precision)[1]

    def of(x: np.ndarray) -> Chain:
        return _chain(np.exp(np.clip(x[0], -14, 2)), x[1:])

    return _likeliest(loglik, of, float(np.log(max(start.total, 0.02))), start, _parts(position))


def _parts(position: np.ndarray) -> int:
    """How many parts there may be: where pupils are in one class or infinitely apart, near and far are the same."""
    gaps = np.diff(position)
    return 2 if np.any((gaps > 0) & (gaps < APART)) else 1


def _chain(total: float, x: np.ndarray) -> Chain:
    """Of this variance in all; x: (1,) or (3,) the logarithms of the rate, of the rate of the near part by it, and the
    logit of that part's share."""
    rate = float(np.exp(np.clip(x[0], -7, 3)))
    if len(x) == 1:
        return Chain(float(total), rate)
    share = 1 / (1 + float(np.exp(-x[2])))
    return Chain(
        float(total) * (1 - share), rate, float(total) * share, rate * (1 + float(np.exp(np.clip(x[1], -5, 7))))
    )


def _likeliest(
    loglik: Callable[[Chain], float],
    of: Callable[[np.ndarray], Chain],
    spread: float,
    start: Chain,
    most_parts: int,
) -> Chain:
    """The chain of the largest likelihood; a part must be worth its parameters (Akaike, 1974).

    Args:
        of: from the free parameters: the spread and those of `_chain`.
        spread: where the search for it begins, which goes on from the rate of `start`.
    """
    best, most = Chain(), loglik(Chain())
    at = np.array([spread, np.log(start.rate)])
    for parts in range(1, most_parts + 1):
        options = {"maxfev": 60 * parts, "xatol": 0.02, "fatol": 0.02}
        found = minimize(lambda x: -loglik(of(x)), at, method="Nelder-Mead", options=options)
        if -found.fun <= most + OF_A_PART or of(found.x).total <= LEAST:
            break
        best, most = of(found.x), -found.fun
        at = np.array([found.x[0], found.x[1] - 2, 3.0, 0.0])
    return best


@dataclass(frozen=True)
class Roll:
    """Places of the pupils, (n,)."""

    position: np.ndarray

    @classmethod
    def of(cls, n: int, student: np.ndarray, group: np.ndarray | None) -> Roll:
        """In the order of their numbers, or by the groups (N,) of their answers."""
        position = np.arange(n, dtype=float)
        if group is not None:
            position[student] = group * APART
        return cls(position)

    def levels(self, level: np.ndarray, prior: np.ndarray, chain: Chain, estimate: bool) -> tuple[Chain, np.ndarray]:
        """The chain, estimated anew if asked, and the priors (n, 2) of levels that it gives.

        Args:
            level, prior: (n, 2) means and variances with and without the pupils' own answers.
        """
        order = np.argsort(self.position, kind="stable")
        precision = np.maximum(1 / level[:, 1] - 1 / prior[:, 1], 1e-9)
        value = (level[:, 0] / level[:, 1] - prior[:, 0] / prior[:, 1]) / precision
        position, value, precision = self.position[order], value[order], precision[order]
        if estimate:
            chain = level_chain(position, value, precision, chain)
        own = 1 - chain.total
        result = np.empty((len(order), 2))
        first = np.array([0, len(order)])
        result[order] = chain.left_out(first, position, value, own_precision(precision, own))[0]
        result[:, 1] += own
        return chain, result

    def _by_item(self, student: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        order = np.lexsort((self.position[student], item))
        first = np.searchsorted(item[order], np.arange(item.max(initial=-1) + 2))
        return order, first, self.position[student[order]]

    def item_chain(self, student: np.ndarray, item: np.ndarray, pseudo: np.ndarray, start: Chain) -> Chain:
        """From pseudo-observations (N, 2), values and precisions, of what answers owe to neither pupil nor item."""
        some = item % max(1, -(-len(item) // OBSERVATIONS)) == 0
        order, first, position = self._by_item(student[some], item[some])
        value, precision = np.ascontiguousarray(pseudo[some][order].T)
        return item_chain(first, position, value, precision, start)

    def answers(
        self,
        student: np.ndarray,
        item: np.ndarray,
        pseudo: np.ndarray,
        chain: Chain,
        new_student: np.ndarray | None = None,
        new_item: np.ndarray | None = None,
    ) -> np.ndarray:
        """(N, 2) what neighbours tell of each answer, or of the new ones (of numbers not known: nothing)."""
        n_new = 0 if new_student is None else len(new_student)
        if chain.total <= 0:
            return np.zeros((n_new if new_student is not None else len(student), 2))
        if new_student is None or new_item is None:
            every_student, every_item = student, item
        else:
            known = (new_student < len(self.position)) & (new_item <= item.max())
            every_student = np.concatenate([student, new_student[known]])
            every_item = np.concatenate([item, new_item[known]])
            pseudo = np.concatenate([pseudo, np.zeros((known.sum(), 2))])
        order, first, position = self._by_item(every_student, every_item)
        value, precision = np.ascontiguousarray(pseudo[order].T)
        found = np.empty((len(order), 2))
        found[order] = chain.left_out(first, position, value, precision)[0]
        if new_student is None:
            return found
        result = np.tile([0.0, chain.total], (n_new, 1))
        result[known] = found[len(student) :]
        return result
