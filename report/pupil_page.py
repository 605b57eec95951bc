"""The pages of the pupils of a class: own results only, never a rank, never another pupil."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Literal

import numpy as np

from engine import forms
from engine.exam import Item, Subject
from engine.rules import accepted, void
from engine.scoring import full_mark
from report.blocks import Context, doubtful, unsettled
from report.policy import PupilPolicy, grade, pupil_policy
from report.render import about, page, points
from report.source import Part, Reference, Row, Sheets
from report.words import Words

NAMED = 3  # knowledge points or items named in a sentence
Mark = Literal["right", "part", "wrong", "blank", "unmarked", "void"]


def pupil_pages(ref: Reference, part: Part, words: Words) -> Iterator[tuple[str, str]]:
    """(student_id, page) of every pupil of the class."""
    for context in pupil_contexts(ref, part, words):
        yield context["pupil"]["student_id"], pupil_page(context, words)


def pupil_contexts(ref: Reference, part: Part, words: Words) -> Iterator[Context]:
    """What is told each pupil of the class: exam, pupil, policy and sections, on the screen and in print."""
    policy = pupil_policy(ref.exam)
    subjects = [_Desk(ref, part, subject, policy, words) for subject in ref.exam.subjects]
    for pupil in part.roster.to_pylist():
        sections = [section for desk in subjects if (section := desk.section(pupil["student_id"]))]
        yield {"exam": ref.exam, "pupil": pupil, "policy": policy, "sections": sections}


def pupil_page(context: Context, words: Words) -> str:
    """The page of a pupil."""
    return page("pupil.html", words, root="../", **context)


class _Desk:
    """All that a class's pupil pages need in one subject, looked up by student_id."""

    def __init__(self, ref: Reference, part: Part, subject: Subject, policy: PupilPolicy, words: Words) -> None:
        self._ref, self._subject, self._policy, self._words = ref, subject, policy, words
        self._sheets = Sheets.of(subject, *part.sheets[subject.code])
        self._row = {student: i for i, student in enumerate(self._sheets.students)}
        self._doubts, self._unsettled = doubtful(part, subject.code), unsettled(part, subject.code)
        self._mastery = _by_pupil(part.tables["mastery"].to_pylist(), subject.code, "unit")
        self._practice = _by_pupil(part.tables["recommendations"].to_pylist(), subject.code, "student_id")
        self._questions = part.questions
        # The same few answers come again and again.
        self._printed = functools.cache(functools.partial(forms.printed, subject))

    def section(self, student: str) -> Context | None:
        """What the page says on this subject; None if the pupil was not entered for it."""
        if student not in self._row:
            return None
        i = self._row[student]
        section: Context = {
            "subject": self._subject,
            "status": str(self._sheets.status[i]),
            "doubts": self._doubts.get(student, 0),
            "unsettled": student in self._unsettled,
        }
        if section["status"] == "incomplete":
            section["open"] = self._open(i)
        elif section["status"] != "read" or np.isnan(self._sheets.total[i]):
            return section
        else:
            section["result"] = self._result(float(self._sheets.total[i]))
        answers, knowledge = (
            self._answers(i),
            [self._point(row) for row in self._mastery.get(student, []) if row["rate"] is not None],
        )
        return section | {
            "answers": answers,
            "form": self._sheets.form[i] if self._sheets.form[i] in self._subject.forms else "",
            "knowledge": knowledge,
            "sentences": self._sentences(answers, knowledge),
            "practice": [self._exercise(row, knowledge) for row in self._practice.get(student, [])],
        }

    def _open(self, i: int) -> str:
        """What an incomplete pupil's total waits for, in words."""
        words, sheets = self._words, self._sheets
        reasons = [words.code("reason", reason) for reason in self._unsettled.get(sheets.students[i], [])]
        items = [
            item.item
            for item, answer, gained in zip(self._subject.items, sheets.answers[i], sheets.points[i], strict=True)
            if np.isnan(gained) and not answer and not item.group and void(item) != "drop"
        ]
        if items:
            reasons.append(words("pupil.incomplete.items", items=words.join(items)))
        return words("sentence.join").join(reasons) or words("pupil.incomplete.some")

    def _result(self, total: float) -> Context:
        """The total as far as the policy lets it out: without points there is nothing but the grade."""
        full = float(full_mark(self._subject))
        result: Context = {"grade": grade(total / full, self._ref.exam.lines)}
        if self._policy.points:
            error = (self._ref.reliability.get(self._subject.code) or {}).get("sem")
            result |= {"total": total, "full": full}
            if error:
                result |= {"low": max(round(total - error), 0), "high": min(round(total + error), round(full))}
        return result

    def _answers(self, i: int) -> list[Context]:
        """Each item presented, as printed on the pupil's form: own answer, key, and how it went.

        Of a choose-k-of-n group, also those answered beside the chosen ones.
        """
        form, place = self._sheets.form[i] or "", {item.item: j for j, item in enumerate(self._subject.items)}
        permuted = form in self._subject.forms
        rows = []
        for item, answer, gained, presented in zip(
            self._subject.items,
            self._sheets.answers[i],
            self._sheets.points[i],
            self._sheets.presented[i],
            strict=True,
        ):
            if not presented and not answer:
                continue
            number, keys = item.item, accepted(item)
            if permuted:
                keys = [self._printed(form, item.item, key)[1] for key in keys]
                number, answer = self._printed(form, item.item, answer)
            row: Context = {"item": number, "mark": _mark(item, answer, gained), "own": "", "key": ""}
            if item.type != "constructed":
                row |= {"own": answer, "key": self._words.join(keys)}
            if self._policy.points and not np.isnan(gained):
                row["points"] = f"{points(gained)}/{points(float(item.max))}"
            rows.append(row)
        return sorted(rows, key=lambda row: place[row["item"]])

    def _point(self, row: Row) -> Context:
        """A knowledge point as a bar with a word; nothing on others."""
        enough = row["evidence"] == "enough"
        if row["weak"]:
            word = "weak"
        elif not enough:
            word = "thin"
        else:
            word = "strong" if row["rate"] >= 0.8 and row["lower"] >= 0.6 else "middle"
        return {key: row[key] for key in ("knowledge", "items", "rate", "lower", "upper")} | {"word": word}

    def _sentences(self, answers: list[Context], knowledge: list[Context]) -> list[str]:
        words, said = self._words, []

        def named(word: str, by: str) -> list[str]:
            rows = sorted((k for k in knowledge if k["word"] == word), key=lambda k: k["rate"], reverse=by == "best")
            return [words("quote", text=row["knowledge"]) for row in rows[:NAMED]]

        strong, weak = named("strong", "best"), named("weak", "worst")
        if strong:
            said.append(words("say.strong", points=words.join(strong)))
        if weak:
            said.append(words("say.weak", points=words.join(weak)))
        elif knowledge and all(k["word"] == "thin" for k in knowledge):
            said.append(words("say.thin"))
        elif knowledge:
            sure = [k for k in knowledge if k["word"] != "thin"]
            least, best = min(sure, key=lambda k: k["rate"]), max(sure, key=lambda k: k["rate"])
            apart = least["upper"] < best["lower"]
            rate = about(least["rate"])
            said.append(words("say.least", point=least["knowledge"], rate=rate) if apart else words("say.even"))
        for mark, key in (("blank", "say.blank"), ("part", "say.partial")):
            items = [row["item"] for row in answers if row["mark"] == mark]
            if items:
                shown = words.join(items[: 2 * NAMED]) + ("…" if len(items) > 2 * NAMED else "")
                said.append(words(key, count=len(items), items=shown))
        return said

    def _exercise(self, row: Row, knowledge: list[Context]) -> Context:
        """A question to practise, with a reason of its own: the table's compares the pupil with others."""
        question = self._questions.get(row["question"], {})
        unknown: Context = {"word": "thin", "rate": None}
        known = next((k for k in knowledge if k["knowledge"] == row["knowledge"]), unknown)
        return {
            "question": row["question"],
            "knowledge": row["knowledge"],
            "chance": row["chance"],
            "why": self._words(f"why.{known['word']}", rate=about(known["rate"])),
            "stem": question.get("stem") or "",
            "options": question.get("options") or "",
        }


def _mark(item: Item, answer: str, gained: float) -> Mark:
    if np.isnan(gained):
        waits = item.type == "constructed" and answer == "" and void(item) != "drop"
        return "unmarked" if waits else "void"
    if answer == "" and gained <= 0:
        return "unmarked" if item.type == "constructed" else "blank"
    if gained >= float(item.max):
        return "right"
    return "part" if gained > 0 else "wrong"


def _by_pupil(rows: list[Row], code: str, column: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["subject"] == code:
            found.setdefault(row[column], []).append(row)
    return found
