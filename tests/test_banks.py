"""`yuejuan bank`: banks from format to format, looked over, and calibrated by an exam."""

import json
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

import stages
from engine.bank import load_bank
from engine.errors import InputError, UsageError
from engine.exam import load_exam


def yuejuan(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import cli; cli.app()", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, encoding="utf-8")
    assert "Traceback" not in done.stderr
    return done


GIFT = "// [id:Q1] [tag:函数] [tag:难度:0.6]\n::Q1::1+1=? {=2 ~3}\n\n::Q2::配对 {=a -> 1}\n\n::Q3::证明 {}\n"


def test_convert_tells_what_was_left_out_and_what_is_to_be_filled_in(tmp_path: Path) -> None:
    (tmp_path / "in.gift").write_text(GIFT.replace("1+1=?", "1+1\\=?"), "utf-8")
    done = yuejuan("bank", "convert", tmp_path / "in.gift", tmp_path / "out.csv", "--subject", "maths", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["bank"] == {"questions": 2, "pictures": 0}
    assert told["notes"] == [
        "left out, pairs to match, which the bank has not: Q2",
        "1 questions without difficulty or knowledge points: fill them in to use them",
    ]
    bank = load_bank(tmp_path / "out.csv", required=("question", "stem"))
    assert bank.select(["question", "subject", "stem", "key", "difficulty"]).to_pylist() == [
        {"question": "Q1", "subject": "maths", "stem": "1+1=?", "key": "A", "difficulty": 0.6},
        {"question": "Q3", "subject": "maths", "stem": "证明", "key": "", "difficulty": None},
    ]
    with pytest.raises(UsageError, match="exists already"):
        stages.convert_bank(tmp_path / "in.gift", tmp_path / "out.csv")
    with pytest.raises(InputError, match="cannot be read"):
        stages.convert_bank(tmp_path / "none.gift", tmp_path / "new.csv")
    assert yuejuan("bank", "convert", tmp_path / "in.gift", tmp_path / "out.doc").returncode == 2


def test_convert_writes_workbooks(tmp_path: Path) -> None:
    (tmp_path / "in.gift").write_text(GIFT, "utf-8")
    stages.convert_bank(tmp_path / "in.gift", tmp_path / "out.xlsx", subject="maths")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").active
    assert [cell.value for cell in sheet[1]][:4] == ["question", "subject", "stem", "knowledge"]
    stages.convert_bank(tmp_path / "out.xlsx", tmp_path / "again.gift")
    assert "[id:Q1] [tag:函数] [tag:科目:maths] [tag:难度:0.6]" in (tmp_path / "again.gift").read_text("utf-8")


BANK = """question,subject,stem,knowledge,difficulty,options,key,solution
Q1,maths,求 x+1=3 的解,函数,0.5,A. 1 B. 2,B,移项
Q2,maths,求 x+1=5 的解,函数,0.5,A. 1 B. 4,B,移项
Q3,maths,全等三角形的判定,几和,0.5,,,略
Q4,art,画一棵树,素描,0.5,A. 1 B. 2,,
"""


def test_check_finds_what_a_person_should_look_at(tmp_path: Path, scanned_exam: Path) -> None:
    (tmp_path / "bank.csv").write_text(BANK, "utf-8")
    summary = stages.check_bank(tmp_path / "bank.csv", output=tmp_path / "found.csv")
    assert summary.figures["findings"] == {"missing": 3, "variant": 1}
    assert summary.notes == [
        "missing: Q3 没有答案",
        "missing: Q4 没有解析",
        "missing: Q4 没有答案",
        "variant: Q2 与 Q1 只有数字不同，是变式题",
    ]
    assert (tmp_path / "found.csv").read_text("utf-8-sig").splitlines()[1] == "Q3,missing,没有答案"
    summary = stages.check_bank(tmp_path / "bank.csv", scanned_exam)
    assert "unknown: Q3 数学没有知识点「几和」" in summary.notes
    assert "unknown: Q4 考试没有科目「art」" in summary.notes


def test_the_bank_of_an_exam_is_checked_by_that_exam(scanned_exam: Path) -> None:
    summary = stages.check_bank(scanned_exam / "bank.csv")
    assert summary.figures["findings"]["not taught"] == 8
    assert any("知识点「导数」2026-12-07 才教" in note for note in summary.notes)
    assert any(note.startswith("variant: ") and note.endswith(" more") for note in summary.notes)


def test_calibrate_writes_a_new_bank_and_keeps_the_old_one(finished_exam: Path, tmp_path: Path) -> None:
    before = (finished_exam / "bank.csv").read_bytes()
    summary = stages.calibrate_bank(finished_exam, tmp_path / "new.csv")
    exam = load_exam(finished_exam)
    used = {item.question for subject in exam.subjects for item in subject.items if item.question}
    assert summary.figures["bank"]["calibrated"] == len(used)
    old, new = (load_bank(path).to_pylist() for path in (finished_exam / "bank.csv", tmp_path / "new.csv"))
    for was, now in zip(old, new, strict=True):
        assert (now["pupils"] is not None) == (now["question"] in used)
        assert now["question"] in used or now == was
        assert now["exams"] == (exam.id if now["question"] in used else "")
    assert (finished_exam / "bank.csv").read_bytes() == before
    with pytest.raises(UsageError, match="exists already"):
        stages.calibrate_bank(finished_exam, tmp_path / "new.csv")


def test_calibrate_needs_scores(scanned_exam: Path) -> None:
    with pytest.raises(InputError):
        stages.calibrate_bank(scanned_exam)
