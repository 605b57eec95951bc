"""What is known of a subject's pupils and of what they may practise, put together once for all lists."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from engine.bank import families
from engine.diagnosis import Profiles
from engine.errors import InputError
from engine.exam import RecommendRule, Subject
from engine.knowledge import PupilPoints, knowledge_points, weights
from engine.recommend.ability import Ability, abilities, with_rates
from engine.recommend.needs import Evidence, Needs, Scope, needs
from engine.recommend.questions import Questions


@dataclass(frozen=True)
class Case:
    """A subject's pupils with a score, and the questions for them.

    Attributes:
        subject, rule: whose, and how.
        student_id: (n,) object, sorted.
        scope, questions: what may be practised.
        evidence, ability, needs: of the pupils, on the points in scope.
        seen: (n, Q) what each has had before.
    """

    subject: Subject
    rule: RecommendRule
    student_id: np.ndarray
    scope: Scope
    questions: Questions
    evidence: Evidence
    ability: Ability
    needs: Needs
    seen: csr_array

    @classmethod
    def of(
        cls,
        subject: Subject,
        scores: pa.Table,
        mastery: pa.Table,
        bank: pa.Table,
        rule: RecommendRule,
        *,
        day: datetime.date,
        profiles: pa.Table | None = None,
        earlier: pa.Table | None = None,
    ) -> Case:
        """From the tables; the order of their rows does not matter.

        Args:
            scores: the subject's scores, as for `engine.diagnosis.mastery`.
            mastery: table "mastery" of the subject (rows of others are passed over).
            bank: see `engine.bank`; questions of other subjects are passed over.
            day: the exam's; what is taught later is not pushed, unless `rule.until` says otherwise.
            profiles: table "profiles", if there is one: it knows earlier exams.
            earlier: student_id, question: what pupils have been given before.

        Raises:
            InputError: the mastery table is not of these scores.
        """
        scope = Scope.of(subject, rule.until or day)
        bank = bank.filter(pc.is_in(bank["subject"], value_set=pa.array([subject.code, subject.name])))
        questions = Questions.of(subject, bank, scope.names, families(bank), rule.chapters)
        # A paper without knowledge points tells nothing: nobody has a list.
        pupils = PupilPoints.of(subject, scores if knowledge_points(subject) else scores[:0])
        known = Profiles.of(subject, mastery)
        if not np.array_equal(pupils.student_id, known.student_id):
            raise InputError(
                "the mastery table is of other pupils than the scores", mend="run `yuejuan diagnose` again"
            )
        ability = abilities(pupils, _columns(weights(subject), knowledge_points(subject), scope.names))
        evidence = Evidence.of(subject, known, scope.names)
        if profiles is not None:
            rate, answers = _rates(subject, profiles, pupils.student_id, scope.names)
            ability = with_rates(ability, rate, evidence.reference)
            evidence = evidence.with_rates(rate, answers)
        return cls(
            subject=subject,
            rule=rule,
            student_id=pupils.student_id,
            scope=scope,
            questions=questions,
            evidence=evidence,
            ability=ability,
            needs=needs(evidence, ability, scope, rule),
            seen=_seen(subject, pupils, questions, earlier),
        )


def classes(student_id: np.ndarray, roster: pa.Table) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """(n,) number of each pupil's class, and the school and name of each class, sorted."""
    row = pc.index_in(pa.array(student_id, pa.string()), roster["student_id"].combine_chunks())
    place = [pc.fill_null(roster[name].combine_chunks().take(row), "").to_pylist() for name in ("school", "class")]
    pairs = list(zip(*place, strict=True))
    names = sorted(set(pairs))
    number = {name: c for c, name in enumerate(names)}
    return np.array([number[pair] for pair in pairs], np.int64), names


def _rates(
    subject: Subject, profiles: pa.Table, student_id: np.ndarray, names: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """(n, K) the rates of a table "profiles" and the answers that they rest on; NaN and 0 where it has none."""
    own = profiles.filter(pc.equal(profiles["subject"], subject.code))
    own = own.filter(pc.is_in(own["student_id"], value_set=pa.array(student_id, pa.string())))
    own = own.filter(pc.is_in(own["knowledge"], value_set=pa.array(names, pa.string())))
    i = pc.index_in(own["student_id"], pa.array(student_id, pa.string())).to_numpy()
    k = pc.index_in(own["knowledge"], pa.array(names, pa.string())).to_numpy()
    rate, answers = np.full((len(student_id), len(names)), np.nan), np.zeros((len(student_id), len(names)))
    rate[i, k], answers[i, k] = own["rate"].to_numpy(), pc.fill_null(own["answers"], 0).to_numpy()
    return rate, answers


def _columns(values: np.ndarray, names: list[str], wanted: list[str]) -> np.ndarray:
    """The columns of the wanted names, 0 where there is none."""
    found = np.zeros((len(values), len(wanted)))
    for k, name in enumerate(wanted):
        if name in names:
            found[:, k] = values[:, names.index(name)]
    return found


def _seen(subject: Subject, pupils: PupilPoints, questions: Questions, earlier: pa.Table | None) -> csr_array:
    """Questions of the bank that were in the paper that the pupils sat, or given to them before."""
    ids = pa.array(questions.ids, pa.string())
    asked = [(j, ids.index(item.question).as_py()) for j, item in enumerate(subject.items) if item.question]
    sat = [(np.flatnonzero(pupils.presented[:, j]), q) for j, q in asked if q >= 0]
    rows = [np.zeros(0, np.int64), *(who for who, _ in sat)]
    columns = [np.zeros(0, np.int64), *(np.full(len(who), q) for who, q in sat)]
    if earlier is not None:
        i = pc.index_in(earlier["student_id"], pa.array(pupils.student_id, pa.string()))
        q = pc.index_in(earlier["question"], ids)
        kept = pc.and_(pc.is_valid(i), pc.is_valid(q))
        rows.append(i.filter(kept).to_numpy().astype(np.int64))
        columns.append(q.filter(kept).to_numpy().astype(np.int64))
    pairs = np.concatenate(rows), np.concatenate(columns)
    seen = csr_array((np.ones(len(pairs[0])), pairs), shape=(len(pupils.student_id), len(questions.ids)))
    seen.data[:] = 1  # however often
    return seen
