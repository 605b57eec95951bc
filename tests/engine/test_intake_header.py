"""engine.intake.header: the table is found wherever it stands; rows that are no pupils are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.grid import Grid
from engine.intake.header import Table, find_tables, sort_rows
from engine.intake.people import WHO
from engine.intake.words import is_label, pupil_field, subject_code


def recognise(title: str) -> str | None:
    return subject_code(title, {}) or pupil_field(title)


def grid_of(rows: list[list[str]]) -> Grid:
    grid = Grid(Path("a.xlsx"))
    for line, row in enumerate(rows, 1):
        grid.add(line, list(row))
    return grid


def tables_of(rows: list[list[str]]) -> list[Table]:
    found = find_tables(grid_of(rows), recognise, [WHO])
    for table in found:
        sort_rows(table, WHO, is_label)
    return found


def contents(table: Table) -> dict[str, list[str]]:
    return {name: table.texts(name) for name in sorted(table.fields)}


COLUMNS = {
    "name": ("姓名", ["王芳", "李强", "张三"]),
    "number": ("学 号", ["001", "002", "003"]),
    "class": ("班别", ["1班", "1班", "2班"]),
    "maths": ("数学成绩", ["88", "缺考", "60"]),
    "english": ("英语（120分）", ["100", "99.5", ""]),
}
CLEAN = {name: cells for name, (_, cells) in sorted(COLUMNS.items())}
TITLES = ["云岭一中成绩表", "2026年秋季期中考试", "班主任：李老师", "填表日期 2026-11-10", "（请勿外传）"]
JUNK = [
    ("序号", ["1", "2", "3"]),
    ("备注", ["", "转学", ""]),
    ("", ["", "", ""]),
    ("级名次", ["1", "", "9"]),
    ("x", ["y", "y", "y"]),
]
AFTER = [["合计", "3人"], ["平均分", "", "", "74"], ["备注：缺考不计"], ["制表人：李四", "", "审核：王五"], []]


@given(
    titles=st.lists(st.tuples(st.sampled_from(TITLES), st.integers(0, 6)), max_size=5),
    order=st.permutations(list(COLUMNS)),
    junk=st.lists(st.tuples(st.sampled_from(JUNK), st.integers(0, 8)), max_size=4),
    after=st.lists(st.sampled_from(AFTER), max_size=4),
    blank=st.integers(0, 3),
    merged=st.booleans(),
)
def test_the_same_table_whatever_stands_around_it(
    titles: list[tuple[str, int]],
    order: list[str],
    junk: list[tuple[tuple[str, list[str]], int]],
    after: list[list[str]],
    blank: int,
    merged: bool,
) -> None:
    columns = [COLUMNS[name] for name in order]
    for column, place in junk:
        columns.insert(min(place, len(columns)), column)
    width = len(columns)
    above = [[title] * width if merged else [*[""] * min(place, width - 1), title] for title, place in titles]
    body = [[title for title, _ in columns], *([cells[i] for _, cells in columns] for i in range(3))]
    (table,) = tables_of([*above, *[[]] * blank, *body, *after])
    assert contents(table) == CLEAN
    assert table.grid.lines[table.header.start] == len(titles) + blank + 1


@pytest.mark.parametrize("merged", [True, False])
def test_two_lines_of_header(merged: bool) -> None:
    top = ["姓名", "语文", "语文", "数学", "数学"] if merged else ["姓名", "语文", "", "数学", ""]
    low = ["姓名" if merged else "", "班次", "分数", "分数", "班次"]
    (table,) = tables_of([["成绩表"] * 5, top, low, ["王芳", "1", "88", "90", "2"]])
    assert contents(table) == {"chinese": ["88"], "maths": ["90"], "name": ["王芳"]}


def test_the_first_pupil_is_no_header() -> None:
    (table,) = tables_of([["姓名", "", "数学", ""], ["王芳", "1", "88", "语文"], ["李强", "2", "90", ""]])
    assert contents(table) == {"maths": ["88", "90"], "name": ["王芳", "李强"]}


def test_tables_side_by_side() -> None:
    rows = [
        ["一班"],
        ["姓名", "数学", "", "姓名", "数学"],
        ["王芳", "88", "", "李强", "90"],
        ["张三", "70", "", "", ""],
    ]
    left, right = tables_of(rows)
    assert contents(left) == {"maths": ["88", "70"], "name": ["王芳", "张三"]}
    assert contents(right) == {"maths": ["90"], "name": ["李强"]}


def test_headers_repeated_on_every_page_and_sums_are_dropped() -> None:
    head = ["姓名", "学号", "数学"]
    rows = [
        head,
        ["王芳", "1", "88"],
        ["小计", "", "88"],
        head,
        ["平均", "2", "70"],
        ["", "", "满分"],
        ["李强", "3", "90"],
    ]
    (table,) = tables_of(rows)
    assert table.texts("name") == ["王芳", "李强"]
    assert list(table.dropped.values()) == [
        "合计、平均、备注等行",
        "重复的表头",
        "合计、平均、备注等行",
        "合计、平均、备注等行",
    ]


def test_a_sheet_without_a_header_has_no_table() -> None:
    assert tables_of([["王芳", "88"], ["李强", "90"]]) == []
    assert tables_of([]) == []


@given(
    st.lists(
        st.lists(st.sampled_from(["", "姓名", "数学", "学号", "1", "合计", "王芳", "班级 姓名"]), max_size=6),
        max_size=8,
    )
)
def test_nothing_breaks_the_finder(rows: list[list[str]]) -> None:
    for table in tables_of(rows):
        below = range(table.header.stop, len(table.grid.rows))
        assert set(table.rows).isdisjoint(table.dropped)
        assert set(table.rows) | set(table.dropped) <= set(below)
        assert len(set(table.fields.values())) == len(table.fields)


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("考生姓名", "name"),
        ("姓  名*", "name"),
        ("学籍号（必填）", "student_id"),
        ("准考证号", "candidate_no"),
        ("班别", "class"),
        ("单位", "school"),
        ("县（市、区）", "county"),
        ("数学", "maths"),
        ("数学（满分150分）", "maths"),
        ("数学原始分", "maths"),
        ("道德与法治", "politics"),
        ("数学名次", None),
        ("语文 班次", None),
        ("物理赋分", None),
        ("学生家长姓名", None),
        ("联系电话", None),
    ],
)
def test_titles(title: str, field: str | None) -> None:
    assert recognise(title) == field
