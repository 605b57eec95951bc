"""track, grow and equity on the finished exam: what is written, what is refused, what `run` does with them."""

import shutil
from pathlib import Path

import pytest

import stages
from engine import tables
from engine.errors import InputError, UsageError

TABLES = ("growth", "growth_models", "growth_pupils", "growth_years", "trend", "linkage")


@pytest.fixture(scope="module")
def earlier(finished_exam: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same exam as it might have been a year before, of pupils one of whom has moved since, and its store."""
    folder = tmp_path_factory.mktemp("earlier") / "exam"
    shutil.copytree(finished_exam, folder)
    edit(folder / "exam.toml", 'id = "demo-2026"', 'id = "demo-2025"')
    edit(folder / "exam.toml", "date = 2026-11-10", "date = 2025-11-10")
    roster = (folder / "roster.csv").read_text("utf-8-sig").splitlines()
    first = next(line for line in roster[1:] if "云岭一中" in line)
    edit(folder / "roster.csv", first, first.replace("云岭一中", "滇池中学"))
    stages.score(folder)
    stages.track(folder, folder / "store")
    return folder / "store"


@pytest.fixture
def exam(finished_exam: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "exam"
    shutil.copytree(finished_exam, folder)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8-sig")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8-sig" if path.suffix == ".csv" else "utf-8")


def table(folder: Path, name: str) -> list[dict]:
    return tables.read(folder / "out" / "tables" / f"{name}.arrow").to_pylist()


def test_grow_after_track(exam: Path, earlier: Path) -> None:
    summary = stages.grow(exam, earlier)
    assert summary.figures["pupils"] == {"transferred": 1, "new": 0, "left": 0}
    assert "demo-2025" in summary.notes[0]
    assert "on one scale" in summary.notes[1]
    assert "places within each exam (z)" in summary.notes[2]
    assert summary.notes[2].endswith(": total")  # the composite has no items of its own
    for name in TABLES:
        assert tables.read(exam / "out" / "tables" / f"{name}.arrow").schema.equals(tables.SCHEMAS[name])
    growth = table(exam, "growth")
    assert {row["subject"] for row in growth} == {"maths", "english", "total"}
    assert {row["level"] for row in growth} == {"school", "class"}
    # the same answers: nobody gained, and no school is above or below
    residual = [row["residual"] for row in table(exam, "growth_pupils")]
    assert residual == pytest.approx([0] * len(residual), abs=1e-6)
    assert {row["verdict"] for row in growth} <= {"not distinguishable", "too few"}
    trend = [row for row in table(exam, "trend") if row["level"] == "exam" and row["subject"] == "maths"]
    assert [row["exam"] for row in trend] == ["demo-2025", "demo-2026"]
    assert [row["linked"] for row in trend] == pytest.approx([0, 0], abs=1e-9)
    (moved,) = [row for row in table(exam, "linkage") if row["change"] == "transferred"]
    assert (moved["school_before"], moved["school"]) == ("滇池中学", "云岭一中")


def test_without_an_earlier_exam_there_is_a_trend_of_one_and_no_growth(exam: Path, tmp_path: Path) -> None:
    summary = stages.grow(exam, tmp_path / "nothing")
    assert "no earlier exam" in summary.notes[0]
    assert table(exam, "growth") == [] == table(exam, "linkage")
    assert {row["exam"] for row in table(exam, "trend")} == {"demo-2026"}


def test_a_store_must_be_named(exam: Path) -> None:
    for stage in (stages.track, stages.grow):
        with pytest.raises(UsageError, match="no store"):
            stage(exam)


def test_old_scores_are_not_kept(exam: Path, tmp_path: Path) -> None:
    edit(exam / "english" / "blueprint.csv", "single,2,", "single,3,")
    with pytest.raises(InputError, match="older than the exam"):
        stages.track(exam, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_the_store_of_exam_toml_is_seen_from_the_exam_and_used_by_run(exam: Path, earlier: Path) -> None:
    shutil.copytree(earlier, exam.parent / "kept")
    with (exam / "exam.toml").open("a", encoding="utf-8") as file:
        file.write('\n[history]\nstore = "../kept"\n\n[equity]\ngroups = ["sex"]\n')
    school = table(exam, "units")
    for name in (*TABLES, "balance", "gaps"):
        (exam / "out" / "tables" / f"{name}.arrow").unlink(missing_ok=True)
    summary = stages.run(exam, stages.Work())
    assert summary.figures["store"]["exams"] == 2
    assert (exam.parent / "kept" / "exam=demo-2026" / "exam.json").is_file()
    assert {row["exam"] for row in table(exam, "trend")} == {"demo-2025", "demo-2026"}
    measures = {row["measure"]: row for row in table(exam, "balance") if row["subject"] == "maths" and not row["unit"]}
    means = [row["mean"] for row in school if row["subject"] == "maths" and row["level"] == "school"]
    assert measures["range_ratio"]["value"] == pytest.approx(max(means) / min(means))
    assert measures["icc"]["n_schools"] == 2
    gap = next(row for row in table(exam, "gaps") if row["subject"] == "maths" and row["measure"] == "mean")
    assert (gap["by"], gap["group"], gap["reference"]) in {("sex", "女", "男"), ("sex", "男", "女")}


def test_resources_and_training_are_read_where_they_are_there(exam: Path, earlier: Path) -> None:
    (exam / "indicators.csv").write_text(
        "学校,学段,在校生数,生均教学仪器设备值\n云岭一中,初中,900,3000\n滇池中学,初中,600,1500\n", encoding="utf-8"
    )
    (exam / "training.csv").write_text("学校,班级\n云岭一中,高二1班\n", encoding="utf-8")
    summary = stages.equity(exam)
    assert any("yuejuan grow" in note for note in summary.notes)
    found = [row for row in table(exam, "indicators") if row["indicator"] == "equipment_value"]
    rows = {(row["level"], row["unit"]): row for row in found}
    assert rows["school", "滇池中学"]["verdict"] == "missed"
    assert rows["county", "五华区"]["n_schools"] == 1  # from the roster
    assert rows["exam", ""]["cv"] == pytest.approx((900 * 600**2 + 600 * 900**2) ** 0.5 / 1500**0.5 / 2400)
    stages.grow(exam, earlier)
    assert not any("yuejuan grow" in note for note in stages.equity(exam).notes)  # four pupils a class: no pairs
