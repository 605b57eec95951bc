"""Matching where pupils choose their subjects (选科): who does not take one is not waited for."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from made_pages import Page, answers, everybody, line, make_exam, reasons, run, sheet, single

from engine.exam import Exam
from engine.identity import Reason
from engine.scoring import score


def chosen(folder: Path, items: tuple = (single("1"), single("2"), single("3"))) -> Exam:
    """G0 to G3 take mathematics, G4 and G5 do not."""
    exam = make_exam(folder, items)
    column = pa.array(["数学"] * 4 + [""] * 2)
    return exam.model_copy(update={"choices": "选科", "roster": exam.roster.append_column("选科", column)})


def of(pages: list[Page], *pupils: int) -> list[Page]:
    return [page for i in pupils for page in pages[2 * i : 2 * i + 2]]


def test_who_does_not_take_the_subject_is_not_missed(tmp_path: Path) -> None:
    exam = chosen(tmp_path)
    matched = run(exam, of(everybody(), 0, 1, 2, 3))
    assert reasons(matched) == []
    assert answers(matched, 4) == [None, None, None, None]
    assert [line(matched, "pupils", name) for name in ("registered", "read", "missing")] == [4, 4, 0]

    scored = score(exam.subjects[0], matched.responses)
    assert scored.scores["status"].to_pylist() == ["read"] * 4 + [None] * 2
    assert scored.scores["total"].null_count == 2
    assert scored.tally.n == 4


def test_who_takes_it_is(tmp_path: Path) -> None:
    matched = run(chosen(tmp_path), of(everybody(), 0, 1, 2))
    assert reasons(matched) == [("G3", None, Reason.NO_SHEET)]


def test_answers_of_one_who_does_not_take_it_go_to_a_person(tmp_path: Path) -> None:
    matched = run(chosen(tmp_path), of(everybody(), 0, 1, 2, 3, 4))
    ((pupil, _, reason),) = reasons(matched)
    assert (pupil, reason) == ("G4", Reason.NOT_CHOSEN)
    assert answers(matched, 4)[0] == "missing"
    assert line(matched, "pupils", "registered") == 5


def test_a_blank_sheet_of_one_who_does_not_take_it_says_nothing(tmp_path: Path) -> None:
    matched = run(chosen(tmp_path), [*of(everybody(), 0, 1, 2, 3), *sheet(5, _1="", _2="", _3="")])
    assert reasons(matched) == []
    assert answers(matched, 5)[0] is None
