"""Lesson plans and research packs as people read them: whose names, which numbers, nothing of ours in Chinese."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path

import pyarrow as pa
import pytest
from made_exam import SCRIPT, make_exam

from engine import research, tables
from engine.bank import load_bank
from engine.diagnosis import error_patterns
from engine.exam import Exam, LectureRule, ResearchRule
from engine.lecture import lecture_pack
from report.document import tables_of
from report.lecture_page import LEFT, lecture_pages
from report.render import document_page
from report.research_page import research_document
from report.source import Source
from report.words import Words


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Exam:
    """A made-up exam with its lecture and research packs, on the real engine."""
    exam = make_exam(tmp_path_factory.mktemp("exam") / "exam", classes=2, pupils=12, names={0: SCRIPT})
    exam = exam.model_copy(update={"lecture": LectureRule(false_alarms=0.9, min_gap=0.01)})
    bank = load_bank(exam.folder / "bank.csv")
    mastery, options = (tables.read(exam.tables / f"{name}.arrow") for name in ("mastery", "options"))
    rule = ResearchRule(min_pupils=5, min_gap=0.01, false_alarms=0.5)
    made: dict[str, list[pa.Table]] = {}
    for subject in exam.subjects:
        scores, answers = (
            tables.read(exam.tables / f"{name}.{subject.code}.arrow") for name in ("scores", "responses")
        )
        patterns = error_patterns(subject, scores, exam.roster, exam.diagnosis)
        topics, schools = research.research_topics(subject, scores, exam.roster, patterns, rule)
        for name, table in {
            **lecture_pack(subject, scores, answers, exam.roster, mastery, bank, exam.date, exam.lecture),
            "research_topics": topics,
            "research_schools": schools,
            "research_options": research.research_options(subject, scores, answers, exam.roster, options, rule),
            "research_items": research.research_items(subject, scores, exam.roster, rule),
        }.items():
            made.setdefault(name, []).append(table)
    for name, some in made.items():
        tables.write(pa.concat_tables(some), exam.tables / f"{name}.arrow")
    return exam


def rows(exam: Exam, name: str) -> list[dict]:
    return tables.read(exam.tables / f"{name}.arrow").to_pylist()


def text_of(html: str) -> str:
    html = re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def lessons(exam: Exam, language: str = "zh") -> dict[tuple[str, str, str], str]:
    """(school, class, subject) → page."""
    source = Source(exam, language)
    parts = [part for _, classes in source.parts() for part in classes]
    return {
        (part.school, part.classes[0], subject.code): html
        for part in parts
        for subject, (_, html) in zip(
            exam.subjects, lecture_pages(source.reference, part, Words(language)), strict=True
        )
    }


def test_a_lesson_tells_what_its_table_holds(taught: Exam) -> None:
    pages = lessons(taught)
    assert len(pages) == 2 * 2 * 2
    planned = [row for row in rows(taught, "lecture") if row["block"]]
    assert len({(row["school"], row["class"], row["subject"]) for row in planned}) == len(pages)
    for row in planned:
        text = text_of(pages[row["school"], row["class"], row["subject"]])
        each = f"{row['points_lost'] / row['n']:.1f}"
        assert f"第 {row['item']} 题" in text
        assert f"{row['n']} 人中 {row['lost']} 人失分，平均失 {each} 分" in text
    for place, html in pages.items():
        told = [row for row in rows(taught, "lecture") if (row["school"], row["class"], row["subject"]) == place]
        planned, left = [row for row in told if row["block"]], [row for row in told if not row["block"]]
        clear = sum(row["clear"] for row in planned + left[:LEFT])
        assert text_of(html).count(" 明显偏低 ") == clear
    assert 0 < sum(row["clear"] for row in rows(taught, "lecture")) < len(rows(taught, "lecture"))
    for row in rows(taught, "lecture_questions"):
        asked = load_bank(taught.folder / "bank.csv").to_pylist()
        stems = {question["question"]: question["stem"] for question in asked}
        wanted = stems[row["question"]] if row["question"] else f"重做第 {row['item']} 题"
        assert wanted in text_of(pages[row["school"], row["class"], row["subject"]])


def test_a_lesson_names_pupils_of_its_class_only(taught: Exam) -> None:
    roster = taught.roster.to_pylist()
    for (school, name, code), html in lessons(taught).items():
        text = text_of(html)
        own = {row["name"] for row in roster if (row["school"], row["class"]) == (school, name)}
        others = {row["name"] for row in roster} - own
        assert not any(re.search(rf"(?:^|[ 、]){re.escape(other)}(?:$|[ 、])", text) for other in others)
        wrong = [row for row in rows(taught, "lecture_options") if (row["school"], row["class"]) == (school, name)]
        chosen = [row for row in wrong if row["subject"] == code and row["answer"] in "ABCD" and row["count"] > 2]
        by_id = {row["student_id"]: row["name"] for row in roster}
        assert all(by_id[student] in text for row in chosen for student in row["students"].split("、"))
        assert "<script>alert" not in html


def test_a_class_without_anything_to_go_through_is_told_so(taught: Exam, tmp_path: Path) -> None:
    folder = tmp_path / "exam"
    shutil.copytree(taught.folder, folder)
    for name in ("lecture", "lecture_options", "lecture_questions"):
        tables.write(tables.empty(name), folder / "out" / "tables" / f"{name}.arrow")
    page = next(iter(lessons(taught.model_copy(update={"folder": folder})).values()))
    assert "没有需要全班讲评的题" in text_of(page) and "本课安排" not in page


def test_research_tells_what_its_tables_hold_and_names_no_pupil(taught: Exam) -> None:
    source, words = Source(taught, "zh"), Words("zh")
    names = set(taught.roster["name"].to_pylist()) - {SCRIPT}
    for subject in taught.subjects:
        document = research_document(source, subject, words)
        text = text_of(document_page(document, taught, words, []))
        topics = [row for row in rows(taught, "research_topics") if row["subject"] == subject.code]
        [across] = [table for table in tables_of(document) if table.source.startswith("research_topics")]
        assert len(across.rows) == len(topics)
        for row in topics:
            if row["order"]:
                assert f"{row['order']}. " in text and f"{row['classes']} 个班中有 {row['classes_behind']} 个班" in text
        assert not any(re.search(rf"(?:^|[ 、]){name}(?:$|[ 、])", text) for name in names)
        off = [
            row["item"] for row in rows(taught, "research_items") if row["subject"] == subject.code and row["verdict"]
        ]
        told = [table for table in tables_of(document) if table.source.startswith("research_items")]
        assert [row.cells[0] for table in told for row in table.rows] == sorted(
            off, key=lambda item: -abs(next(r["deviation"] for r in rows(taught, "research_items")
                                            if (r["subject"], r["item"]) == (subject.code, item)))
        )  # fmt: skip


def test_english_pages_hold_no_chinese_of_ours(taught: Exam) -> None:
    data = "".join(
        [str(taught.roster[name].to_pylist()) for name in ("name", "class", "school")]
        + [str(load_bank(taught.folder / "bank.csv").to_pylist()), taught.title]
        + [subject.name + str(subject.items) for subject in taught.subjects]
    )
    source, words = Source(taught, "en"), Words("en")
    pages = [*lessons(taught, "en").values()]
    pages += [document_page(research_document(source, one, words), taught, words, []) for one in taught.subjects]
    for html in pages:
        left = set(re.findall(r"[\u4e00-\u9fff]+", text_of(html)))
        assert not {word for word in left if not all(letter in data for letter in word)}
