"""engine.scaffold: the templates load as they stand, and nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bank import load_bank
from engine.errors import UsageError
from engine.exam import DiagnosisRule, Exam, Lines, RecommendRule, load_exam
from engine.files import read_records
from engine.scaffold import new_exam
from omr.spec import SheetSpec, load_spec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_exam(tmp_path / "exam")
    return tmp_path / "exam"


def test_the_templates_load_as_they_stand(folder: Path) -> None:
    exam = load_exam(folder)
    (subject,) = exam.subjects
    assert (subject.code, subject.name, len(subject.items)) == ("maths", "数学", 9)
    assert subject.max == 3 * 3 + 6 * 2 + 4 + 10 + 12  # of the two choice items one counts
    assert {item.type for item in subject.items} == {"single", "multiple", "number", "constructed"}
    assert exam.roster.num_rows == 3
    known = {name for item in subject.items for name, _ in item.knowledge}
    bank = load_bank(folder / "bank.csv")
    assert {name for names in bank["knowledge"].to_pylist() for name in names} <= known
    assert load_spec(folder / "maths" / "sheet.toml") == SheetSpec()
    assert (folder / "maths" / "scans").is_dir()


def test_the_template_shows_the_true_defaults_of_every_key(folder: Path) -> None:
    exam = load_exam(folder)
    assert (exam.lines, exam.diagnosis, exam.recommend) == (Lines(), DiagnosisRule(), RecommendRule())
    text = (folder / "exam.toml").read_text("utf-8")
    for model in (Exam, Lines, DiagnosisRule, RecommendRule):
        for key in set(model.model_fields) - {"folder", "roster"}:
            assert key in text
    sheet = (folder / "maths" / "sheet.toml").read_text("utf-8")
    for key in set(SheetSpec.model_fields) - {"notes"}:
        assert key in sheet


def test_tables_open_in_a_spreadsheet_with_their_text_intact(folder: Path) -> None:
    assert (folder / "roster.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_records(folder / "roster.csv").rows[2]["姓名"] == "示例·丙"


def test_files_that_exist_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("mine")
    with pytest.raises(UsageError) as caught:
        new_exam(tmp_path)
    assert "roster.csv" in str(caught.value) and "To mend:" in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["roster.csv"]
    assert (tmp_path / "roster.csv").read_text() == "mine"
