"""Reports on real tables of the engine: items not chosen, points still missing, forms, withdrawn items."""

from __future__ import annotations

import datetime
import io
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest

import report
from engine import ctt, diagnosis, scoring, tables
from engine.exam import Choose, Exam, Item, Subject
from engine.scale import Cohort, Totals
from engine.units import unit_statistics
from report import exam_pages
from report.class_page import called, class_document, item_documents
from report.figures import answers_given
from report.pupil_page import pupil_pages
from report.render import document_page
from report.source import Part, Reference, Sheets, Source
from report.words import Words
from report.xlsx import workbook

ZH = Words("zh")
ONE, FUNCTION = Decimal(1), (("函数", 1.0),)
ITEMS = (
    *(Item(item=str(j), type="single", max=ONE, key="A", options="ABCD", knowledge=FUNCTION) for j in range(1, 5)),
    Item(item="5", type="single", max=ONE, key="B=1|C=0.5", options="ABCD", knowledge=FUNCTION),
    Item(item="6", type="constructed", max=Decimal(4), knowledge=FUNCTION),
    Item(item="7", type="constructed", max=Decimal(4), knowledge=FUNCTION, group="g"),
    Item(item="8", type="constructed", max=Decimal(4), knowledge=FUNCTION, group="g"),
)
PLAIN = {"1": "A", "2": "A", "3": "B", "4": "", "5": "C", "6": "3", "7": "2", "8": "", "choose:g": "7"}


def make(
    folder: Path, rows: list[dict[str, str | None]], *, exceptions: list[dict] | None = None, **keys: object
) -> Exam:
    """An exam of one class whose tables the engine made from these answers; more keys go to the subject."""
    ids = [f"s{i:02d}" for i in range(len(rows))]
    columns = {"student_id": ids, "name": [f"生{i}" for i in range(len(rows))], "class": ["1班"] * len(rows)}
    columns |= {"school": ["一中"] * len(rows), "county": [""] * len(rows), "candidate_no": ids}
    about = {"items": ITEMS, "step": Decimal("0.5"), "choose": {"g": Choose(k=1, policy="strict_void")}} | keys
    subject = Subject(code="maths", name="数学", folder=folder / "maths", **about)
    exam = Exam(
        id="x",
        title="考试",
        date=datetime.date(2026, 1, 1),
        folder=folder,
        subjects=(subject,),
        roster=pa.table(columns),
    )
    names = dict.fromkeys(name for row in rows for name in row if name not in ("status", "form"))
    responses = pa.table(
        {
            "student_id": ids,
            "status": pa.array([row.get("status", "read") for row in rows]).cast(tables.LABEL),
            "form": pa.array([row.get("form", "") for row in rows]),
            **{name: pa.array([row.get(name) for row in rows], pa.string()) for name in names},
        }
    )
    scored = scoring.score(subject, responses)
    mastery = diagnosis.mastery(subject, scored.scores, exam.roster, exam.diagnosis)
    made = {
        "responses.maths": responses,
        "scores.maths": scored.scores,
        "items": ctt.item_statistics(scored.tally, subject),
        "options": ctt.option_statistics(scored.tally, subject),
        "reliability": ctt.reliability(scored.tally, subject),
        "units": unit_statistics(Totals.of(subject, scored.scores, Cohort.of(exam.roster)), exam.lines),
        "mastery": mastery,
        "groups": diagnosis.teaching_groups(subject, mastery, exam.roster, exam.diagnosis),
        "exceptions": pa.Table.from_pylist(exceptions or [], schema=tables.SCHEMAS["exceptions"]),
    }
    for name, table in made.items():
        tables.write(table, exam.tables / f"{name}.arrow")
    return exam


def class_page(ref: Reference, part: Part, words: Words) -> str:
    """The pages of the class's 小题分析, then its report."""
    documents = [*item_documents(ref, part, words), class_document(ref, part, words)]
    return "".join(document_page(one, ref.exam, words) for one in documents)


def the_class(exam: Exam) -> tuple[Reference, Part]:
    source = Source(exam, "zh")
    [(_, [part])] = source.parts()
    return source.reference, part


def cells(html: str) -> dict[str, tuple[str, str]]:
    """Item → how it went, and what else its cell says."""
    found = re.findall(
        r'class="cell (\w+)"><div class="no"><span>([^<]+)</span>.*?class="own">[^<]*</div>(.*?)</div>', html
    )
    return {item: (mark, re.sub("<[^>]+>", "", rest)) for mark, item, rest in found}


