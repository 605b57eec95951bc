"""Reports as documents: charts, annexes, print editions, a bureau's own templates, and runs that were broken off."""

from __future__ import annotations

import io
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import openpyxl
import pyarrow as pa
import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_exam import FORMULA, SIZE, make_exam

import report
from engine import tables
from engine.exam import TOTAL, Exam
from report import charts, monitoring
from report.annex import annex
from report.county_page import county_document
from report.document import NUMBERS, Cell, Chapter, Column, Document, Figure, Row, Section, Side, Table, tables_of
from report.exam_pages import exam_document
from report.paper_page import paper_document
from report.pdf import document_pdf, pupils_pdf
from report.pupil_page import pupil_contexts
from report.render import asset, document_page, written
from report.source import Source
from report.svg import Board, ticks
from report.words import Words

ZH = Words("zh")
GROWTH = {"subject": TOTAL, "level": "school", "n": 90, "matched": 80, "coverage": 0.89, "prior": 0.1, "gain": 1.0,
          "sgp": 55.0, "se": 1.0, "model": "score ~ prior + (1 | school), REML"}  # fmt: skip


def marks(svg: str, name: str) -> list[ElementTree.Element]:
    """The elements of a drawing of one name; the drawing is well-formed."""
    return [one for one in ElementTree.fromstring(svg).iter() if one.tag.endswith(name)]


def words_of(pdf: bytes) -> str:
    """All words of a PDF, without spaces."""
    document = pypdfium2.PdfDocument(pdf)
    return "".join("".join(page.get_textpage().get_text_range().split()) for page in document)


# --- charts ----------------------------------------------------------------------------------------------------------


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 12))
def test_ticks_are_few_and_inside(low: float, span: float, most: int) -> None:
    found = ticks(low, low + span, most)
    slack = 1e-6 * max(abs(low), span)
    assert len(found) <= most + 1 and found == sorted(found)
    assert all(low - slack <= tick <= low + span + slack for tick in found)


def test_a_board_puts_values_where_they_belong() -> None:
    board = Board("x", 200, 100, (0, 10), (0, 5), (20, 10, 30, 15))
    assert (board.px(0), board.px(10), board.py(0), board.py(5)) == (20, 170, 85, 10)


def test_names_in_charts_are_escaped() -> None:
    names = ["<b>", 'a"b', "甲"]
    svg = charts.comparison(names, [1, 2, 3], [1, None, 1], ["above", "unknown", "below"], reference=2.0, words=ZH)
    told = {one.text for one in marks(svg, "text")}
    assert set(names) <= told


def test_caterpillar_colours_follow_the_verdict_and_tips_tell_the_numbers() -> None:
    svg = charts.caterpillar(["甲", "乙"], [2.0, -1.0], [1.0, -2.5], [3.0, 0.5], ["above", "same"], ZH)
    dots = marks(svg, "circle")
    assert [dot.get("fill") for dot in dots] == ["#1f5f8b", "#2e7d5b"]  # the smallest first
    assert "甲" in str(dots[1].get("data-tip")) and "2.0" in str(dots[1].get("data-tip"))


def test_boxes_hold_the_five_numbers() -> None:
    svg = charts.boxes(["甲"], [[10, 30, 50, 70, 100]], [52.0], full=100, words=ZH)
    (box,) = [one for one in marks(svg, "rect") if one.get("stroke") != "none"]
    left, width = float(str(box.get("x"))), float(str(box.get("width")))
    whole = next(one for one in marks(svg, "line") if one.get("stroke-width") == "1")
    span = float(str(whole.get("x2"))) - float(str(whole.get("x1")))
    assert width / span == pytest.approx(40 / 90, abs=0.01)
    assert left - float(str(whole.get("x1"))) == pytest.approx(span * 20 / 90, abs=0.5)


def test_sp_chart_draws_every_right_answer_once() -> None:
    answers = np.array([[1, 1, 0], [1, -1, 0]])
    svg = charts.sp_chart(answers, np.array([2, 1]), np.array([2, 1, 0]), ZH)
    right = next(one for one in marks(svg, "path") if one.get("fill") == "#dcebf4")
    assert str(right.get("d")).count("M") == 2  # one run a row
    assert {one.get("data-series") for one in marks(svg, "g")} >= {"S", "P"}


def test_a_colour_of_the_heat_map_says_its_side() -> None:
    svg = charts.heat_map(["点"], ["甲", "乙", "丙"], [[-0.2, 0.2, None]], [[True, False, False]], ZH)
    cells = [one for one in marks(svg, "rect") if one.get("data-tip")]
    assert [one.get("fill") for one in cells] == ["#d97860", "#6cb08c"]
    assert [one.get("stroke") != "none" for one in cells] == [True, False]


