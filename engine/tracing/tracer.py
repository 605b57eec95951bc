"""KnowledgeTracer: the profile of a pupil from all his answers, not from one paper.

The chance of a right answer of pupil p to item j at time t is σ(c_j + u_pj + a_j h), where the ability for the item is

    h = level_p + form_p(t) + Σ_k share_jk (point_pk + learning · log(1 + answers to k) + recent_pk(t)).

level ~ N(0, 1) and point are lasting; form and recent pass: Ornstein-Uhlenbeck processes, forgotten as
exp(-rate × time) (Khajah, Lindsey & Mozer 2016 show what recency and ability add to knowledge tracing; the gain by
practice is that of performance factor analysis, Pavlik, Cen & Koedinger 2009, in logarithms as in DAS3H, Choffin et al.
2019). Pupils near each other on the roll, or of a class, are alike in level and in u (engine/tracing/roll.py). Without
time, as in a single exam, nothing passes and the model is a two-parameter logistic one with a factor for every point.

A pupil's answers are filtered one after the other by matching moments (assumed-density filtering, Opper 1998; the
TrueSkill of Herbrich et al. 2007 for exams). Its predictive chances multiply to the marginal likelihood, by which
variances and rates are chosen (empirical Bayes); items solve unbiased equations (engine/tracing/items.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from engine.errors import InputError
from engine.knowledge import per_point
from engine.tracing.dynamics import find, loglik
from engine.tracing.items import Items
from engine.tracing.log import AnswerLog, Log, Points, QMatrix, Rows, labels, numbered
from engine.tracing.model import Dynamics, expected, follow
from engine.tracing.roll import Chain, Roll


@dataclass(frozen=True)
class Mastery:
    """Of pupils at knowledge points, (n, points).

    Attributes:
        points: names of the points.
        estimate, standard_error: posterior mean and standard deviation of the ability at the point; 0 and 1 are
            mean and standard deviation of the level of all pupils of the log.
        chance: of a right answer to an item of the point, of the mean intercept and slope of such items.
        answers: how many of the pupil's answers were to the point.
    """

    points: list[Any]
    estimate: np.ndarray
    standard_error: np.ndarray
    chance: np.ndarray
    answers: np.ndarray


@dataclass(frozen=True)
class Outlook:
    """Of pupils at items, (n, items).

    Attributes:
        chance: of a right answer now.
        slope: change of the chance by ability.
    """

    chance: np.ndarray
    slope: np.ndarray


UNSURE = 1e-6  # no answer is more certain than this, whatever few answers say


class KnowledgeTracer(BaseEstimator):
    """Chances of right answers, and mastery of knowledge points, from a log of answers.

    Args:
        q_matrix: item → its points, or → {point: weight}; items not in it ask for the level only. None: every item is a
            point of its own, which matters if items are answered repeatedly (a log of skills).
        neighbours: let pupils near each other on the roll (sorted by student), or of a class, tell of each other.
        n_rounds, n_steps: rounds of estimation, and steps of Fisher scoring of the items in each.

    Attributes:
        students_, items_: labels, sorted.
        intercept_, slope_: (items,) c and a.
        dynamics_: variances and rates of what changes in a pupil.
        level_chain_, item_chain_: variance and rate of what neighbours share.
    """

    def __init__(
        self, q_matrix: QMatrix | None = None, *, neighbours: bool = True, n_rounds: int = 4, n_steps: int = 4
    ) -> None:
        self.q_matrix = q_matrix
        self.neighbours = neighbours
        self.n_rounds = n_rounds
        self.n_steps = n_steps

    def fit(self, log: Log, y: None = None) -> Self:
        """Learn items, variances and rates; the pupils' answers are kept.

        Args:
            log: Arrow table or mapping with the columns student, item, correct (0, 1) and optionally time (a number:
                days, or the number of the exam or of the answer) and group (the pupil's class); or an AnswerLog.
            y: ignored.

        Raises:
            InputError: the log is empty or a column is missing or impossible.
        """
        log = AnswerLog.of(log)
        if not len(log):
            raise InputError("the answer log is empty", mend="give at least one answer")
        self._encode(log)
        rows, J = self._rows, len(self.items_)
        self._items = Items.start(rows.item, rows.correct, J)
        self._prior = np.tile([0.0, 1.0], (len(self.students_), 1))
        self._extra, self._pseudo = np.zeros((len(rows.item), 2)), np.zeros((len(rows.item), 2))
        self.level_chain_, self.item_chain_ = Chain(), Chain()
        repeated = len(np.unique(rows.student * J + rows.item)) < len(rows.item)
        self.dynamics_ = Dynamics.start(points=self.q_matrix is not None or repeated, time=bool(rows.elapsed.any()))
        for left in reversed(range(self.n_rounds)):
            self._improve_items(np.ones(J, dtype=bool))
            if self.neighbours:
                self._look_around(estimate=left > 0)
            if left:
                self.dynamics_ = find(self.dynamics_, rows, self._points, self._items, self._prior, self._extra)
        self._improve_items(np.ones(J, dtype=bool))
        return self

    def update(self, log: Log) -> Self:
        """Add the answers of a new exam: profiles move, known items stay, new ones are estimated.

        Args:
            log: as in `fit`; with time if that one had it.
        """
        check_is_fitted(self, "students_")
        items, known, students, prior = self._items, self.items_, self.students_, self._prior
        self._encode(self._log.joined(AnswerLog.of(log)))
        at = pc.index_in(self.items_, value_set=known.cast(self.items_.type)).fill_null(-1).to_numpy()
        self._items = items.chosen(at)
        self._prior = np.tile([0.0, 1.0], (len(self.students_), 1))
        of_pupil = pc.index_in(self.students_, value_set=students.cast(self.students_.type)).fill_null(-1).to_numpy()
        self._prior[of_pupil >= 0] = prior[of_pupil[of_pupil >= 0]]
        self._extra = np.zeros((len(self._rows.item), 2))
        self._pseudo = np.zeros_like(self._extra)
        if self.neighbours:
            self._look_around(estimate=False)
        self._improve_items(at < 0)
        return self

    partial_fit = update

    def predict_proba(self, students: Any, items: Any) -> np.ndarray:
        """(N,) chances that students (N,) would now answer items (N,) rightly.

        An unknown pupil is an average one, an unknown item an average one of the log.
        """
        check_is_fitted(self, "students_")
        return self._chances(labels(students), labels(items))

    def predict_next(self, log: Log) -> np.ndarray:
        """(N,) chance of each answer of a log, given the pupil's answers before it, there and in what was fitted."""
        check_is_fitted(self, "students_")
        log = AnswerLog.of(log)
        return self._chances(log.student, log.item, log.correct, log.time)

    def mastery(self, students: Any) -> Mastery:
        """The profiles of pupils (n,) as after their last answers; an unknown one is an average pupil."""
        check_is_fitted(self, "students_")
        number = numbered(self.students_, labels(students))[1]
        asked, place = np.unique(number, return_inverse=True)
        rows, where = self._rows.of_students(asked[asked < len(self.students_)])
        rows = rows.padded(len(asked))
        prior = self._priors(asked)
        offset = self._items.intercept[rows.item] + self._extra[where, 0]
        traced = follow(rows, self._points, offset, self._items.slope, prior, self.dynamics_, with_mastery=True)
        assert traced.mastery is not None
        mean, variance = traced.mastery[:, place]
        intercept, slope = (self._points.means(values) for values in (self._items.intercept, self._items.slope))
        chance = expected((intercept + slope * mean).ravel(), (slope**2 * variance).ravel())[:, 0].reshape(mean.shape)
        answers = self._points.counts(rows.student, rows.item, len(asked))[place]
        return Mastery(self._points.names, mean, np.sqrt(variance), chance, answers)

    def outlook(self, items: Any, mastery: Mastery) -> Outlook:
        """What all pupils of `students_` would now do at items (J,) of the log, if these are of one point at least.

        Args:
            mastery: of `students_`, see `mastery`.
        """
        at = pc.index_in(labels(items), value_set=self.items_).to_numpy(zero_copy_only=False)
        share = np.zeros((len(at), len(self._points.names)))
        for j, item in enumerate(at):
            asked = slice(*self._points.first[item : item + 2])
            share[j, self._points.point[asked]] = self._points.share[asked]
        mean, deviation = (per_point(values, share.T) for values in (mastery.estimate, mastery.standard_error))
        place = np.full(len(self.items_), -1)
        place[at] = np.arange(len(at))
        seen = place[self._rows.item] >= 0
        around = np.zeros((2, *mean.shape))
        around[:, self._rows.student[seen], place[self._rows.item[seen]]] = self._extra[seen].T
        a = self._items.slope[at]
        f = self._items.intercept[at] + around[0] + a * mean
        p, slope, _ = expected(f.ravel(), ((a * deviation) ** 2 + around[1]).ravel()).T
        return Outlook(p.reshape(mean.shape), a * slope.reshape(mean.shape))

    def loglik(self, students: Any) -> float:
        """Marginal log-likelihood of the answers of pupils (n,) of the log if nothing is known of their neighbours."""
        check_is_fitted(self, "students_")
        chosen = np.unique(pc.index_in(labels(students), value_set=self.students_).to_numpy(zero_copy_only=False))
        rows, where = self._rows.of_students(chosen)
        nothing = np.zeros((len(where), 2))
        return loglik(self.dynamics_, rows, self._points, self._items, np.tile([0.0, 1.0], (len(chosen), 1)), nothing)

    @property
    def n_parameters_(self) -> int:
        """Parameters that `loglik` depends on: items, and variances and rates that are not 0."""
        d = self.dynamics_
        passing = sum(2 for variance in (d.form_variance, d.recent_variance) if variance > 0)
        return 2 * len(self.items_) + passing + (d.point_variance > 0) + (d.learning != 0)

    @property
    def intercept_(self) -> np.ndarray:
        return self._items.intercept

    @property
    def slope_(self) -> np.ndarray:
        return self._items.slope

    def _encode(self, log: AnswerLog) -> None:
        self._log = log
        self.students_, student = numbered(None, log.student)
        self.items_, item = numbered(None, log.item)
        self._points = Points.of(self.items_, self.q_matrix)
        self._rows = Rows.of(len(self.students_), student, item, log.correct, log.time)
        if not hasattr(self, "_unit"):  # time counts in units of the median wait
            waits = self._rows.elapsed[self._rows.elapsed > 0]
            self._unit = float(np.median(waits)) if len(waits) else 1.0
        self._rows.elapsed /= self._unit
        group = None if log.group is None else numbered(None, log.group)[1]
        self._roll = Roll.of(len(self.students_), student, group)

    def _improve_items(self, which: np.ndarray) -> None:
        rows = self._rows
        for _ in range(self.n_steps if which.any() else 0):
            offset = self._items.intercept[rows.item] + self._extra[:, 0]
            traced = follow(rows, self._points, offset, self._items.slope, self._prior, self.dynamics_)
            self._items = self._items.improved(rows.item, rows.correct, traced.known, self._extra, which, self._points)

    def _look_around(self, estimate: bool) -> None:
        """What neighbours tell of levels and, in a single sitting, of answers to each item."""
        rows, items = self._rows, self._items
        offset = items.intercept[rows.item] + self._extra[:, 0]
        traced = follow(rows, self._points, offset, items.slope, self._prior, self.dynamics_)
        self.level_chain_, self._prior = self._roll.levels(traced.level, self._prior, self.level_chain_, estimate)
        if traced.others is None:
            return
        a, (h, v) = items.slope[rows.item], traced.others.T
        p, p1, _ = expected(offset + a * h, a * a * v).T
        precision = p1**2 / np.maximum(p * (1 - p), 1e-12)
        self._pseudo = np.stack([self._extra[:, 0] + (rows.correct - p) / np.maximum(p1, 1e-12), precision], axis=1)
        if estimate:
            self.item_chain_ = self._roll.item_chain(rows.student, rows.item, self._pseudo, self.item_chain_)
        self._extra = self._roll.answers(rows.student, rows.item, self._pseudo, self.item_chain_)

    def _priors(self, students: np.ndarray) -> np.ndarray:
        """(n, 2) of levels of pupils by number, of average ones for numbers not known."""
        prior = np.tile([0.0, 1.0], (len(students), 1))
        known = students < len(self._prior)
        prior[known] = self._prior[students[known]]
        return prior

    def _chances(
        self, students: pa.Array, items: pa.Array, correct: np.ndarray | None = None, time: np.ndarray | None = None
    ) -> np.ndarray:
        """Of answers after those fitted; with `correct` each is an answer before the next ones, else all are now."""
        _, student = numbered(self.students_, students)
        every_item, item = numbered(self.items_, items)
        asked, place = np.unique(student, return_inverse=True)
        old, where = self._rows.of_students(asked[asked < len(self.students_)])
        n_old, n_new = len(old.item), len(item)
        outcome = np.full(n_new, -1) if correct is None else correct
        when = None
        if self._log.time is not None:
            past = self._log.time[self._rows.order[where]]
            if time is None:
                last = np.full(len(asked), past.min(initial=0.0))
                np.maximum.at(last, old.student, past)
                time = last[place] if correct is None else last[place] + np.arange(n_new) * self._unit
            when = np.concatenate([past, time])
        rows = Rows.of(
            len(asked),
            np.concatenate([old.student, place]),
            np.concatenate([old.item, item]),
            np.concatenate([old.correct, outcome]),
            when,
        )
        rows.elapsed /= self._unit
        around = self._roll.answers(self._rows.student, self._rows.item, self._pseudo, self.item_chain_, student, item)
        extra = np.concatenate([self._extra[where], around])[rows.order]
        parameters = self._items.chosen(
            np.where(np.arange(len(every_item)) < len(self.items_), np.arange(len(every_item)), -1)
        )
        points = self._points if len(every_item) == len(self.items_) else Points.of(every_item, self.q_matrix)
        offset = parameters.intercept[rows.item] + extra[:, 0]
        traced = follow(rows, points, offset, parameters.slope, self._priors(asked), self.dynamics_)
        h, v = (traced.known if correct is None else traced.before).T
        a = parameters.slope[rows.item]
        chances = rows.back(expected(offset + a * h, a * a * v + extra[:, 1])[:, 0])[n_old:]
        return np.clip(chances, UNSURE, 1 - UNSURE)
