"""The whole job on a small made-up exam: scans in, reports out, and everything agrees with the truth."""

import shutil
from fractions import Fraction
from pathlib import Path

import pyarrow.compute as pc
import pytest

import demo
import stages
from engine import match, tables
from engine.errors import UsageError
from engine.exam import Item, load_exam


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, stages.Summary]:
    """The demo of two classes' worth of pupils, with its mishaps."""
    folder = tmp_path_factory.mktemp("demo") / "exam"
    return folder, stages.demo(folder, stages.Work(workers=2), pupils=3)


def test_what_is_read_is_right_or_flagged_and_scores_are_the_truth(outcome: tuple[Path, stages.Summary]) -> None:
    compared = demo.compare(load_exam(outcome[0]))
    assert compared.silent == 0
    assert compared.wrong_scores == 0
    assert compared.right + compared.flagged + compared.unread == compared.fields
    assert compared.right > 0.98 * (compared.fields - compared.unread)
    assert compared.clean > 0.6 * compared.pupils


def test_the_accounts_balance_and_show_the_mishaps(outcome: tuple[Path, stages.Summary]) -> None:
    accounts = tables.read(outcome[0] / "out" / "tables" / "accounts.arrow")
    assert match.balance(accounts) == []
    reasons = tables.read(outcome[0] / "out" / "tables" / "exceptions.arrow")["reason"].to_pylist()
    assert "truncated" in reasons
    pages = tables.read(outcome[0] / "out" / "tables" / "pages.arrow")
    scans = [path for path in outcome[0].glob("*/scans/*.jpg")]
    assert pages.num_rows == len(scans)


# Tables of `track`, which takes several exams.
OF_SEVERAL_EXAMS = {"growth", "growth_models", "growth_years", "growth_pupils", "linkage", "trend"}
# Tables that rest on more pupils than three a class, or on figures of schools, which the demo has not.
NEED_MORE = set(
    "dif profiles models attributes diagnostic_items q_matrix lecture lecture_options lecture_questions "
    "research_schools research_options misconceptions atypical indicators".split()
)


def test_every_stage_left_its_tables(outcome: tuple[Path, stages.Summary]) -> None:
    folder = outcome[0] / "out" / "tables"
    for name in tables.SCHEMAS.keys() - OF_SEVERAL_EXAMS:
        table = tables.read(folder / f"{name}.arrow")
        assert table.schema.equals(tables.SCHEMAS[name]), name
        assert table.num_rows > 0 or name in NEED_MORE, name


def test_every_pupil_with_a_score_gets_practice_and_everybody_a_page(outcome: tuple[Path, stages.Summary]) -> None:
    exam = load_exam(outcome[0])
    practice = tables.read(exam.tables / "recommendations.arrow")
    for subject in exam.subjects:
        scores = tables.read(exam.tables / f"scores.{subject.code}.arrow")
        scored = set(scores.filter(pc.is_valid(scores["total"]))["student_id"].to_pylist())
        got = set(practice.filter(pc.equal(practice["subject"], subject.code))["student_id"].to_pylist())
        assert got == scored
    assert len(list((exam.reports / "pupils").glob("*.html"))) == exam.roster.num_rows


def test_a_correction_settles_a_doubt_without_reading_again(outcome: tuple[Path, stages.Summary]) -> None:
    folder = outcome[0]
    path = folder / "out" / "tables" / "exceptions.arrow"
    doubt = next(row for row in tables.read(path).to_pylist() if row["kind"] == "field" and row["field"].isdigit())
    reading = {file: file.stat().st_mtime_ns for file in (folder / "out" / "read").rglob("*.arrow")}
    corrections = folder / doubt["subject"] / "corrections.csv"
    corrections.write_text(f"file,page,field,value\n{doubt['file']},{doubt['page']},{doubt['field']},A\n", "utf-8")
    stages.score(folder)

    def is_that(row: dict) -> bool:
        return all(row[name] == doubt[name] for name in ("subject", "file", "page", "field"))

    assert not any(is_that(row) for row in tables.read(path).to_pylist())
    corrected = [row for row in tables.read(folder / "out" / "tables" / "marks.arrow").to_pylist() if is_that(row)]
    assert [row["value"] for row in corrected] == ["A"]
    assert {file: file.stat().st_mtime_ns for file in reading} == reading
    corrections.unlink()
    stages.score(folder)


def test_the_demo_leaves_a_folder_of_others_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        stages.demo(tmp_path, stages.Work())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_printed_layout_is_not_replaced_silently(scanned_exam: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exam"
    shutil.copytree(scanned_exam, folder)
    stages.sheets(folder)  # the same again is fine
    sheet = folder / "english" / "sheet.toml"
    sheet.write_text(sheet.read_text("utf-8").replace("number_digits = 7", "number_digits = 8"), "utf-8")
    before = (folder / "english" / "layout.json").read_bytes()
    with pytest.raises(UsageError, match="changed since"):
        stages.sheets(folder)
    assert (folder / "english" / "layout.json").read_bytes() == before
    stages.sheets(folder, force=True)
    assert (folder / "english" / "layout.json").read_bytes() != before


@pytest.mark.parametrize(
    ("rule", "answer", "points"),
    [
        ("", "AB", "6"),
        ("", "A", "0"),
        ("perkey", "A", "3"),
        ("perkey", "AC", "0"),
        ("flat:2", "B", "2"),
        ("flat:2", "", "0"),
    ],
)
def test_the_plain_marking_of_the_demo(rule: str, answer: str, points: str) -> None:
    item = Item(item="1", type="multiple", max=Fraction(6), key="AB", options="ABCD", rule=rule)
    assert demo.plain_points(item, answer) == Fraction(points)
