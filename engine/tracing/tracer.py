"""KnowledgeTracer: the profile of a pupil from all his answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize, minimize_scalar
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from engine.errors import InputError
from engine.tracing.items import Items
from engine.tracing.log import AnswerLog, Points, QMatrix, Rows, labels, numbered
from engine.tracing.model import Dynamics, Traced, expected, follow
from engine.tracing.roll import APART, Chain, item_chain, level_chain

Log = AnswerLog | pa.Table | Mapping[str, Any]


@dataclass(frozen=True)
class Mastery:
    """Of pupils at points, (n, points), in logits on an item of average slope; 0 is the average pupil.

    Attributes:
        points: names of the points.
        estimate, standard_error: posterior mean and standard deviation.
        chance: of a right answer to an item of the point of mean difficulty and slope.
        answers: how many of the pupil's answers were to the point.
    """

    points: list[Any]
    estimate: np.ndarray
    standard_error: np.ndarray
    chance: np.ndarray
    answers: np.ndarray


class KnowledgeTracer(BaseEstimator):
    def __init__(
        self,
        q_matrix: QMatrix | None = None,
        *,
        neighbours: bool = True,
        n_rounds: int = 4,
        n_steps: int = 4,
        n_answers_for_dynamics: int = 60_000,
    ) -> None:
        self.q_matrix = q_matrix
        self.neighbours = neighbours
        self.n_rounds = n_rounds
        self.n_steps = n_steps
        self.n_answers_for_dynamics = n_answers_for_dynamics

    def fit(self, log: Log, y: None = None) -> Self:
        log = AnswerLog.of(log)
        if not len(log):
            raise InputError("the answer log is empty", mend="give at least one answer")
        self._log = log
        self.students_, student = numbered(None, log.student)
        self.items_, item = numbered(None, log.item)
        self._points = Points.of(self.items_, self.q_matrix)
        self._rows = Rows.of(len(self.students_), student, item, log.correct, log.time)
        self._scale_time()
        self._position = self._positions(student)
        rows = self._rows
        self._items = Items.start(rows.item, rows.correct, len(self.items_))
        self._every = np.ones(len(self.items_), dtype=bool)
        self._prior = np.tile([0.0, 1.0], (len(self.students_), 1))
        self._extra = np.zeros((len(rows.item), 2))
        self._pseudo = np.zeros((len(rows.item), 2))
        self.level_chain_, self.item_chain_ = Chain(), Chain()
        repeated = len(np.unique(rows.student * len(self.items_) + rows.item)) < len(rows.item)
        self._has_points = self.q_matrix is not None or repeated
        self.dynamics_ = self._first_dynamics()
        for round_ in range(self.n_rounds):
            for _ in range(self.n_steps):
                self._improve_items(self._every)
            if self.neighbours:
                self._look_around(estimate=round_ < self.n_rounds - 1)
            if round_ < self.n_rounds - 1:
                self._find_dynamics()
        for _ in range(self.n_steps):
            self._improve_items(self._every)
        self.loglik_ = float(self._loglik(self.dynamics_, self._rows, self._items, self._prior, self._extra))
        return self

    def _scale_time(self) -> None:
        """Time in units of the median wait between sittings."""
        waits = self._rows.elapsed[self._rows.elapsed > 0]
        self._unit = float(np.median(waits)) if len(waits) else 1.0
        self._rows.elapsed /= self._unit

    def _positions(self, student: np.ndarray) -> np.ndarray:
        if self._log.group is None:
            return np.arange(len(self.students_), dtype=float)
        _, group = numbered(None, self._log.group)
        position = np.zeros(len(self.students_))
        position[student] = group * APART
        return position

    def _first_dynamics(self) -> Dynamics:
        if not self._has_points:
            points = {}
        else:
            points = {"point_variance": 0.2}
        if (self._rows.elapsed > 0).any():
            points |= {"form_variance": 0.2, "form_rate": 0.1}
            if self._has_points:
                points |= {"recent_variance": 0.3, "recent_rate": 0.1, "learning": 0.02}
        return Dynamics(**points)

    def _follow(self, dynamics: Dynamics, rows: Rows, items: Items, prior: np.ndarray, extra: np.ndarray) -> Traced:
        return follow(rows, self._points, items.intercept[rows.item] + extra[:, 0], items.slope, prior, dynamics)

    def _loglik(self, dynamics: Dynamics, rows: Rows, items: Items, prior: np.ndarray, extra: np.ndarray) -> float:
        h, v = self._follow(dynamics, rows, items, prior, extra).before.T
        a = items.slope[rows.item]
        sign = 2 * rows.correct - 1
        mean = items.intercept[rows.item] + extra[:, 0] + a * h
        return float(np.log(expected(sign * mean, a * a * v + extra[:, 1])[:, 0]).sum())

    def _improve_items(self, which: np.ndarray) -> None:
        rows = self._rows
        traced = self._follow(self.dynamics_, rows, self._items, self._prior, self._extra)
        ability = traced.before if traced.others is None else traced.others
        self._level = traced.level
        self._ability = ability
        self._items, errors = self._items.improved(rows.item, rows.correct, ability, self._extra, which)
        seen = np.bincount(rows.item, minlength=len(self.items_)) > 0
        self._items = self._items.with_priors(errors, self._points, seen)

    def _look_around(self, estimate: bool) -> None:
        rows, items = self._rows, self._items
        traced = self._follow(self.dynamics_, rows, items, self._prior, self._extra)
        mean, variance = traced.level.T
        prior_mean, prior_variance = self._prior.T
        precision = np.maximum(1 / variance - 1 / prior_variance, 1e-9)
        value = (mean / variance - prior_mean / prior_variance) / precision
        order = np.argsort(self._position, kind="stable")
        if estimate:
            self.level_chain_ = level_chain(self._position[order], value[order], precision[order], self.level_chain_)
        own = 1 - self.level_chain_.variance
        rest = np.zeros((len(order), 2))
        rest[order], _ = self.level_chain_.left_out(
            np.array([0, len(order)]),
            self._position[order],
            value[order],
            precision[order] / (1 + precision[order] * own),
        )
        self._prior = np.stack([rest[:, 0], rest[:, 1] + own], axis=1)
        if self._rows.elapsed.any():
            return
        ability = traced.others
        a = items.slope[rows.item]
        p, p1, _ = expected(items.intercept[rows.item] + self._extra[:, 0] + a * ability[:, 0], a * a * ability[:, 1]).T
        value = self._extra[:, 0] + (rows.correct - p) / np.maximum(p1, 1e-12)
        self._pseudo = np.stack([value, p1**2 / np.maximum(p * (1 - p), 1e-12)], axis=1)
        first, order = self._by_item(rows.item, rows.student, len(self.items_))
        if estimate:
            self.item_chain_ = item_chain(first, self._position[rows.student[order]], *self._pseudo[order].T.copy(), self.item_chain_)
        rest, _ = self.item_chain_.left_out(first, self._position[rows.student[order]], *self._pseudo[order].T.copy())
        self._extra[order] = rest

    def _by_item(self, item: np.ndarray, student: np.ndarray, n_items: int):
        order = np.lexsort((self._position[student], item))
        return np.searchsorted(item[order], np.arange(n_items + 1)), order

    def _find_dynamics(self) -> None:
        rows, items = self._rows, self._items
        counts = np.diff(rows.first)
        wanted = max(1, int(np.ceil(counts.sum() / self.n_answers_for_dynamics)))
        chosen = np.arange(0, len(counts), wanted)
        some, where = rows.of_students(chosen)
        prior, extra = self._prior[chosen], self._extra[where]

        def loglik(dynamics: Dynamics) -> float:
            return self._loglik(dynamics, some, items, prior, extra)

        if not self.dynamics_.changing:
            if not self._has_points:
                return
            found = minimize_scalar(
                lambda x: -loglik(Dynamics(point_variance=float(np.exp(x)))), bounds=(-7, 1.5), method="bounded",
                options={"xatol": 0.1},
            )
            best = Dynamics(point_variance=float(np.exp(found.x)))
            self.dynamics_ = best if loglik(best) > loglik(Dynamics()) else Dynamics()
            return
        d = self.dynamics_

        def of(x: np.ndarray) -> Dynamics:
            v = np.exp(np.clip(x[:5], -9, 4))
            if not self._has_points:
                return Dynamics(v[0], v[1])
            return Dynamics(v[0], v[1], v[2], v[3], v[4], float(x[5]))

        tiny = 1e-4
        at = np.r_[np.log(np.maximum([d.form_variance, d.form_rate, d.point_variance, d.recent_variance, d.recent_rate], tiny)), d.learning]
        if not self._has_points:
            at = at[:2]
        simplex = np.vstack([at, at + np.diag([0.7, 0.7, 0.7, 0.7, 0.7, 0.05][: len(at)])])
        found = minimize(lambda x: -loglik(of(x)), at, method="Nelder-Mead",
                         options={"maxfev": 80, "xatol": 0.05, "fatol": 1.0, "initial_simplex": simplex})
        self.dynamics_ = of(found.x)

    def predict_proba(self, students: Any, items: Any) -> np.ndarray:
        """Chances of a right answer of students (N,) to items (N,), now."""
        check_is_fitted(self, "students_")
        return self._predict(labels(students), labels(items))

    def _predict(self, students, items, correct=None, time=None) -> np.ndarray:
        """With `correct` given, each is predicted from the ones before."""
        m = len(students)
        every_student, student = numbered(self.students_, students)
        every_item, item = numbered(self.items_, items)
        new_s, new_i = len(every_student) - len(self.students_), len(every_item) - len(self.items_)
        parts = self._extended(every_item, new_i)
        points, its = parts
        asked = np.unique(student)
        old, where = self._rows.of_students(asked[asked < len(self.students_)])
        n_old = len(old.first) - 1
        place = np.searchsorted(asked, student)
        # history first, then the queries
        S = np.r_[old.student, place]
        I = np.r_[old.item, item]
        C = np.r_[old.correct, np.full(m, -1) if correct is None else correct]
        T = np.r_[np.arange(len(old.item)), np.arange(m) + len(old.item)].astype(float)
        rows = Rows.of(len(asked), S, I, C, T)
        el = np.r_[old.elapsed, np.zeros(m)]
        if time is not None:
            # within the new log, time between answers of the pupil; the first: one unit
            o = np.lexsort((np.arange(m), time, place)); d = np.zeros(m); ss = place[o]
            dd = np.diff(time[o], prepend=time[o][:1]) / self._unit
            dd[np.r_[True, ss[1:] != ss[:-1]]] = 1.0 if len(old.item) else 0.0
            d[o] = np.maximum(dd, 0); el[len(old.item):] = d
            T[len(old.item):][o] = len(old.item) + np.arange(m)
            rows = Rows.of(len(asked), S, I, C, T)
        rows.elapsed = el[rows.order]
        prior = np.tile([0.0, 1.0], (len(asked), 1)); prior[:n_old] = self._prior[asked[:n_old]]
        extra = np.zeros((len(S), 2)); extra[: len(old.item)] = self._extra[where]
        if self.item_chain_.variance > 0:
            extra[len(old.item):] = self._around(student, item)
        extra = extra[rows.order]
        traced = follow(rows, points, its.intercept[rows.item] + extra[:, 0], its.slope, prior, self.dynamics_)
        ability = traced.others if (correct is None and traced.others is not None) else traced.before
        a = its.slope[rows.item]
        p = expected(its.intercept[rows.item] + extra[:, 0] + a * ability[:, 0], a * a * ability[:, 1] + extra[:, 1])[:, 0]
        return rows.back(p)[len(old.item):]

    def _around(self, student, item):
        """What neighbours tell of these answers; only of pupils and items known."""
        known = (student < len(self.students_)) & (item < len(self.items_))
        result = np.tile([0.0, self.item_chain_.variance], (len(student), 1))
        S = np.r_[self._rows.student, student[known]]
        I = np.r_[self._rows.item, item[known]]
        pseudo = np.r_[self._pseudo, np.zeros((known.sum(), 2))]
        first, order = self._by_item(I, S, len(self.items_))
        rest, _ = self.item_chain_.left_out(first, self._position[S[order]], *pseudo[order].T.copy())
        every = np.empty_like(rest); every[order] = rest
        result[known] = every[len(self._rows.item):]
        return result

    def _extended(self, every_item, new):
        if not new:
            return self._points, self._items
        points = Points.of(every_item, self.q_matrix)
        i = self._items
        mean = float(i.prior_intercept.mean())
        return points, Items(np.r_[i.intercept, np.full(new, mean)], np.r_[i.slope, np.full(new, i.prior_slope)],
                             np.r_[i.prior_intercept, np.full(new, mean)], i.prior_slope, i.variance)

    def predict_next(self, log: Log) -> np.ndarray:
        log = AnswerLog.of(log)
        return self._predict(log.student, log.item, log.correct, log.time)