# --- sections on monitoring ------------------------------------------------------------------------------------------


def test_growth_never_says_more_than_the_interval() -> None:
    rows = [
        GROWTH | {"unit": "甲", "effect": 3.0, "lower": 1.0, "upper": 5.0, "verdict": "above"},
        GROWTH | {"unit": "乙", "effect": -0.5, "lower": -2.0, "upper": 1.0, "verdict": "not distinguishable"},
        GROWTH | {"unit": "丙", "effect": None, "lower": None, "upper": None, "verdict": "too few"},
    ]
    section = monitoring.growth([(row["unit"], [row]) for row in rows], 300.0, 60.0, "学校", ZH)
    said = section.blocks[0].sentences
    assert any("甲" in one and "高于" in one for one in said)
    assert not any(name in one for one in said for name in "乙丙")
    assert sum(isinstance(block, Figure) for block in section.blocks) == 2
    assert monitoring.growth([("甲", [])], None, None, "学校", ZH).blocks == []


def test_a_gap_is_told_only_if_the_interval_leaves_out_nought() -> None:
    row = {"subject": "math", "by": "sex", "measure": "mean", "group": "女", "reference": "男", "effect": 0.1, "n": 9}
    row |= {"n_reference": 8, "clusters": 4}
    unclear, clear = row | {"difference": 1.0, "lower": -1.0, "upper": 3.0}, row | {"difference": -3.0, "lower": -5.0,
                                                                                   "upper": -1.0}  # fmt: skip
    says = [monitoring.gaps([one], {"math": "数学"}, ZH).blocks[0].sentences for one in (unclear, clear)]
    assert says[0] == [ZH("gaps.says.none")]
    assert "女比男低 3.0 分" in says[1][0]


# --- renderers -------------------------------------------------------------------------------------------------------


def small_table() -> Table:
    columns = [Column("学校", "keep"), Column("平均", "mean", "组"), Column("得分率", "rate", "组")]
    rows = [Row([FORMULA, 71.26, Cell(0.5, look="hot")]), Row(["0123456789012345678", None, 0.25])]
    return Table(columns, rows, "units.mean", annex="比较")


def test_an_annex_holds_numbers_as_numbers_and_names_as_text(exam: Exam) -> None:
    book = openpyxl.load_workbook(io.BytesIO(annex("x", [small_table()], exam, ZH)))
    sheet = book["比较"]
    assert [cell.value for cell in sheet[2]] == ["学校", "平均", "得分率"]
    assert [cell.value for cell in sheet[3]] == [FORMULA, 71.26, 0.5] and sheet["A3"].data_type == "s"
    assert sheet["A4"].value == "0123456789012345678" and sheet["B4"].value is None
    assert sheet["C3"].number_format == "0.0%" and sheet.freeze_panes == "B3"
    assert sheet["A6"].value == ZH("source", source="units.mean")


def test_tables_inside_side_by_side_blocks_reach_the_annex() -> None:
    table = small_table()
    document = Document("k", "h", [], [Chapter("", [Section("", [Side([table]), table])], "a")])
    assert tables_of(document) == [table, table]


def test_groups_of_columns_span_their_columns() -> None:
    assert small_table().groups == [("", 1), ("组", 2)]


def test_every_number_of_a_document_stands_on_the_page_and_in_print(exam: Exam) -> None:
    source = Source(exam, "zh")
    for document in (
        exam_document(source, ZH),
        county_document(source, next(iter(source.counties)), ZH),
        paper_document(source, exam.subjects[0], ZH),
    ):
        html = document_page(document, exam, ZH)
        pdf = words_of(document_pdf(document, exam, ZH))
        shown = [written(value, column.kind) for c in document.chapters for s in c.sections for block in s.blocks
                 if isinstance(block, Table) for row in block.rows
                 for value, column in zip(row.cells, block.columns, strict=True) if column.kind in NUMBERS]  # fmt: skip
        assert len(shown) > 20
        assert all(told in html and "".join(told.split()) in pdf for told in shown)
        assert document.heading.replace(" ", "") in pdf.replace(" ", "")
        assert all(ZH("source", source=block.source) in html for c in document.chapters for s in c.sections
                   for block in s.blocks if isinstance(block, Figure))  # fmt: skip


def test_print_has_every_glyph_and_numbers_its_pages(exam: Exam) -> None:
    pdf = document_pdf(paper_document(Source(exam, "zh"), exam.subjects[0], ZH), exam, ZH)
    pages = len(pypdfium2.PdfDocument(pdf))
    assert f"第{pages}页/共{pages}页" in words_of(pdf)
    assert b"NotoSansSC" in pdf


