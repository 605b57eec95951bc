"""`yuejuan recommend` on a finished exam: lists, sets of classes and groups, and what an earlier exam has given."""

import shutil
from pathlib import Path

import stages
from engine import tables
from engine.exam import load_exam


def pairs(folder: Path) -> set[tuple[str, str]]:
    found = tables.read(folder / "out" / "tables" / "recommendations.arrow")
    return set(zip(found["student_id"].to_pylist(), found["question"].to_pylist(), strict=True))


def test_what_an_earlier_exam_recommended_is_not_repeated(finished_exam: Path, tmp_path: Path) -> None:
    for name in ("earlier", "exam"):
        shutil.copytree(finished_exam, tmp_path / name)
    toml = tmp_path / "exam" / "exam.toml"
    toml.write_text(toml.read_text("utf-8") + '\n[recommend]\nearlier = ["../earlier"]\n', "utf-8")
    stages.recommend(tmp_path / "exam")
    assert pairs(tmp_path / "exam") and not pairs(tmp_path / "exam") & pairs(tmp_path / "earlier")


def test_nothing_untaught_and_nothing_of_the_paper(finished_exam: Path) -> None:
    exam = load_exam(finished_exam)
    found = tables.read(exam.tables / "recommendations.arrow").to_pylist()
    for subject in exam.subjects:
        own = [row for row in found if row["subject"] == subject.code]
        assert {row["knowledge"] for row in own} <= subject.curriculum.taught_by(exam.date)
        assert not {row["question"] for row in own} & {item.question for item in subject.items}


def test_every_class_and_group_has_a_set(finished_exam: Path) -> None:
    exam = load_exam(finished_exam)
    sets = tables.read(exam.tables / "practice_sets.arrow").to_pylist()
    groups = tables.read(exam.tables / "groups.arrow").to_pylist()
    key = ("subject", "school", "class", "group")
    of_groups = {tuple(row[name] for name in key) for row in groups}
    assert {tuple(row[name] for name in key) for row in sets if row["level"] == "group"} == of_groups
    assert {one[:3] for one in of_groups} == {
        (row["subject"], row["school"], row["class"]) for row in sets if row["level"] == "class"
    }
