"""engine.exam, engine.roster, engine.blueprint: a right folder loads; a wrong one is told what, where and the mend."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.blueprint import parse_knowledge
from engine.errors import InputError, InputErrors
from engine.exam import load_exam
from engine.roster import Pupils, read_number

TOML = """\
id = "mid"
title = "期中"
date = 2026-11-10

[[subjects]]
code = "maths"
name = "数学"
step = 0.5
"""
ROSTER = "student_id,name,class,school\nG1,甲,1班,一中\nG2,乙,1班,一中\n"
BLUEPRINT = "item,type,max,key\n1,single,2,B\n2,constructed,10,\n"


def make(folder: Path, *, toml: str = TOML, roster: str = ROSTER, blueprint: str = BLUEPRINT) -> Path:
    (folder / "maths").mkdir(exist_ok=True)
    (folder / "exam.toml").write_text(toml, encoding="utf-8")
    (folder / "roster.csv").write_text(roster, encoding="utf-8")
    (folder / "maths" / "blueprint.csv").write_text(blueprint, encoding="utf-8")
    return folder


def fails(folder: Path, file: str, row: int | None, column: str, *says: str) -> str:
    """Load the folder and check the one error: its file, row, column and words."""
    with pytest.raises(InputError) as caught:
        load_exam(folder)
    error = caught.value
    text = str(error)
    assert not isinstance(error, InputErrors), text
    assert Path(error.file or "") == folder / file
    assert (error.row, error.column) == (row, column or None)
    assert error.mend and error.exit_code == 3
    for words in says:
        assert words in text
    return text


def test_a_small_exam(tmp_path: Path) -> None:
    exam = load_exam(make(tmp_path))
    assert (exam.id, exam.date, exam.stage) == ("mid", datetime.date(2026, 11, 10), "junior")
    (subject,) = exam.subjects
    assert (subject.folder, subject.step, subject.max) == (tmp_path / "maths", Decimal("0.5"), Decimal(12))
    assert subject.items[0].options == "ABCD" and subject.items[1].options == ""
    assert exam.roster.column_names == ["student_id", "name", "class", "school", "county", "candidate_no"]
    assert exam.roster.to_pylist()[1] == {
        "student_id": "G2",
        "name": "乙",
        "class": "1班",
        "school": "一中",
        "county": "",
        "candidate_no": "G2",
    }


def test_points_may_be_fractions_that_no_decimal_is(tmp_path: Path) -> None:
    make(tmp_path, toml=TOML.replace("step = 0.5", 'step = "1/3"'))
    (tmp_path / "maths" / "blueprint.csv").write_text("item,type,max,key,rule\n1,single,2/3,B,table:else=-1/3\n")
    (subject,) = load_exam(tmp_path).subjects
    assert (subject.step, subject.max) == (Fraction(1, 3), Fraction(2, 3))


# ---- exam.toml


def test_no_exam_toml(tmp_path: Path) -> None:
    fails(tmp_path, "exam.toml", None, "", "yuejuan new DIR")


def test_toml_syntax_error_names_the_line(tmp_path: Path) -> None:
    make(tmp_path, toml=TOML.replace('"期中"', "期中"))
    fails(tmp_path, "exam.toml", 2, "", "not valid TOML")


def test_toml_in_gbk_is_read(tmp_path: Path) -> None:
    (make(tmp_path) / "exam.toml").write_bytes(TOML.encode("gb18030"))
    assert load_exam(tmp_path).title == "期中"


@pytest.mark.parametrize(
    ("old", "new", "row", "column", "says"),
    [
        ("step = 0.5", "stpe = 0.5", 8, "subjects[1].stpe", "did you mean 'step'?"),
        ("step = 0.5", 'step = "1/0"', 8, "subjects[1].step", "found '1/0'"),
        ("step = 0.5", "step = inf", 8, "subjects[1].step", "valid fraction"),
        ("step = 0.5", "step = 0", 8, "subjects[1].step", "found '0'"),
        ("step = 0.5", 'floor = "zero"', 8, "subjects[1].floor", "found 'zero'"),
        ("step = 0.5", "zzz = 1", 8, "subjects[1].zzz", "keys understood here"),
        ('title = "期中"', 'titel = "x"\ntitle = "期中"', 2, "titel", "did you mean 'title'?"),
        ('title = "期中"\n', "", None, "title", "add title"),
        ("step = 0.5", "[lines]\nexcelent = 0.9", 9, "lines.excelent", "did you mean 'excellent'?"),
        ("step = 0.5", "[lines]\nexcellent = 85", 9, "lines.excellent", "found '85'"),
        ("step = 0.5", "[lines]\nexcellent = 0.7", None, "lines.good", "low ≤ passing ≤ good ≤ excellent"),
        ("step = 0.5", "[lines]\nlow = 0.65", 9, "lines.low", "low above passing"),
        ("step = 0.5", "[recommend]\nper_pupil = 51", 9, "recommend.per_pupil", "less than or equal to 50"),
        ("step = 0.5", '[subjects.choose."甲"]\nk = 0', 9, "subjects[1].choose.甲.k", "found '0'"),
        ("step = 0.5", '[subjects.choose."甲"]\npolcy = 0', 9, "subjects[1].choose.甲.polcy", "did you mean 'policy'?"),
        ('code = "maths"', 'code = "../maths"', None, "subjects.code", "part of a file name"),
        ('id = "mid"', 'id = "mid/1"', 1, "id", "part of a file name"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, row: int | None, column: str, says: str
) -> None:
    fails(make(tmp_path, toml=TOML.replace(old, new)), "exam.toml", row, column, says)


def test_no_subjects(tmp_path: Path) -> None:
    fails(make(tmp_path, toml=TOML[: TOML.index("[[")]), "exam.toml", None, "subjects", "[[subjects]]")


def test_two_subjects_with_one_code(tmp_path: Path) -> None:
    make(tmp_path, toml=TOML + '[[subjects]]\ncode = "maths"\nname = "again"\n')
    fails(tmp_path, "exam.toml", None, "subjects.code", "'maths'")


# ---- roster


def test_a_chinese_roster_in_a_workbook(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "roster.csv").unlink()
    book = openpyxl.Workbook()
    book.active.append(["期中考试考生名单"])
    book.active.append(["姓名", "学籍号", "县区", "班级", "学校", "准考证号", "考场", "座位号", "民族"])
    book.active.append(
        ["阿依古丽", "Ｇ53010220100101123X", "五华区", "初二1班", "一中", 26010101, "01", "02", "维吾尔族"]
    )
    book.save(tmp_path / "roster.xlsx")
    assert load_exam(tmp_path).roster.to_pylist() == [
        {
            "student_id": "G53010220100101123X",
            "name": "阿依古丽",
            "class": "初二1班",
            "school": "一中",
            "county": "五华区",
            "candidate_no": "26010101",
            "room": "01",
            "seat": "02",
            "民族": "维吾尔族",
        }
    ]


@pytest.mark.parametrize(
    ("roster", "row", "column", "says"),
    [
        (ROSTER + "G1,丙,1班,一中\n", 4, "student_id", "row 2"),
        (ROSTER + "G3,,1班,一中\n", 4, "name", "empty"),
        (ROSTER + ",丙,1班,一中\n", 4, "student_id", "empty"),
        (ROSTER + "../G3,丙,1班,一中\n", 4, "student_id", "path separator"),
        (ROSTER + "G\\3,丙,1班,一中\n", 4, "student_id", "path separator"),
        (ROSTER + "G3,丙,1/2班,一中\n", 4, "class", "path separator"),
        (ROSTER + "1.2E+17,丙,1班,一中\n", 4, "student_id", "spreadsheet"),
        ("学籍号,姓名,班级,学校\nG1,甲,1班,一中\nG1,乙,1班,一中\n", 3, "学籍号", "row 2"),
        ("student_id,name,class,school,考号\nG1,甲,1班,一中,7\nG2,乙,1班,一中,７\n", 3, "考号", "row 2"),
        ("student_id,name,class,school,考号\nG1,甲,1班,一中,G2\nG2,乙,1班,一中,8\n", 2, "考号", "row 3"),
        (ROSTER.splitlines()[0] + "\n", None, "", "no pupils"),
        ("student_id,name,class\nG1,甲,1班\n", 1, "school", "student_id, name, class"),
    ],
)
def test_a_wrong_roster(tmp_path: Path, roster: str, row: int | None, column: str, says: str) -> None:
    fails(make(tmp_path, roster=roster), "roster.csv", row, column, says)


def test_no_roster(tmp_path: Path) -> None:
    (make(tmp_path) / "roster.csv").unlink()
    fails(tmp_path, "roster.csv", None, "", "roster.csv or roster.xlsx")


def test_a_pupil_without_candidate_number_keeps_the_student_id(tmp_path: Path) -> None:
    make(tmp_path, roster="student_id,name,class,school,candidate_no\nG1,甲,1班,一中,7\nG2,乙,1班,一中,\n")
    assert load_exam(tmp_path).roster["candidate_no"].to_pylist() == ["7", "G2"]


# ---- blueprint


def test_a_chinese_blueprint(tmp_path: Path) -> None:
    choose = '[subjects.choose."选做"]\nk = 1\n'
    blueprint = (
        "题号,题型,分值,答案,评分规则,选项,知识点,能力层次,大题,选做组,预估难度\n"
        "1,单选题,2,ｂ,,,阅读：细节理解,理解,一,,0.85\n"
        '２,多选,6,"A、C",perkey,A-B,函数：0.7；几何:0.3,运用,二,,\n'
        "3,数值,4,3.5|7,numeric:tol=0.01,,函数;几何,,,,0\n"
        "4(1),解答,12,,,,几何,,三,选做,1\n"
        "4(2),主观,12,,,,,,三,选做,\n"
    ).replace("A-B", "5")
    exam = load_exam(make(tmp_path, toml=TOML + choose, blueprint=blueprint))
    one, two, three, four, five = exam.subjects[0].items
    assert (one.type, one.key, one.options, one.max, one.expected) == ("single", "B", "ABCD", Decimal(2), 0.85)
    assert one.knowledge == (("阅读：细节理解", 1.0),)
    assert (two.item, two.type, two.key, two.options, two.rule) == ("2", "multiple", "AC", "ABCDE", "perkey")
    assert two.knowledge == (("函数", 0.7), ("几何", 0.3))
    assert (three.type, three.key, three.knowledge) == ("number", "3.5|7", (("函数", 0.5), ("几何", 0.5)))
    assert (four.item, four.group, four.section, four.expected) == ("4(1)", "选做", "三", 1.0)
    assert (five.type, five.knowledge, five.expected) == ("constructed", (), None)
    assert exam.subjects[0].max == 2 + 6 + 4 + 12


@pytest.mark.parametrize(
    ("lines", "row", "column", "says"),
    [
        (["1,single,2,B", "1,single,2,C"], 3, "item", "stands twice"),
        (["1,single,2,B", ",single,2,C"], 3, "item", "can't name an item"),
        (["total,single,2,B"], 2, "item", "can't name an item"),
        (["1,singel,2,B"], 2, "type", "did you mean 'single'?"),
        (["1,single,two,B"], 2, "max", "'two'"),
        (["1,single,0,B"], 2, "max", "above 0"),
        (["1,single,NaN,B"], 2, "max", "'NaN'"),
        (["1,single,0.7,B"], 2, "max", "multiple of the subject's step 0.5"),
        (["1,single,2,E"], 2, "key", "outside the options ABCD"),
        (["1,single,2,"], 2, "key", "empty key"),
        (["1,multiple,6,AB,flat:9"], 2, "rule", "more than"),
        (["1,multiple,6,AB,halves"], 2, "rule", "halves"),
        (["1,single,2,B,,函数:0.7;几何"], 2, "knowledge", "some of the knowledge points only"),
        (["1,single,2,B,,函数:0"], 2, "knowledge", "above 0"),
        (["1,single,2,B,,,1.2"], 2, "expected", "between 0 and 1"),
        (["1,single,2,B,,,65%"], 2, "expected", "'65%'"),
        (["1,single,2,B,,,,选做"], 2, "group", '[subjects.choose."选做"]'),
        ([], None, "", "no items"),
    ],
)
def test_a_wrong_blueprint(tmp_path: Path, lines: list[str], row: int | None, column: str, says: str) -> None:
    header = "item,type,max,key,rule,knowledge,expected,group"
    make(tmp_path, blueprint="\n".join([header, *lines]) + "\n")
    fails(tmp_path, "maths/blueprint.csv", row, column, says)


def test_what_wrong_answers_show(tmp_path: Path) -> None:
    blueprint = (
        "题号,题型,分值,答案,典型错因\n1,单选,2,B,a：符号错误；C:定义域: 混淆\n2,数值,2,5,-5:符号错误\n3,单选,2,B,\n"
    )
    one, two, three = load_exam(make(tmp_path, blueprint=blueprint)).subjects[0].items
    assert one.misconceptions == (("A", "符号错误"), ("C", "定义域: 混淆"))
    assert two.misconceptions == (("-5", "符号错误"),) and three.misconceptions == ()


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("A", "expected an answer"),
        ("A:甲;A:乙", "named twice"),
        ("E:甲", "not among the options"),
        ("B:甲", "is right"),
    ],
)
def test_misconceptions_that_can_not_be(tmp_path: Path, cell: str, says: str) -> None:
    blueprint = f"item,type,max,key,misconceptions\n1,single,2,B,{cell}\n"
    fails(make(tmp_path, blueprint=blueprint), "maths/blueprint.csv", 2, "misconceptions", says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("ABCDEFGHI", "9 options ABCDEFGHI, a sheet has 8 at most"),
        ("9", "9 options, expected 2 to 8"),
        ("12", "12 options"),
        ("ABCA", "option A stands twice"),
        ("A-D", "expected letters"),
    ],
)
def test_options_that_no_sheet_can_have(tmp_path: Path, options: str, says: str) -> None:
    make(tmp_path, blueprint=f"item,type,max,key,options\n1,single,2,A,{options}\n2,number,2,12,{options}\n")
    fails(tmp_path, "maths/blueprint.csv", 2, "options", says)


def test_errors_name_the_header_as_it_stands_in_the_file(tmp_path: Path) -> None:
    make(tmp_path, blueprint="题号,题型,满分,答案\n1,单选,2,E\n")
    fails(tmp_path, "maths/blueprint.csv", 2, "答案", "'E'")


@pytest.mark.parametrize(
    ("keys", "group", "row", "says"),
    [
        ('[subjects.choose."乙"]', "", None, "which no item belongs to"),
        ('[subjects.choose."甲"]\nk = 3', "甲", 2, "k = 3"),
        ('[subjects.choose."甲组"]', "甲", 2, "is not in exam.toml"),
    ],
)
def test_groups_that_do_not_fit(tmp_path: Path, keys: str, group: str, row: int | None, says: str) -> None:
    blueprint = f"item,type,max,group\n1,constructed,2,{group}\n2,constructed,2,{group}\n"
    make(tmp_path, toml=f"{TOML}{keys}\n", blueprint=blueprint)
    with pytest.raises(InputError) as caught:
        load_exam(tmp_path)
    text = str(caught.value)
    assert says in text and "blueprint.csv" in text and "'group'" in text and "To mend:" in text
    assert row is None or f"row {row}" in text


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    make(tmp_path, roster=ROSTER + "G1,丙,,一中\n", blueprint=BLUEPRINT + "3,single,2,E\n4,odd,1,\n")
    with pytest.raises(InputErrors) as caught:
        load_exam(tmp_path)
    assert sorted((Path(error.file or "").name, error.row, error.column) for error in caught.value.errors) == [
        ("blueprint.csv", 4, "key"),
        ("blueprint.csv", 5, "type"),
        ("roster.csv", 4, "class"),
        ("roster.csv", 4, "student_id"),
    ]


names = st.text(st.characters(categories=["L"]), min_size=1, max_size=5)


@given(st.dictionaries(names, st.integers(1, 99), min_size=1, max_size=5), st.sampled_from(";；、"))
def test_weights_add_up_to_one_in_their_proportion(weights: dict[str, int], separator: str) -> None:
    parsed = dict(parse_knowledge(separator.join(f"{name}:{weight}" for name, weight in weights.items())))
    assert sum(parsed.values()) == pytest.approx(1)
    assert parsed == pytest.approx({name: weight / sum(weights.values()) for name, weight in weights.items()})


# ---- finding pupils


def test_positional_numbers() -> None:
    assert read_number("20_1[37]") == ("2", "0", "", "1", "37")
    assert read_number("") == ()


@given(st.lists(st.text("0123456789", min_size=4, max_size=4), min_size=1, max_size=30, unique=True), st.data())
def test_nearest_pupils_are_those_with_the_fewest_differing_places(numbers: list[str], data: st.DataObject) -> None:
    ids = [f"G{i}" for i in range(len(numbers))]
    pupils = Pupils(pa.table({"student_id": ids, "candidate_no": numbers, "name": ids}))
    places = data.draw(st.tuples(*[st.sampled_from(["", "1", "37", "9", "05"])] * 4))
    wrong = data.draw(st.integers(0, 2))
    misses = [sum(bool(p) and d not in p for p, d in zip(places, number, strict=True)) for number in numbers]
    best = [i for i, m in enumerate(misses) if m == min(misses)] if min(misses) <= wrong else []
    assert pupils.nearest(places, wrong=wrong) == (best, min(misses) if best else 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[score_lines]]\nname = "本科"', "a line has a score or a count"),
        ('[[score_lines]]\nname = "本科"\ncount = 3\nscore = 4', "a line has a score or a count"),
        ('[[score_lines]]\nname = "本科"\ncount = 3\nsubjct = "maths"', "did you mean 'subject'?"),
        ('[[score_lines]]\nname = "本科"\ncount = 3\nsubject = "art"', "no subject has the code 'art'"),
        ('[grades]\nnames = ["A", "B"]\nshares = [0.5, 0.4]', "shares add up to 0.9"),
        ('[grades]\nnames = ["A", "B"]\nshares = [1.0]', "as many shares"),
        ('[grades]\nnames = ["A", "B", "C"]\ncuts = [0.5, 0.6]', "cuts go down"),
        ('[grades]\nnames = ["A", "B"]\ncuts = [0.5]\nshares = [0.5, 0.5]', "not both"),
        ('[total]\nsubjects = ["art"]', "no subject has the code 'art'"),
        ('[scale]\ncategory = "类别"', "the roster has no such column"),
        ('choices = "选科"', "the roster has no such column"),
        ("[policy]\nmin_cell = 0", "greater than or equal to 1"),
    ],
)
def test_scales_that_make_no_sense(tmp_path: Path, text: str, said: str) -> None:
    top = text.startswith("choices")  # a key of the exam itself stands before the tables
    toml = TOML.replace("\n[[subjects]]", f"{text}\n\n[[subjects]]") if top else f"{TOML}\n{text}"
    with pytest.raises(InputError) as caught:
        load_exam(make(tmp_path, toml=toml))
    assert said in str(caught.value)


def test_the_code_of_the_composite_is_taken(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="总分"):
        load_exam(make(tmp_path, toml=TOML.replace('"maths"', '"total"')))