def test_the_print_edition_for_families_holds_grades_and_no_points(exam: Exam) -> None:
    source = Source(exam, "zh")
    classes = [part for _, parts in source.parts() for part in parts]
    contexts = [context for part in classes for context in pupil_contexts(source.reference, part, ZH)]
    text = words_of(pupils_pdf(contexts, exam, ZH))
    assert not re.search(r"\d分(?!之)|满分\d|\d/\d|名次|排名|百分位|平均", text)
    senior = exam.model_copy(update={"stage": "senior"})
    contexts = list(pupil_contexts(replace(source.reference, exam=senior), classes[0], ZH))
    assert re.search(r"\d分满分140", words_of(pupils_pdf(contexts, senior, ZH)))


# --- a bureau's own look ---------------------------------------------------------------------------------------------


def test_a_folder_of_templates_restyles_pages_and_print(exam: Exam, tmp_path: Path) -> None:
    other = exam.model_copy(update={"folder": tmp_path / "exam"})
    shutil.copytree(exam.folder, other.folder)
    own = other.folder / "templates"
    own.mkdir()
    (own / "style.css").write_text(".head { background: #800000; }", encoding="utf-8")
    (own / "base.html").write_text("<p>某市教育局</p>{% block body %}{% endblock %}", encoding="utf-8")
    print_edition = '#set text(font: "Noto Sans SC")\n#json("document.json").heading 某市教育局'
    (own / "document.typ").write_text(print_edition, encoding="utf-8")
    document = paper_document(Source(other, "zh"), other.subjects[0], ZH)
    assert "某市教育局" in document_page(document, other, ZH) and "某市教育局" not in document_page(document, exam, ZH)
    assert "#800000" in asset("style.css", own) and "--ink" in asset("style.css", own)
    assert words_of(document_pdf(document, other, ZH)) == f"{document.heading.replace(' ', '')}某市教育局"


# --- runs ------------------------------------------------------------------------------------------------------------


def test_a_run_broken_off_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exam = make_exam(tmp_path / "exam", **SIZE)
    monkeypatch.setattr(
        sys.modules["report.build"], "font_css", lambda characters: "".join(sorted(characters))
    )  # takes seconds
    kinds = ["exam", "papers", "schools"]
    report.build(exam, tmp_path / "whole", kinds=kinds)

    class Stopped(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise Stopped

    with pytest.raises(Stopped):
        report.build(exam, tmp_path / "out", kinds=kinds, progress=stop)
    paper = next((tmp_path / "out" / "papers").glob("*.html"))
    before = paper.stat().st_mtime_ns
    report.build(exam, tmp_path / "out", kinds=kinds)
    assert paper.stat().st_mtime_ns == before
    found = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "whole", tmp_path / "out")
    ]
    assert found[0] == found[1]


def test_a_kind_alone_leaves_the_others_and_their_font(tmp_path: Path) -> None:
    exam = make_exam(tmp_path / "exam", **SIZE)
    report.build(exam, tmp_path, kinds=["schools"])
    font = len((tmp_path / "assets" / "font.css").read_bytes())
    assert report.build(exam, tmp_path, kinds=["papers"]) == {"assets": 1, "papers": 4}
    assert any((tmp_path / "schools").glob("*.html"))
    assert len((tmp_path / "assets" / "font.css").read_bytes()) >= font


# --- policy ----------------------------------------------------------------------------------------------------------


def test_a_compulsory_exam_tells_of_no_single_score_and_no_small_unit(exam: Exam, tmp_path: Path) -> None:
    """一分一段 would tell single scores; a unit of fewer pupils than exam.toml allows is named without figures."""
    other = exam.model_copy(update={"folder": tmp_path / "exam"})
    shutil.copytree(exam.folder, other.folder)
    rows = [{"subject": "math", "level": "exam", "unit": "", "score": float(s), "count": 1, "cumulative": 140 - s,
             "share": (140 - s) / 28, "pooled": False} for s in range(139, 111, -1)]  # fmt: skip
    tables.write(pa.Table.from_pylist(rows, tables.SCHEMAS["segments"]), other.tables / "segments.arrow")
    senior = other.model_copy(update={"stage": "senior"})
    shown = [document_page(paper_document(Source(one, "zh"), one.subjects[0], ZH), one, ZH) for one in (senior, other)]
    assert [ZH("segments.table") in html for html in shown] == [True, False]

    units = tables.read(other.tables / "units.arrow").to_pylist()
    small = next(row for row in units if row["level"] == "school" and row["subject"] == "math")
    small |= {"n": 3, "mean": 77.77}
    tables.write(pa.Table.from_pylist(units, tables.SCHEMAS["units"]), other.tables / "units.arrow")
    html = document_page(exam_document(Source(other, "zh"), ZH), other, ZH)
    assert small["unit"] in html and "77.8" not in html
