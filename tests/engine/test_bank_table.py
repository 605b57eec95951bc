"""The question bank: what is read, and how wrong banks are refused."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from made_questions import banks

from engine.bank import SCHEMA, load_bank, save_bank, unused
from engine.bank.question import Question, from_cells
from engine.bank.table import FIGURES, TEXTS, questions_of, table_of
from engine.errors import InputError, InputErrors
from engine.exam import Item, Subject

HEADER = "question,subject,stem,knowledge,difficulty"


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "bank.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_reads_every_column(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        f"{HEADER},key,options,answer,solution,chapter,source_item\n"
        "Q1,maths,求 x,函数;几何,0.65,B,A 1;B 2,,代入,第一章,7\n"
        "Q2,maths,证明,集合,1,,,略,,,\n",
    )
    bank = load_bank(path)
    assert bank.schema == SCHEMA
    blank = dict.fromkeys(("type", "credit", "feedback", "exams"), "") | dict.fromkeys(FIGURES)
    assert bank.to_pylist() == [
        {
            **blank,
            "question": "Q1",
            "subject": "maths",
            "stem": "求 x",
            "knowledge": ["函数", "几何"],
            "difficulty": 0.65,
            "key": "B",
            "options": "A 1;B 2",
            "answer": "",
            "solution": "代入",
            "chapter": "第一章",
            "source_item": "7",
        },
        {
            **blank,
            **dict.fromkeys(("key", "options", "solution", "chapter", "source_item"), ""),
            "question": "Q2",
            "subject": "maths",
            "stem": "证明",
            "knowledge": ["集合"],
            "difficulty": 1.0,
            "answer": "略",
        },
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_chinese_headers_and_encodings(tmp_path: Path, encoding: str) -> None:
    bank = load_bank(written(tmp_path, "编号,科目,题干,知识点,难度\n１号,数学,求值,数列、极限,０．４\n", encoding))
    assert bank["knowledge"].to_pylist() == [["数列", "极限"]]
    assert bank["difficulty"].to_pylist() == [0.4]
    assert bank["answer"].to_pylist() == [""]


def test_xlsx_equals_csv(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    for row in (HEADER.split(","), ("Q1", "maths", "求 x", "函数", 0.65)):
        workbook.active.append(row)
    workbook.save(tmp_path / "bank.xlsx")
    assert load_bank(tmp_path / "bank.xlsx") == load_bank(written(tmp_path, f"{HEADER}\nQ1,maths,求 x,函数,0.65\n"))


def test_a_bank_without_questions_is_empty(tmp_path: Path) -> None:
    assert load_bank(written(tmp_path, f"{HEADER}\n")).equals(SCHEMA.empty_table())


@pytest.mark.parametrize(
    ("row", "column", "seen"),
    [
        ("Q2,maths,s,函数,1.2", "difficulty", "1.2"),
        ("Q2,maths,s,函数,-0.1", "difficulty", "-0.1"),
        ("Q2,maths,s,函数,nan", "difficulty", "nan"),
        ("Q2,maths,s,函数,65%", "difficulty", "65%"),
        ("Q2,maths,s,函数,易", "difficulty", "易"),
        ("Q2,maths,s,函数,", "difficulty", "blank"),
        ("Q2,maths,s,,0.5", "knowledge", "blank"),
        ("Q2,maths,s,函数;函数,0.5", "knowledge", "twice"),
        ("Q2,maths,,函数,0.5", "stem", "blank"),
        (",maths,s,函数,0.5", "question", "blank"),
        ("Q2,,s,函数,0.5", "subject", "blank"),
        ("Q1,maths,s,函数,0.5", "question", "row 2"),
    ],
)
def test_wrong_cells_are_named(tmp_path: Path, row: str, column: str, seen: str) -> None:
    path = written(tmp_path, f"{HEADER}\nQ1,maths,s,函数,0.5\n{row}\n")
    with pytest.raises(InputError) as caught:
        load_bank(path)
    assert (caught.value.file, caught.value.row, caught.value.column) == (path, 3, column)
    assert seen in caught.value.message
    assert caught.value.mend


def test_all_errors_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as caught:
        load_bank(written(tmp_path, f"{HEADER}\nQ1,maths,s,函数,2\nQ2,maths,,,0.5\n"))
    assert [(error.row, error.column) for error in caught.value.errors] == [
        (2, "difficulty"),
        (3, "stem"),
        (3, "knowledge"),
    ]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="difficulty"):
        load_bank(written(tmp_path, "question,subject,stem,knowledge\nQ1,maths,s,函数\n"))


def test_what_the_exam_does_not_know_is_named(tmp_path: Path) -> None:
    rows = "Q1,maths,x,函数,0.5\nQ2,数学,x,函数;几合,0.5\nQ3,数学,x,几合,0.5\nQ4,数学 ,x,几何,0.5\nQ5,math,x,几何,0.5\n"
    items = tuple(
        Item(item=str(i), type="single", max=Decimal(1), key="A", options="ABCD", knowledge=((name, 1.0),))
        for i, name in enumerate(("函数", "几何"))
    )
    subject = Subject(code="maths", name="数学", folder=tmp_path, items=items)
    found = unused(load_bank(written(tmp_path, f"{HEADER}\n{rows}")), [subject])
    assert found == ["knowledge point '几合' of '数学': 2 questions", "subject 'math': 1 questions"]


@settings(max_examples=15, deadline=None)
@given(banks)
def test_questions_come_back_as_they_were_kept(tmp_path_factory: pytest.TempPathFactory, bank: list[Question]) -> None:
    path = tmp_path_factory.getbasetemp() / "kept.csv"
    save_bank(table_of(bank), path)
    assert questions_of(load_bank(path, required=("question", "stem"))) == (bank, [])


def cells(**told: str) -> dict[str, str]:
    blank = dict.fromkeys(("question", "subject", "stem", "type", *TEXTS), "")
    return blank | {"question": "Q1", "stem": "x"} | told


@pytest.mark.parametrize(
    ("row", "kind", "answers"),
    [
        (cells(options="A. 20° B. 30° C. 45°", key="b"), "single", [("20°", 0), ("30°", 1), ("45°", 0)]),
        (cells(options="A 1;B 2", key="B"), "single", [("1", 0), ("2", 1)]),
        (cells(options="A．甲\nB．乙 C．丙\nC．丁", key="A|C"), "single", [("甲", 1), ("乙 C．丙", 0), ("丁", 1)]),
        (
            cells(options="A、甲 B、乙 C、丙", key="A、C"),
            "multiple",
            [("甲", Fraction(1, 2)), ("乙", -1), ("丙", Fraction(1, 2))],
        ),
        (cells(options="A.甲 B.乙", key="A", credit="B=1/4"), "single", [("甲", 1), ("乙", Fraction(1, 4))]),
        (cells(key="３．１４"), "number", [("３．１４", 1)]),
        (cells(key="3±0.1", credit="3±1=1/2"), "number", [("3", 1), ("3", Fraction(1, 2))]),
        (cells(key="x=3|x＝3"), "text", [("x=3", 1), ("x＝3", 1)]),
        (cells(answer="略"), "constructed", []),
        (cells(key="5", type="填空题"), "text", [("5", 1)]),
    ],
)
def test_what_people_write_in_cells(row: dict, kind: str, answers: list) -> None:
    told = from_cells(row)
    assert (told.type, [(one.text, one.share) for one in told.answers]) == (kind, answers)


@pytest.mark.parametrize(
    ("row", "column", "seen"),
    [
        (cells(options="20° 30°", key="A"), "options", "20°"),
        (cells(options="A. 1 B. 2", key="C"), "key", "C"),
        (cells(options="A. 1 B. 2", key="A", credit="B=3"), "credit", "B=3"),
        (cells(options="A. 1 B. 2", key="A", feedback="C. 不对"), "feedback", "C"),
        (cells(key="三", type="数值"), "key", "三"),
        (cells(key="3", type="抢答"), "type", "抢答"),
    ],
)
def test_cells_that_cannot_be_told(row: dict, column: str, seen: str) -> None:
    _, bad = questions_of(pa.Table.from_pylist([row], schema=SCHEMA))
    assert [(name, place) for name, place, _ in bad] == [("Q1", column)]
    assert seen in bad[0][2]
