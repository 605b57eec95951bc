"""Questions that a whole class, or a teaching group of it, practises together.

A class or group is dealt with as one pupil with the mean needs and abilities of its members; what holds for at least
half of them (a point is weak, is not ready, is due) holds for it. What more than a quarter of them have had before is
left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from engine import tables
from engine.knowledge import ratio
from engine.recommend.ability import logistic
from engine.recommend.case import Case, classes
from engine.recommend.choosing import Ranking, choose
from engine.recommend.needs import Evidence, Needs
from engine.recommend.reasons import Why, because
from engine.recommend.sentences import joined, number, percent

MOST = 0.5  # what holds for this share of the members holds for the set
SEEN = 0.25  # what a greater share has had is left out


@dataclass(frozen=True)
class Sets:
    """The classes, and after each its teaching groups.

    Attributes:
        members: (S, n) 0/1, sparse.
        level, school, name, group: (S,) what each is.
    """

    members: csr_array
    level: list[str]
    school: list[str]
    name: list[str]
    group: list[int | None]

    @classmethod
    def of(cls, case: Case, roster: pa.Table, groups: pa.Table) -> Sets:
        """Groups of a table "groups" (rows of other subjects are passed over)."""
        unit, names = classes(case.student_id, roster)
        own = groups.filter(pc.equal(groups["subject"], case.subject.code))
        row = pc.index_in(pa.array(case.student_id, pa.string()), own["student_id"].combine_chunks())
        group = pc.fill_null(own["group"].combine_chunks().take(row), 0).to_numpy(zero_copy_only=False)
        pupil = np.arange(len(unit))
        keys = sorted(
            {(c, 0) for c in unit.tolist()} | {pair for pair in zip(unit.tolist(), group.tolist(), strict=True)}
        )
        place = {key: s for s, key in enumerate(keys)}
        grouped = group > 0
        of = [place[c, 0] for c in unit.tolist()]
        of += [place[pair] for pair in zip(unit[grouped].tolist(), group[grouped].tolist(), strict=True)]
        everyone = np.concatenate([pupil, pupil[grouped]])
        return cls(
            members=csr_array((np.ones(len(of)), (of, everyone)), shape=(len(keys), len(unit))),
            level=["group" if g else "class" for _, g in keys],
            school=[names[c][0] for c, _ in keys],
            name=[names[c][1] for c, _ in keys],
            group=[g or None for _, g in keys],
        )

    @property
    def size(self) -> np.ndarray:
        """(S,) members."""
        return np.diff(self.members.indptr)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """(S, K) means over the members of (n, K), NaN left out; NaN where there is nothing else."""
        known = ~np.isnan(values)
        return ratio(self.members @ np.where(known, values, 0), self.members @ known.astype(float))

    def most(self, values: np.ndarray) -> np.ndarray:
        """(S, K) does it hold for most members?"""
        return self.members @ (values > 0).astype(float) >= MOST * self.size[:, None]


def practice_sets(case: Case, roster: pa.Table, groups: pa.Table) -> pa.Table:
    """What each class and each of its teaching groups should practise together.

    Args:
        roster: student_id, class, school of at least the pupils scored.
        groups: table "groups".

    Returns:
        Table "practice_sets": classes in the order of school and name, their groups after them; up to `rule.per_set`
        rows each. Classes of whose pupils none has a score have no rows.
    """
    if not len(case.questions.ids):
        return tables.empty("practice_sets")
    sets = Sets.of(case, roster, groups)
    evidence = _evidence(case.evidence, sets)
    needs = Needs(
        need=sets.mean(case.needs.need).astype(np.float32),
        shift=sets.mean(case.needs.shift).astype(np.float32),
        unready=sets.most(case.needs.unready).astype(np.uint8),
        due=sets.most(case.needs.due).astype(np.uint8),
    )
    lists = choose(
        case.questions,
        needs,
        Ranking.of(case.rule, case.scope, case.questions, case.rule.per_set),
        seen=_seen(case, sets),
        unit=np.arange(len(sets.level)),
        turn=np.zeros(len(sets.level)),
    )
    one, rank = np.nonzero(lists.question >= 0)
    question, point = lists.question[one, rank], lists.point[one, rank]
    chance, in_zone = _success(case, sets, one, question)
    weak = (sets.members @ case.evidence.weak.astype(float))[one, point].astype(int)
    pupils = sets.size[one]
    why = Why.of(evidence, needs, one, point, case.scope)
    purpose = because(why, evidence, one, point, chance, case.scope, case.rule)
    figures = joined(
        "；", number(pupils), " 人中 ", number(weak), " 人薄弱，平均预计答对率 ", percent(chance), "，",
        number(in_zone), " 人难度合适",
    )  # fmt: skip
    columns = {"level": sets.level, "school": sets.school, "class": sets.name}
    return tables.build(
        "practice_sets",
        {
            "subject": pa.repeat(pa.scalar(case.subject.code, pa.string()), len(one)),
            **{name: pa.array(values, pa.string()).take(pa.array(one)) for name, values in columns.items()},
            "group": pa.array(sets.group, pa.int32()).take(pa.array(one)),
            "pupils": pupils,
            "rank": rank + 1,
            "question": pa.array(case.questions.ids, pa.string()).take(pa.array(question)),
            "knowledge": pa.array(case.scope.names, pa.string()).take(pa.array(point)),
            "difficulty": case.questions.difficulty[question],
            "chance": chance,
            "in_zone": in_zone,
            "weak": weak,
            "reason": joined(purpose, figures),
        },
    )


def _evidence(pupils: Evidence, sets: Sets) -> Evidence:
    """Of the sets; items: the mean that a member was presented."""
    rate, reference = sets.mean(pupils.rate), sets.mean(pupils.reference)
    return Evidence(
        weak=sets.most(pupils.weak),
        enough=sets.most(pupils.enough),
        items=np.rint(sets.mean(pupils.items.astype(float))),
        rate=rate,
        reference=reference,
        gap=rate - reference,
        smoothed=sets.most(pupils.smoothed),
    )


def _seen(case: Case, sets: Sets) -> csr_array:
    """(S, Q) questions that too many members have had."""
    count = (sets.members @ case.seen).tocoo()
    old = count.data > SEEN * sets.size[count.row]
    return csr_array((count.data[old], (count.row[old], count.col[old])), shape=count.shape)


def _success(case: Case, sets: Sets, one: np.ndarray, question: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R,) the members' mean chance of success on the question of each row, and how many have it in their zone."""
    size = sets.size[one]
    row = np.repeat(np.arange(len(one)), size)
    within = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    pupil = sets.members.indices[sets.members.indptr[one][row] + within]
    chance = logistic(
        case.questions.location[question][row] + case.questions.ability(case.needs.shift, pupil, question[row])
    )
    fits = (chance >= case.rule.target_low) & (chance <= case.rule.target_high)
    counted = np.bincount(row, fits, minlength=len(one)).astype(int)
    return ratio(np.bincount(row, chance, minlength=len(one)), size), counted
