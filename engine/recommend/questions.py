"""The questions that may be recommended, in the order that the kernel wants."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from engine.exam import Subject
from engine.recommend.ability import logit


@dataclass(frozen=True)
class Questions:
    """The candidates: questions of equal knowledge points form a group, in it they lie from the hardest to the easiest.

    Attributes:
        ids: (Q,) object.
        difficulty, location: (Q,) expected rate, and its logit.
        weight: (Q,) information: 1 of a question of average discrimination, see `information`.
        turn: (Q,) int32, place in the order of ids: the first goes first among equals.
        family: (Q,) int32, of near-duplicates and variants, of which nobody gets two.
        families: how many there are.
        group: (Q,) int64.
        first: (G + 1,) int64, each group's first question.
        touched, point: (G + 1,) int64, (…) int32: group g touches the points `point[touched[g] : touched[g + 1]]`.
    """

    ids: np.ndarray
    difficulty: np.ndarray
    location: np.ndarray
    weight: np.ndarray
    turn: np.ndarray
    family: np.ndarray
    families: int
    group: np.ndarray
    first: np.ndarray
    touched: np.ndarray
    point: np.ndarray

    @classmethod
    def of(
        cls, subject: Subject, bank: pa.Table, names: list[str], family: pa.Array, chapters: Collection[str] = ()
    ) -> Questions:
        """The questions of the subject all of whose knowledge points are among `names`.

        Args:
            bank: see `engine.bank`.
            names: knowledge points in scope; a question's points become indices of this list.
            family: of each question of the bank.
            chapters: if there are any, only questions of these: by their own chapter, else by that of all their points.
        """
        column = {name: k for k, name in enumerate(names)}
        rows = [
            {**row, "family": one, "points": tuple(sorted({column[name] for name in row["knowledge"]}))}
            for row, one in zip(
                bank.select(["question", "subject", "knowledge", "difficulty", "chapter", "irt_a"]).to_pylist(),
                family.to_pylist(),
                strict=True,
            )
            if row["subject"] in (subject.code, subject.name) and column.keys() >= set(row["knowledge"])
        ]
        rows = [row for row in rows if _in_chapters(subject, row, chapters)]
        return cls.arranged(rows)

    @classmethod
    def arranged(cls, rows: list[dict[str, Any]]) -> Questions:
        rows = sorted(rows, key=lambda row: row["question"])
        combinations = sorted({row["points"] for row in rows}, key=lambda points: (len(points), points))
        number = {points: g for g, points in enumerate(combinations)}
        group = np.array([number[row["points"]] for row in rows], np.int64)
        difficulty = np.array([row["difficulty"] for row in rows], float)
        order = np.lexsort((np.arange(len(rows)), difficulty, group))
        weight = information([row["irt_a"] for row in rows])[order]
        families, family = np.unique([row["family"] for row in rows], return_inverse=True)
        first = np.searchsorted(group[order], np.arange(len(combinations) + 1)).astype(np.int64)
        return cls(
            ids=np.array([row["question"] for row in rows], dtype=object)[order],
            difficulty=difficulty[order],
            location=logit(difficulty[order]),
            weight=weight,
            turn=order.astype(np.int32),
            family=family[order].astype(np.int32),
            families=len(families),
            group=group[order],
            first=first,
            touched=np.cumsum([0, *map(len, combinations)]).astype(np.int64),
            point=np.array([k for points in combinations for k in points], np.int32),
        )

    def touches(self, points: int) -> np.ndarray:
        """(Q, `points`) bool."""
        of_group = np.zeros((len(self.first) - 1, points), bool)
        of_group[np.repeat(np.arange(len(of_group)), np.diff(self.touched)), self.point] = True
        return of_group[self.group]

    def ability(self, shift: np.ndarray, rows: np.ndarray, questions: np.ndarray) -> np.ndarray:
        """What moves the pupils' odds on these questions: the mean of their shifts (n, K) over a question's points."""
        touches = self.touches(shift.shape[1])[questions]
        return (touches * shift[rows]).sum(axis=-1) / touches.sum(axis=-1)


def information(discrimination: list[float | None]) -> np.ndarray:
    """What an answer tells, against that to a question of discrimination a = 1: 2/3 + 2/3 · a² / (1 + a²).

    The Fisher information of an answer goes with a²; bounded, it chooses among questions of like use and no more.
    Questions without a known discrimination count as average.
    """
    square = np.array([1.0 if a is None else a * a for a in discrimination], float)
    return 2 / 3 * (1 + square / (1 + square))


def _in_chapters(subject: Subject, row: dict[str, Any], chapters: Collection[str]) -> bool:
    if not chapters:
        return True
    if row["chapter"]:
        return row["chapter"] in chapters
    return all(subject.curriculum.chapter_of(name) in chapters for name in row["knowledge"])
