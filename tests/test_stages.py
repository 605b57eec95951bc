"""Stages refuse what would mix old numbers with new, and paper that could not be used."""

import re
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
    stages.equity,
    stages.scale,
    stages.diagnose,
    stages.recommend,
    stages.lecture,
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


def exceptions_of(exam: Path) -> list[dict]:
    return tables.read(exam / "out" / "tables" / "exceptions.arrow").to_pylist()


def test_matching_again_needs_no_scans_and_keeps_the_pictures(exam: Path) -> None:
    before = exceptions_of(exam)
    responses = {path.name: path.read_bytes() for path in (exam / "out/tables").glob("responses.*")}
    assert {row["kind"] for row in before if row["crop"]} >= {"field", "pupil"}
    for row in before:
        assert not row["crop"] or (exam / "out" / row["crop"]).stat().st_size <= 30_000
        assert row["crop"] or row["kind"] == "page" or row["reason"] in ("no_sheet", "mark_missing")
    for code in ("maths", "english"):
        shutil.rmtree(exam / code / "scans")
    stages.score(exam)
    assert exceptions_of(exam) == before
    assert all((exam / "out" / row["crop"]).exists() for row in before if row["crop"])
    assert responses == {path.name: path.read_bytes() for path in (exam / "out/tables").glob("responses.*")}


def test_the_template_of_corrections_settles_what_is_filled_in(exam: Path) -> None:
    """Copied as it is it changes nothing; a decision made in it is carried out, and leaves the template."""
    before = exceptions_of(exam)
    doubt = next(row for row in before if row["kind"] == "field" and row["field"].isdigit())
    todo = exam / "out" / f"corrections-todo.{doubt['subject']}.csv"
    corrections = exam / doubt["subject"] / "corrections.csv"
    text, cells = todo.read_text("utf-8-sig"), f"{doubt['file']},1,{doubt['field']},{doubt['student_id']}"
    shutil.copy(todo, corrections)
    stages.score(exam)
    assert exceptions_of(exam) == before and todo.read_text("utf-8-sig") == text
    edit(corrections, f"{cells},?,", f"{cells},A,")
    stages.score(exam)
    assert exceptions_of(exam) == [row for row in before if row != doubt]
    assert cells in text and cells not in todo.read_text("utf-8-sig")


def test_rooms_are_told(exam: Path) -> None:
    rooms = tables.read(exam / "out" / "tables" / "rooms.arrow").to_pylist()
    gaps = [row for row in rooms if row["missing"]]
    assert gaps and all(row["gaps"].count("seat ") == row["missing"] for row in gaps)
    figures = stages.score(exam).figures
    for code in ("maths", "english"):
        told = figures[f"{code} rooms"]
        assert told["complete"] + told["with gaps"] == len([row for row in rooms if row["subject"] == code])
    assert (exam / "out" / "rooms.csv").read_text("utf-8-sig").startswith("subject,room,registered,read,absent,")
    text = (exam / "out" / "reports" / "exceptions.html").read_text("utf-8")
    crops = [row["crop"] for row in exceptions_of(exam) if row["crop"]]
    assert f'src="../{crops[0]}"' in text


def test_a_sheet_of_another_subject_is_named(exam: Path) -> None:
    misfiled = min((exam / "english" / "scans").rglob("*.jpg"))
    shutil.copy(misfiled, exam / "maths" / "scans" / "zz.jpg")
    stages.read(exam, stages.Work())
    (row,) = [row for row in exceptions_of(exam) if row["file"] == "zz.jpg"]
    assert (row["kind"], row["reason"]) == ("page", "wrong_sheet")
    assert row["detail"].startswith("a sheet of english: ") and row["crop"]


def test_bare_scans_have_their_pictures(exam: Path, tmp_path: Path) -> None:
    scans, out = exam / "maths" / "scans", tmp_path / "out"
    stages.read_bare([scans], exam / "maths" / "layout.json", out, stages.Work())
    rows = tables.read(out / "exceptions.arrow").to_pylist()
    shown = [row["crop"] for row in rows if row["crop"]]
    assert shown and all((out / crop).stat().st_size <= 30_000 for crop in shown)
    assert shown[0] in (out / "exceptions.csv").read_text("utf-8-sig")
    assert {row["reason"] for row in rows if not row["crop"]} <= {"truncated"}


def test_an_unclear_choice_is_shown_where_it_was_made(exam: Path) -> None:
    """Scoring finds it and knows no pages: the page with the field is looked up, and a correction there settles it."""
    toml = exam / "exam.toml"
    assert 'policy = "' in toml.read_text("utf-8")
    toml.write_text(re.sub('policy = "[a-z_]+"', 'policy = "ask"', toml.read_text("utf-8")), "utf-8")
    marks = tables.read(exam / "out" / "tables" / "marks.arrow").to_pylist()
    chosen = next(row for row in marks if row["field"].startswith("choose:") and row["value"] and not row["flag"])
    where = f"{chosen['file']},{chosen['page']},{chosen['field']}"
    corrections = exam / chosen["subject"] / "corrections.csv"
    corrections.write_text(f"file,page,field,value\n{where},\n")  # nothing chosen, but answered
    stages.score(exam)
    rows = [row for row in exceptions_of(exam) if row["reason"] == "unclear_choice"]
    (row,) = [
        row
        for row in rows
        if (row["file"], row["page"], row["field"]) == tuple(chosen[k] for k in ("file", "page", "field"))
    ]
    assert row["student_id"] and (exam / "out" / row["crop"]).exists()
    pages = tables.read(exam / "out" / "tables" / "pages.arrow").to_pylist()
    (page,) = [
        p for p in pages if (p["subject"], p["file"], p["page"]) == (chosen["subject"], row["file"], row["page"])
    ]
    assert page["student_id"] == row["student_id"]
    corrections.write_text(f"file,page,field,value\n{where},{chosen['value']}\n")
    stages.score(exam)
    assert row not in exceptions_of(exam)


def test_items_are_looked_at_for_each_group_of_the_roster(exam: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.dif.statistics.FEWEST", 1)
    stages.analyze(exam)
    found = tables.read(exam / "out" / "tables" / "dif.arrow").to_pylist()
    n = {row["item"]: row["n"] for row in tables.read(exam / "out" / "tables" / "items.arrow").to_pylist()}
    assert {(row["by"], *sorted((row["reference"], row["focal"]))) for row in found} == {("sex", "女", "男")}
    everybodys = [row for row in found if row["item"] == "1"]
    assert len(everybodys) == 2  # a subject each
    assert all(row["n_reference"] + row["n_focal"] == n["1"] for row in everybodys)


def test_a_group_column_that_the_roster_has_not_is_named(exam: Path) -> None:
    edit(exam / "exam.toml", 'dif = "sex"', 'dif = "gender"')
    with pytest.raises(InputError, match=r"gender.*no such column"):
        stages.score(exam)


def test_every_pupil_in_the_statistics_has_a_fit(exam: Path) -> None:
    stages.analyze(exam)
    fit = tables.read(exam / "out" / "tables" / "person_fit.arrow")
    reliability = tables.read(exam / "out" / "tables" / "reliability.arrow").to_pylist()
    for row in reliability:
        assert fit["subject"].to_pylist().count(row["subject"]) == row["n"]
    coefficients = tables.read(exam / "out" / "tables" / "coefficients.arrow").to_pylist()
    alphas = {row["subject"]: row["value"] for row in coefficients if row["coefficient"] == "alpha"}
    assert alphas == pytest.approx({row["subject"]: row["alpha"] for row in reliability})
