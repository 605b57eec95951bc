"""Made-up pupils who answer a real blueprint: for demonstrations, rehearsals and tests.

Every pupil has an ability; every class is weak at one knowledge point and pupils differ in what they master, so that a
diagnosis has something to find. An item is answered rightly by a two-parameter logistic model with guessing.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pyarrow as pa

from engine.exam import Item, Subject
from engine.points import plain
from engine.rules import accepted
from engine.tables import ANSWER, CHOOSE, LABEL

ABSENT_RATE = 0.012
MISSING_RATE = 0.004  # no sheet and no absent mark
BLANK_RATE = 0.02  # of the answers that are not right
CLASS_WEAKNESS = 1.3  # logits that a class lacks at its weak point


def respond(subject: Subject, roster: pa.Table, seed: int, ability: np.ndarray | None = None) -> pa.Table:
    """Answers of every pupil to every item, in canonical order and options.

    Args:
        ability: (pupils,) in logits; by default made up for this subject alone, with differences between schools.

    Returns:
        A responses table: student_id, status, form, one ANSWER column an item, one `choose:<group>` column a group.
        The same subject, roster and seed give the same table.
    """
    rng = np.random.default_rng([seed, *subject.code.encode()])
    n = roster.num_rows
    advantage = _advantage(subject, roster, rng, ability)
    status = rng.choice(
        ["absent", "missing", "read"], size=n, p=[ABSENT_RATE, MISSING_RATE, 1 - ABSENT_RATE - MISSING_RATE]
    )
    present = status == "read"
    chosen = {group: _choices(subject, group, n, rng) for group in subject.choose}

    columns: dict[str, pa.Array] = {
        "student_id": roster["student_id"].combine_chunks(),
        "status": pa.array(status.tolist(), pa.string()).cast(LABEL),
        "form": pa.array(_forms(subject, n), pa.string()),
    }
    for item in subject.items:
        answers = _answers(item, subject.step, advantage[item.item], rng)
        here = present & (chosen[item.group][item.item] if item.group else True)
        columns[item.item] = pa.array(
            [answer if shown else None for answer, shown in zip(answers, here, strict=True)]
        ).cast(ANSWER)
    for group, picks in chosen.items():
        text = ["+".join(name for name in picks if picks[name][i]) if present[i] else None for i in range(n)]
        columns[CHOOSE + group] = pa.array(text).cast(ANSWER)
    return pa.table(columns)


def _advantage(
    subject: Subject, roster: pa.Table, rng: np.random.Generator, ability: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Item → how far each pupil's ability for it lies above the average pupil's, in logits."""
    school = np.unique(roster["school"].to_numpy(), return_inverse=True)[1]
    in_class = np.unique(
        [f"{s}/{c}" for s, c in zip(roster["school"].to_pylist(), roster["class"].to_pylist(), strict=True)],
        return_inverse=True,
    )[1]
    points = sorted({name for item in subject.items for name, _ in item.knowledge})
    if ability is None:
        ability = rng.normal(0, 0.25, school.max() + 1)[school] + rng.normal(0, 0.2, in_class.max() + 1)[in_class]
        ability = ability + rng.normal(0, 1, roster.num_rows)
    mastery = rng.normal(0, 0.5, (roster.num_rows, len(points)))
    if points:
        weak = (np.arange(in_class.max() + 1) * 3 + int(rng.integers(len(points)))) % len(points)
        mastery[np.arange(roster.num_rows), weak[in_class]] -= CLASS_WEAKNESS
    column = {name: i for i, name in enumerate(points)}
    return {
        item.item: ability + sum((weight * mastery[:, column[name]] for name, weight in item.knowledge), np.zeros(1))
        for item in subject.items
    }


def _forms(subject: Subject, n: int) -> list[str]:
    forms = sorted(subject.forms)
    return [forms[i % len(forms)] if forms else "" for i in range(n)]


def _choices(subject: Subject, group: str, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Item of the group → which pupils chose it; everybody chooses k."""
    names = [item.item for item in subject.items if item.group == group]
    order = np.argsort(rng.random((n, len(names))), axis=1)
    picked = order < subject.choose[group].k
    return {name: picked[:, j] for j, name in enumerate(names)}


def _answers(item: Item, step: Fraction, advantage: np.ndarray, rng: np.random.Generator) -> list[str]:
    easiness = float(np.clip(item.expected if item.expected is not None else rng.uniform(0.4, 0.85), 0.05, 0.95))
    slope = float(rng.uniform(0.8, 1.6))
    chance = 1 / (1 + np.exp(-(slope * advantage + 1.25 * np.log(easiness / (1 - easiness)))))
    if item.type == "constructed":
        return _points(item, step, chance, rng)
    guess = 0.5 / len(item.options) if item.type == "single" else 0.0
    right = rng.random(len(chance)) < guess + (1 - guess) * chance
    blank = rng.random(len(chance)) < BLANK_RATE
    key = next(iter(accepted(item)), "")
    wrong = _wrong_answers(item, key, len(chance), rng)
    return [key if r else "" if b else w for r, b, w in zip(right, blank, wrong, strict=True)]


def _wrong_answers(item: Item, key: str, n: int, rng: np.random.Generator) -> list[str]:
    """What pupils give who don't know: one distractor draws more than the others."""
    if item.type == "number":
        return [str(value) for value in rng.integers(10, 99, n)]
    others = [letter for letter in item.options if letter not in key]
    if item.type == "single":
        return list(rng.choice(others, size=n, p=rng.dirichlet(np.full(len(others), 1.5))))
    partly = rng.random(n) < 0.6
    dropped = rng.integers(len(key), size=n)
    added = rng.integers(max(len(others), 1), size=n)
    answers = []
    for i in range(n):
        kept = key[: dropped[i]] + key[dropped[i] + 1 :]
        extra = others[added[i]] if others and (not partly[i] or not kept) else ""
        answers.append("".join(sorted(kept + extra)))
    return answers


def _points(item: Item, step: Fraction, chance: np.ndarray, rng: np.random.Generator) -> list[str]:
    steps = int(item.max / step)
    gained = rng.binomial(steps, rng.beta(6 * chance + 0.3, 6 * (1 - chance) + 0.3))
    return [plain(int(units) * step) for units in gained]
