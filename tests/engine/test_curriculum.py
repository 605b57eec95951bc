"""The curriculum: what comes before what, what is taught when, and how wrong files are refused."""

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from papers import subject

from engine.curriculum import Curriculum, Point, load_curriculum
from engine.errors import InputError, InputErrors

CHAPTERS = """知识点,章节,前置知识点,授课日期,权重
集合,预备知识,,2026-09-07,
函数,第二章,集合,2026/9/21,2
单调性,函数,函数、集合,2026年10月12日,
导数,第三章,单调性|极限,2027-03-01,
极限,第三章,函数,,
数列,,,,
"""
EXAM_DAY = datetime.date(2026, 11, 10)


def written(folder: Path, text: str) -> Path:
    (folder / "knowledge.csv").write_text(text, "utf-8")
    return folder


@pytest.fixture
def curriculum(tmp_path: Path) -> Curriculum:
    return load_curriculum(written(tmp_path, CHAPTERS), ["单调性", "数列"])


def test_chapters_are_the_top_of_the_tree(curriculum: Curriculum) -> None:
    assert curriculum.chapter_of("单调性") == "第二章"
    assert curriculum.ancestors("单调性") == ("第二章", "函数")
    assert curriculum.chapter_of("数列") == ""
    assert curriculum.chapters == {
        "预备知识": ("集合",),
        "第二章": ("函数", "单调性"),
        "第三章": ("导数", "极限"),
        "": ("数列",),
    }
    assert [point.weight for point in curriculum.points] == [1, 2, 1, 1, 1, 1]


def test_prerequisites_come_in_the_order_to_learn_them(curriculum: Curriculum) -> None:
    assert curriculum.prerequisites("导数") == ("单调性", "极限")
    assert curriculum.prerequisites("导数", transitive=True) == ("集合", "函数", "单调性", "极限")
    assert curriculum.path_to("集合") == ("集合",)
    assert curriculum.order == ("集合", "函数", "单调性", "极限", "导数", "数列")


@pytest.mark.parametrize(
    ("day", "taught"),
    [
        ("2026-09-06", {"数列"}),  # no date, but examined
        ("2026-09-07", {"数列", "集合"}),
        ("2026-11-10", {"数列", "集合", "函数", "单调性"}),
        ("2027-03-01", {"数列", "集合", "函数", "单调性", "导数", "极限"}),  # 极限: no date, but 导数 needs it
    ],
)
def test_what_is_taught_by_a_day(curriculum: Curriculum, day: str, taught: set[str]) -> None:
    assert curriculum.taught_by(datetime.date.fromisoformat(day)) == taught


def test_without_a_file_all_that_is_examined_is_taught(tmp_path: Path) -> None:
    curriculum = load_curriculum(tmp_path, ["几何", "函数", "几何"])
    assert curriculum.order == ("几何", "函数")
    assert curriculum.taught_by(datetime.date.min) == {"几何", "函数"}
    assert curriculum.prerequisites("函数", transitive=True) == ()
    assert subject().curriculum == Curriculum.plain([])


@pytest.mark.parametrize(
    ("row", "column", "seen"),
    [
        (",第一章,,,", "知识点", "blank"),
        ("集合,第一章,,,", "知识点", "row 2"),
        ("映射,第一章,集和,,", "前置知识点", "集和"),
        ("映射,第一章,,九月,", "授课日期", "九月"),
        ("映射,第一章,,2026-02-30,", "授课日期", "2026-02-30"),
        ("映射,第一章,,,0", "权重", "'0'"),
        ("映射,第一章,,,inf", "权重", "inf"),
        ("映射,第一章,映射,,", "前置知识点", "映射 → 映射"),
    ],
)
def test_wrong_cells_are_named(tmp_path: Path, row: str, column: str, seen: str) -> None:
    with pytest.raises(InputError) as caught:
        load_curriculum(written(tmp_path, f"知识点,章节,前置知识点,授课日期,权重\n集合,第一章,,,\n{row}\n"), ["集合"])
    assert (caught.value.file, caught.value.row, caught.value.column) == (tmp_path / "knowledge.csv", 3, column)
    assert seen in caught.value.message
    assert caught.value.mend


def test_a_cycle_is_told_from_its_first_row(tmp_path: Path) -> None:
    text = "knowledge,prerequisites\n甲,\n乙,丁\n丙,乙\n丁,丙、甲\n"
    with pytest.raises(InputError, match="乙 → 丁 → 丙 → 乙") as caught:
        load_curriculum(written(tmp_path, text), [])
    assert (caught.value.row, caught.value.column) == (3, "prerequisites")


def test_parents_may_not_go_round(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="乙 → 丁 → 乙") as caught:
        load_curriculum(written(tmp_path, "knowledge,parent\n甲,乙\n乙,丁\n丁,乙\n"), [])
    assert (caught.value.row, caught.value.column) == (3, "parent")


def test_a_point_may_be_a_chapter(tmp_path: Path) -> None:
    curriculum = load_curriculum(written(tmp_path, "knowledge,parent\n写作,写作\n书信,写作\n听力,\n"), ["写作"])
    assert [curriculum.ancestors(name) for name in ("写作", "书信", "听力")] == [("写作",), ("写作",), ()]
    assert curriculum.chapters == {"写作": ("写作", "书信"), "": ("听力",)}


def test_points_of_the_blueprint_need_a_row(tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as caught:
        load_curriculum(written(tmp_path, "knowledge\n一次函数\n"), ["一次函效", "几何", "一次函数"])
    assert ["一次函效" in str(error) or "几何" in str(error) for error in caught.value.errors] == [True, True]
    assert "did you mean '一次函数'" in caught.value.errors[0].mend


def test_a_long_chain_of_prerequisites_is_followed_to_its_end() -> None:
    names = [f"p{i}" for i in range(3000)]
    points = [Point(name, prerequisites=tuple(names[i + 1 : i + 2])) for i, name in enumerate(names)]
    curriculum = Curriculum(tuple(points), frozenset({"p0"}))
    assert curriculum.path_to("p0") == tuple(reversed(names))
    assert curriculum.taught_by(EXAM_DAY) == set(names)


@given(st.data())
def test_the_order_puts_every_point_after_what_it_needs(data: st.DataObject) -> None:
    names = [f"p{i}" for i in range(data.draw(st.integers(1, 8)))]
    needs = [tuple(data.draw(st.sets(st.sampled_from(names[:i])))) if i else () for i in range(len(names))]
    points = data.draw(
        st.permutations([Point(name, prerequisites=need) for name, need in zip(names, needs, strict=True)])
    )
    curriculum = Curriculum(tuple(points), frozenset(names[:1]))
    assert sorted(curriculum.order) == sorted(names)
    place = {name: i for i, name in enumerate(curriculum.order)}
    for point in points:
        assert all(place[before] < place[point.name] for before in point.prerequisites)
        further = [curriculum.prerequisites(before, transitive=True) for before in point.prerequisites]
        behind = set(point.prerequisites).union(*further)
        assert set(curriculum.prerequisites(point.name, transitive=True)) == behind
