"""The question bank: what is read, and how wrong banks are refused."""

from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from engine.bank import SCHEMA, load_bank, unused
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
    assert bank.to_pylist() == [
        {
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
