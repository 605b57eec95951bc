"""yuejuan import: shown, listed, checked by the strict readers, and put into the exam with what was there kept."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest
from intake_files import ROSTER, exam_with_roster, xlsx

import stages
from engine.errors import InputError
from engine.exam import load_exam

SCORES = [["期中考试成绩表", None, None, None], ["考号", "姓名", "数学（100分）", "英语（100分）"]]
GOOD = [
    ["26010101", "王 芳", 88, "缺考"],
    ["26010102", "李强", 70.5, "违纪"],
    ["26010103", None, 60, 77],
    ["26010201", "王芳", 0, 50],
]
BAD = ["26010102", "李强", 700, 70]


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    return exam_with_roster(tmp_path / "exam")


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "out" not in path.relative_to(folder).parts
    }


def sheet(path: Path) -> list[list[object]]:
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(path).worksheets[0].iter_rows()]


def test_a_score_table_is_scored_and_reported(exam: Path, tmp_path: Path) -> None:
    done = stages.import_scores([xlsx(tmp_path / "a.xlsx", [*SCORES, *GOOD, [None, "平均分", 50, 60]])], exam)
    assert done.exceptions == 0 and done.figures["rows"] == {"read": 4, "left out": 1, "errors": 0, "warnings": 0}
    loaded = load_exam(exam)
    assert loaded.title == "期中考试" and [subject.max for subject in loaded.subjects] == [100, 100]
    scored = stages.score(exam)
    assert scored.figures["maths pupils"]["read"] == 4
    assert {name: scored.figures["english pupils"][name] for name in ("read", "absent", "missing", "violation")} == {
        "read": 3,
        "absent": 1,
        "missing": 0,
        "violation": 1,
    }
    assert scored.exceptions == 0
    stages.analyze(exam)


def test_a_preview_writes_lists_and_nothing_else(exam: Path, tmp_path: Path) -> None:
    before = files(exam)
    done = stages.import_scores([xlsx(tmp_path / "a.xlsx", [*SCORES, *GOOD, BAD])], exam, preview=True)
    assert files(exam) == before
    assert done.exceptions == 3  # 700 points, and two rows of 李强 in English
    told = "\n".join(done.notes)
    assert "表头在第 2 行" in told and "C 数学（100分）→数学成绩" in told and "700 分，超过满分 100" in told
    preview = sheet(exam / "out" / "import" / "preview-scores.xlsx")
    assert ["C", "数学（100分）", "数学成绩", "88、70.5、60"] in [row[:4] for row in preview]


def test_errors_stop_everything_unless_the_rest_is_accepted(exam: Path, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [*SCORES, GOOD[0], BAD, GOOD[2]])
    before = files(exam)
    with pytest.raises(InputError, match="nothing was written"):
        stages.import_scores([path], exam)
    assert files(exam) == before
    errors = exam / "out" / "import" / "errors-scores.xlsx"
    head, row = sheet(errors)[1:3]
    assert head[:8] == ["级别", "位置", "问题", "怎么改", "考号", "姓名", "数学（100分）", "英语（100分）"]
    assert row[:2] == ["错误", "Sheet1!C4"] and row[4:8] == ["26010102", "李强", "700", "70"] and row[3]
    cells = openpyxl.load_workbook(errors).worksheets[0][3]
    assert [cell.column_letter for cell in cells if cell.fill.fgColor.rgb == "FFF8B4B4"] == ["G"]

    done = stages.import_scores([path], exam, accept_rest=True)
    assert done.exceptions == 1 and done.listed == str(errors)
    assert (exam / "maths" / "marks.csv").read_text("utf-8-sig").count("\n") == 3


def test_what_was_there_is_kept_under_its_date(exam: Path, tmp_path: Path) -> None:
    stages.import_scores([xlsx(tmp_path / "a.xlsx", [*SCORES, *GOOD])], exam)
    before = files(exam)
    done = stages.import_scores([xlsx(tmp_path / "b.xlsx", [*SCORES, ["26010101", "王芳", 89, 90]])], exam)
    assert any("maths/marks.csv 原有 3 人不在这次的文件里" in note for note in done.notes)
    kept = {path: data for path, data in files(exam).items() if path not in before}
    assert before["maths/marks.csv"] in kept.values() and before["english/corrections.csv"] in kept.values()
    assert all(len(path.split(".")) == 3 for path in kept)
    load_exam(exam)


def test_an_old_workbook_makes_way(tmp_path: Path) -> None:
    exam = tmp_path / "exam"
    exam.mkdir()
    xlsx(exam / "roster.xlsx", ROSTER)
    stages.import_roster([xlsx(tmp_path / "new.xlsx", ROSTER[:3])], exam)
    assert sorted(path.suffix for path in exam.glob("roster*")) == [".csv", ".xlsx"]
    assert not (exam / "roster.xlsx").exists() and (exam / "roster.csv").read_text("utf-8-sig").count("\n") == 3


def test_the_strict_readers_have_the_last_word(exam: Path, tmp_path: Path) -> None:
    head = ["题号", "题型", "分值", "答案", "选项"]
    path = xlsx(tmp_path / "数学.xlsx", [head, [1, "单选", 3, "E", "ABCD"]])
    before = files(exam)
    with pytest.raises(InputError, match="does not fit the exam") as caught:
        stages.import_blueprint([path], exam)
    assert files(exam) == before and str(exam / "maths" / "blueprint.csv") in str(caught.value)


def test_formulas_stay_text(exam: Path, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["考号", "数学（100分）"], ["=cmd|'/c calc'!A1", 5], ["26010101", 60]])
    stages.import_scores([path], exam, accept_rest=True)
    book = openpyxl.load_workbook(exam / "out" / "import" / "errors-scores.xlsx")
    cells = [cell for row in book.worksheets[0].iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells) and any("=cmd" in str(cell.value) for cell in cells)


def test_the_command_line(exam: Path, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["考号", "数学"], ["26010101", 88], ["26010102", 101]])
    command = [sys.executable, "-c", "import cli; cli.app()", "import", "scores", str(path), "--into", str(exam)]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], capture_output=True, text=True, encoding="utf-8", timeout=300)

    unknown = run()
    assert unknown.returncode == 3 and "--full 数学" in unknown.stderr
    rest = run("--full", "数学=100", "--accept-rest")
    assert rest.returncode == 4 and "errors-scores.xlsx" in rest.stdout


def test_subjects_are_added_to_an_exam_toml_that_says_much(tmp_path: Path) -> None:
    exam = tmp_path / "exam"
    stages.new(exam)
    ids = ["L53010220130101001", "L53010220130101002"]
    rows = [["学籍号", "1(3分)", "2(3分)", "21(1)(14分)"], *([code, 3, 0, 7.5] for code in ids)]
    stages.import_marks([xlsx(tmp_path / "物理小题分.xlsx", rows)], exam)
    loaded = load_exam(exam)
    assert [(subject.code, subject.points_only) for subject in loaded.subjects] == [("maths", False), ("physics", True)]
    assert loaded.subjects[1].step == Fraction(1, 2) and loaded.lines.excellent == 0.85

    sheet = [["学籍号", *range(1, 8)], [ids[0], 3, 3, 0, 6, 2, 4, 9.5]]
    done = stages.import_marks([xlsx(tmp_path / "数学小题分.xlsx", sheet)], exam)
    assert load_exam(exam).subjects[0].points_only and any("第 8、9 题" in note for note in done.notes)
