"""The marginal likelihood of right and wrong answers over latent classes, and the E-step.

The kernel is that of the item response models: a class group stands where these have a node of the ability.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine._core import most_threads
from engine._irt import expect, posterior
from engine.cdm.classes import ClassSpace
from engine.irt.responses import Responses

_LANES = 8  # the kernel's numbers of groups are multiples of it
_NOWHERE = -1e5  # log-probability of a group that only fills up
_CHUNK = 1 << 12  # pupils summed together, at least
_MOST_CHUNKS = 16
_MOST_SUMS = 1 << 24  # numbers in all sums together
_BLOCK = 1 << 22  # posterior weights held at a time
_FEW = 1 << 23  # additions for which starting threads costs more than it gains
_FLOOR = 1e-12  # a probability nearer to 0 or 1 counts as this


class ClassLikelihood:
    """The likelihood of responses with two categories, given P(right) by item and state and the class groups."""

    def __init__(self, space: ClassSpace, responses: Responses, offsets: np.ndarray) -> None:
        self.space, self.responses = space, responses
        self._cells = space.states + offsets[:, None]
        groups = space.n_groups
        self._padding = -groups % _LANES
        chunks = int(np.clip(len(responses.packed) // _CHUNK, 1, _MOST_CHUNKS))
        rows = responses.incidence.shape[0]
        chunks = max(1, min(chunks, _MOST_SUMS // (rows * (groups + self._padding))))
        self._sums = np.empty((chunks, rows, groups + self._padding))
        self._from_patterns = responses.incidence.T.tocsr()

    def expect(self, probabilities: np.ndarray, groups: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """The E-step.

        Args:
            probabilities: P(right) of all states of all items, one after the other.
            groups: (groups,) probabilities of the class groups.

        Returns:
            log-likelihood; expected numbers of right answers and of answers by state; of pupils by class group.
        """
        tables, log_groups = self._tables(probabilities, groups)
        self._sums[:] = 0
        loglik = np.empty(len(self._sums))
        responses = self.responses
        expect(
            responses.packed,
            responses.counts,
            responses.first_pattern,
            tables,
            log_groups,
            self._sums,
            loglik,
            self._threads(len(responses.packed)),
        )
        sums = self._sums.sum(axis=0)[:, : self.space.n_groups]
        answers = self._from_patterns @ sums  # wrong, right, wrong, right …
        right = np.bincount(self._cells.ravel(), answers[1::2].ravel(), len(probabilities))
        wrong = np.bincount(self._cells.ravel(), answers[::2].ravel(), len(probabilities))
        first = slice(0, len(sums) if len(responses.first_pattern) == 1 else responses.first_pattern[1])
        return float(loglik.sum()), right, right + wrong, sums[first].sum(axis=0)

    def posterior(self, probabilities: np.ndarray, groups: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of rows of the responses, and their posterior probabilities (rows, groups)."""
        tables, log_groups = self._tables(probabilities, groups)
        step = max(1, _BLOCK // len(log_groups))
        for start in range(0, len(self.responses.packed), step):
            packed = self.responses.packed[start : start + step]
            weights = np.empty((len(packed), len(log_groups)))
            posterior(packed, self.responses.first_pattern, tables, log_groups, weights, self._threads(len(packed)))
            yield slice(start, start + len(packed)), weights[:, : self.space.n_groups]

    def _threads(self, rows: int) -> int:
        few = rows * len(self.responses.first_pattern) * self.space.n_groups < _FEW
        return 1 if few else most_threads()

    def _tables(self, probabilities: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods of the packed codes (codes, padded groups), and log-probabilities of the groups."""
        p = probabilities.clip(_FLOOR, 1 - _FLOOR)
        logs = np.zeros((2 * len(self._cells), self.space.n_groups + self._padding))
        logs[::2, : self.space.n_groups] = np.log1p(-p)[self._cells]
        logs[1::2, : self.space.n_groups] = np.log(p)[self._cells]
        with np.errstate(divide="ignore"):
            log_groups = np.maximum(np.log(groups), _NOWHERE)
        return self.responses.incidence @ logs, np.pad(log_groups, (0, self._padding), constant_values=_NOWHERE)