def test_an_item_that_was_not_chosen_is_nobodys_blank(tmp_path: Path) -> None:
    """Half the class chose 7, half 8: nobody left the other one unanswered."""
    other = PLAIN | {"7": "", "8": "4", "choose:g": "8"}
    exam = make(tmp_path, [PLAIN, PLAIN, other, other])
    ref, part = the_class(exam)
    sheets = Sheets.of(exam.subjects[0], *part.sheets["maths"])
    given = [(g.answer, g.names) for g in answers_given(sheets, 6, sheets.students)]
    assert given == [("partial", ("s00", "s01"))]
    assert [(g.answer, g.share) for g in answers_given(sheets, 7, sheets.students)] == [("full", 1.0)]
    page = dict(pupil_pages(ref, part, ZH))["s00"]
    assert "8" not in cells(page)
    assert ZH("say.blank", count=1, items="4") in page


def test_an_item_answered_but_not_chosen_is_told_not_to_count(tmp_path: Path) -> None:
    exam = make(tmp_path, [PLAIN | {"8": "4"}])
    assert cells(dict(pupil_pages(*the_class(exam), ZH))["s00"])["8"] == ("void", ZH("answers.void"))


def test_points_not_given_yet_are_no_blank_of_the_pupil(tmp_path: Path) -> None:
    exam = make(tmp_path, [PLAIN | {"6": ""}, PLAIN | {"6": ""}, PLAIN])
    ref, part = the_class(exam)
    sheets = Sheets.of(exam.subjects[0], *part.sheets["maths"])
    assert [(g.answer, g.count) for g in answers_given(sheets, 5, sheets.students)] == [("unmarked", 2), ("partial", 1)]
    page = dict(pupil_pages(ref, part, ZH))["s00"]
    assert cells(page)["6"][0] == "unmarked"
    assert ZH("say.blank", count=1, items="4") in page
    assert ZH("answer.unmarked") in class_page(ref, part, ZH)


def test_few_blanks_and_unmarked_items_call_for_no_attention(tmp_path: Path) -> None:
    """Three blank choice items do, two of them with an unmarked and an unchosen item don't."""
    two = PLAIN | {"3": "", "4": "", "6": ""}
    exam = make(tmp_path, [two, two | {"2": ""}])
    html = class_page(*the_class(exam), ZH)
    assert ZH("attention.blank", count=3) in html
    assert html.count(ZH("attention.blank", count=3)) == 1 and ZH("attention.blank", count=4) not in html


@pytest.mark.parametrize("reason", ["mark_missing", "page_missing", "unclear_choice"])
def test_what_is_open_is_told_to_pupil_and_teacher(tmp_path: Path, reason: str) -> None:
    """A total that may still change is not handed out as if it were final."""
    rows = [{"subject": "maths", "kind": "pupil", "student_id": "s00", "reason": reason, "detail": "…"}]
    same = rows[0] | {"student_id": "s01", "reason": "duplicate_same"}
    ref, part = the_class(make(tmp_path, [PLAIN] * 3, exceptions=[*rows, same]))
    pages = dict(pupil_pages(ref, part, ZH))
    assert [ZH("pupil.open") in pages[student] for student in ("s00", "s01", "s02")] == [True, False, False]
    assert reason not in class_page(ref, part, ZH)
    attention = re.search(r"<h3>需要关注的学生</h3>(.*?)</section>", class_page(ref, part, ZH), re.DOTALL)
    assert attention and ZH(f"reason.{reason}") in attention[1] and ZH("reason.duplicate_same") not in attention[1]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_incomplete_pupil_has_what_is_known_and_no_total(tmp_path: Path, language: str) -> None:
    words = Words(language)
    lost = {**PLAIN, "1": None, "status": "incomplete"}
    rows = [lost, PLAIN | {"6": "", "status": "incomplete"}, PLAIN, PLAIN | {"1": "B"}]
    told = [{"subject": "maths", "kind": "pupil", "student_id": "s00", "reason": "page_missing", "detail": "…"}]
    exam = make(tmp_path, rows, exceptions=told)
    ref, part = the_class(exam)
    pages = dict(pupil_pages(ref, part, words))
    grades = [words(f"grade.{name}") for name in ("excellent", "good", "passing", "improve")]
    for student in ("s00", "s01"):
        assert words("pupil.incomplete", what="|").partition("|")[0] in pages[student]
        assert not any(grade in pages[student] for grade in grades)
        assert words("map") not in pages[student] and words("pupil.open") not in pages[student]
    assert words("reason.page_missing") in pages["s00"] and "1" not in cells(pages["s00"])
    assert words("pupil.incomplete.items", items="6") in pages["s01"]
    assert cells(pages["s01"])["2"][0] == "right" and cells(pages["s01"])["6"][0] == "unmarked"
    assert words("pupil.incomplete", what="|").partition("|")[0] not in pages["s02"]

    html = class_page(ref, part, words)
    members = html[html.index('id="members"') :]
    assert members.count(words("status.incomplete")) == 2
    assert ref.units["maths"]["n"] == 2 and ref.items["maths"]["2"]["n"] == 2
    book = openpyxl.load_workbook(io.BytesIO(workbook(ref, part, words))).active
    status = {row[1]: row[3:5] for row in book.iter_rows(values_only=True) if str(row[1]).startswith("s0")}
    assert [status[f"s0{i}"][0] for i in range(3)] == [words("status.incomplete")] * 2 + [words("status.read")]
    assert status["s00"][1] is None and status["s02"][1] is not None


