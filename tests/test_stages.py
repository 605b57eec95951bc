"""Stages refuse what would mix old numbers with new, and paper that could not be used."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import stages
from engine import tables
from engine.errors import InputError


@pytest.fixture
def exam(finished_exam: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "exam"
    shutil.copytree(finished_exam, folder)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8-sig")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8-sig" if path.suffix == ".csv" else "utf-8")


LATER: list[Callable[[Path], stages.Summary]] = [
    stages.analyze,
    stages.diagnose,
    stages.recommend,
    lambda folder: stages.report(folder, stages.Work()),
]


@pytest.mark.parametrize("stage", LATER)
def test_a_blueprint_changed_since_scoring_stops_the_later_stages(exam: Path, stage) -> None:
    edit(exam / "english" / "blueprint.csv", "single,2,", "single,3,")
    with pytest.raises(InputError, match="older than the exam"):
        stage(exam)


def test_scoring_alone_does_not_put_new_scores_beside_old_statistics(exam: Path) -> None:
    edit(exam / "english" / "blueprint.csv", "single,2,", "single,3,")
    stages.score(exam)
    with pytest.raises(InputError, match=r"items\.arrow: .*older"):
        stages.report(exam, stages.Work())
    for stage in LATER:
        stage(exam)


def test_other_rules_of_practice_need_no_new_scores(exam: Path) -> None:
    toml = exam / "exam.toml"
    toml.write_text(toml.read_text("utf-8") + "\n[recommend]\nper_pupil = 2\n", "utf-8")
    stages.recommend(exam)
    ranks = tables.read(exam / "out" / "tables" / "recommendations.arrow")["rank"].to_pylist()
    assert max(ranks) == 2


@pytest.mark.parametrize("name", ["exceptions", "accounts", "items", "mastery", "recommendations"])
def test_reports_are_not_made_without_a_table(exam: Path, name: str) -> None:
    (exam / "out" / "tables" / f"{name}.arrow").unlink()
    with pytest.raises(InputError, match="has not been made yet"):
        stages.report(exam, stages.Work())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("number_digits = 7", "number_digits = 0", "whose a sheet is"),
        ("number_digits = 7", "number_digits = 5", "can't be filled in"),
        ('forms = "AB"', 'forms = "ABC"', "forms.csv describes 'AB'"),
        ('forms = "AB"', 'forms = ""', "forms.csv describes 'AB'"),
        ("39 = 52", "39 = 150", "only the first would say"),
    ],
)
def test_sheets_that_could_not_be_used_are_not_printed(exam: Path, old: str, new: str, said: str) -> None:
    edit(exam / "english" / "sheet.toml", old, new)
    with pytest.raises(InputError, match=said) as caught:
        stages.sheets(exam)
    assert caught.value.file == exam / "english" / "sheet.toml"
    assert caught.value.mend


def test_a_key_wider_than_its_digit_grid_is_refused(tmp_path: Path) -> None:
    stages.new(tmp_path / "exam")
    edit(tmp_path / "exam" / "maths" / "blueprint.csv", "数值,4,3.5", "数值,4,31.25")
    with pytest.raises(InputError, match=r"31\.25"):
        stages.sheets(tmp_path / "exam")


def test_a_folder_that_cannot_be_written_is_named(exam: Path) -> None:
    shutil.rmtree(exam / "out" / "reports")
    (exam / "out" / "reports").write_text("a file where a folder should be")
    with pytest.raises(InputError, match="cannot be written") as caught:
        stages.report(exam, stages.Work())
    assert "reports" in str(caught.value.file)