def test_reports_of_an_exam_without_any_total_yet(tmp_path: Path) -> None:
    """Before marks.csv is there everybody is incomplete."""
    exam = make(tmp_path, [PLAIN | {"6": "", "status": "incomplete"}] * 6)
    report.build(exam, tmp_path / "out")
    ref, part = the_class(exam)
    assert ref.units["maths"]["n"] == 0
    assert all(ZH("pupil.incomplete.items", items="6") in page for page in dict(pupil_pages(ref, part, ZH)).values())


def test_the_key_is_shown_without_its_points_and_as_printed_on_the_form(tmp_path: Path) -> None:
    """Form B prints item 5's options as CADB: B is there D, C is A. Points have no place on a compulsory-stage page."""
    forms = {
        "A": tuple((item.item, item.options) for item in ITEMS),
        "B": tuple((item.item, "CADB" if item.item == "5" else item.options) for item in ITEMS),
    }
    exam = make(tmp_path, [PLAIN | {"form": "A"}, PLAIN | {"form": "B"}], forms=forms)
    pages = dict(pupil_pages(*the_class(exam), ZH))
    assert cells(pages["s00"])["5"] == ("part", ZH("answers.key", key="B、C"))
    assert cells(pages["s01"])["5"] == ("part", ZH("answers.key", key="D、A"))


def test_a_paper_withdrawn_whole_has_no_result(tmp_path: Path) -> None:
    """Every item dropped: nothing out of nothing is neither excellent nor low."""
    dropped = tuple(item.model_copy(update={"rule": "void:drop", "group": ""}) for item in ITEMS)
    exam = make(tmp_path / "exam", [PLAIN] * 6, items=dropped, choose={})
    [*_, unit] = tables.read(exam.tables / "units.arrow").to_pylist()
    assert (unit["registered"], unit["n"], unit["excellent"]) == (6, 0, None)
    assert report.build(exam, tmp_path / "out")["pupils"] == 6
    assert ZH("pupil.void") in (tmp_path / "out" / "pupils" / "s00.html").read_text("utf-8")


def test_names_stand_as_written_in_pictures(tmp_path: Path) -> None:
    """Between two "$" a plotting library would expect a formula."""
    odd = tuple(item.model_copy(update={"item": f"$x^${item.item}"}) for item in ITEMS[:5])
    rows = [{item.item: "AB"[i % 2] for item in odd} for i in range(12)]
    exam = make(tmp_path / "exam", rows, items=odd, choose={})
    assert report.build(exam, tmp_path / "out", kinds=["classes"])["classes"] == 2  # page and annex


def test_pupils_of_one_name_are_told_apart(tmp_path: Path) -> None:
    exam = make(tmp_path, [PLAIN] * 3)
    names = {"student_id": ["G01-0007", "G02-0007", "G03-0008"], "name": ["张伟"] * 3}
    _, part = the_class(exam)
    part = replace(part, roster=pa.table(names))
    assert list(called(part).values()) == ["张伟 G01-0007", "张伟 G02-0007", "张伟 0008"]


def test_a_list_too_long_to_read_is_cut_and_says_so(tmp_path: Path) -> None:
    rows = [
        {"subject": "maths", "kind": "field", "student_id": "s00", "reason": "faint", "field": f"field-{i}"}
        for i in range(1200)
    ]
    html = exam_pages.exceptions(Source(make(tmp_path, [PLAIN], exceptions=rows), "zh"), ZH)
    assert ZH("exceptions.more", shown=1000, count=1200) in html
    assert "field-999<" in html and "field-1000<" not in html


def test_one_pupil_alone(tmp_path: Path) -> None:
    """Nothing to compare and nothing to spread, and still every page."""
    ref, part = the_class(make(tmp_path, [PLAIN]))
    assert ZH("verdict.unknown") in class_page(ref, part, ZH)
    assert "s00" in dict(pupil_pages(ref, part, ZH))
