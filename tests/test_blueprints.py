"""OMRChecker's evaluations mark real scans as OMRChecker records that it does; keys in pictures are read."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import stages
from engine import tables
from engine.blueprint import load_items
from engine.errors import InputError, UsageError
from engine.exam import Subject, SubjectKeys
from engine.scoring import score
from omr import image
from omr.importers import load_any
from omr.marks import read_marks
from omr.register import register
from stages import convert_blueprint

REAL = Path(__file__).parents[2] / "shared" / "data" / "omr-real"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real scans are not beside this checkout")


def marked(case: Path, files: list[str]) -> dict[str, list[str]]:
    """By field, what is read on each of the scans."""
    layout = load_any(case / "template.json")
    pictures = [image.load(case / file) for file in files]
    read = [{mark.field: mark.value for mark in read_marks(one, layout, register(one, layout))} for one in pictures]
    return {field: [sheet[field] for sheet in read] for field in read[0]}


def scores(folder: Path, step: str, fields: dict[str, list[str]]) -> list[float]:
    """What the scans earn under the blueprint of a folder."""
    keys = SubjectKeys.model_validate({"code": "x", "name": "x", "step": step.strip('"')})
    paper = Subject(**dict(keys), folder=folder, items=load_items(folder, keys))
    count = len(next(iter(fields.values())))
    columns = {"student_id": [str(i) for i in range(count)], "status": ["read"] * count}
    columns |= {item.item: fields[item.item] for item in paper.items}
    totals = score(paper, pa.table(columns)).scores["total"].to_pylist()
    return [float(total * paper.step) for total in totals]


@real
@pytest.mark.parametrize("how", ["as it is", "converted"])
@pytest.mark.parametrize(
    ("case", "evaluation", "step", "wanted"),
    [
        ("adrian-photo", "evaluation-weighted.json", "0.5", "scores.csv"),
        ("adrian-photo", "evaluation-csv.json", "1", {"adrian_omr_2.png": 5}),
        ("technothlon-camscanner", "evaluation.json", "1", "scores.csv"),
        ("prayaas-angles-photo", "evaluation.json", '"1/3"', "scores.csv"),
    ],
)
def test_scans_score_as_recorded(tmp_path: Path, case: str, evaluation: str, step: str, wanted, how: str) -> None:
    source = REAL / case
    if isinstance(wanted, str):
        with open(source / wanted, encoding="utf-8-sig", newline="") as file:
            wanted = {row["file"]: float(row["score"]) for row in csv.DictReader(file)}
    if how == "converted":
        summary = convert_blueprint(source / evaluation, tmp_path / "blueprint.csv", source / "template.json")
        assert summary.notes == [f"points come in parts: set step = {step} in exam.toml"] * (step != "1")
    else:
        (tmp_path / "evaluation.json").write_bytes((source / evaluation).read_bytes())
        for key in source.glob("answer_key.*"):
            (tmp_path / key.name).write_bytes(key.read_bytes())
        if case == "prayaas-angles-photo":
            with pytest.raises(InputError, match=r"the key is a picture, answer_key\.jpg") as refused:
                load_items(tmp_path, SubjectKeys(code="x", name="x"))
            assert "yuejuan blueprint convert" in refused.value.mend
            return
    got = scores(tmp_path, step, marked(source, list(wanted)))
    assert dict(zip(wanted, (round(one, 4) for one in got), strict=True)) == wanted


@real
def test_a_key_with_a_doubtful_or_blank_question_is_refused(tmp_path: Path) -> None:
    """angle-1 is no key: some of its questions are blank."""
    source = REAL / "prayaas-angles-photo"
    content = json.loads((source / "evaluation.json").read_text())
    content["options"]["answer_key_image_path"] = "angle-1.jpg"
    (tmp_path / "evaluation.json").write_text(json.dumps(content))
    (tmp_path / "angle-1.jpg").write_bytes((source / "angle-1.jpg").read_bytes())
    with pytest.raises(InputError, match="question 'q4' of the key is blank") as refused:
        convert_blueprint(tmp_path / "evaluation.json", tmp_path / "b.csv", source / "template.json")
    assert refused.value.file == tmp_path / "angle-1.jpg" and refused.value.mend
    assert not (tmp_path / "b.csv").exists()


TEMPLATE = {
    "pageDimensions": [300, 200],
    "bubbleDimensions": [10, 10],
    "fieldBlocks": {
        "B": {
            "fieldType": "QTYPE_MCQ5_RTL",
            "origin": [9, 9],
            "fieldLabels": ["q1..2"],
            "labelsGap": 30,
            "bubblesGap": 30,
        }
    },
}


def evaluation(*answers: str) -> dict:
    options = {"questions_in_order": [f"q{i}" for i in range(1, len(answers) + 1)], "answers_in_order": answers}
    marking = {"DEFAULT": {"correct": 2, "incorrect": "-0.5", "unmarked": 0}}
    return {"source_type": "custom", "options": options, "marking_schemes": marking}


def test_the_form_tells_the_options(tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text(json.dumps(TEMPLATE))
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation("B", "AC")))
    command = ["blueprint", "convert", "evaluation.json", "-o", "blueprint.csv", "--layout", "form.json", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", "import cli; cli.app()", *command], capture_output=True, encoding="utf-8", cwd=tmp_path
    )
    assert json.loads(done.stdout)["blueprint"] == {"items": 2, "full mark": 4.0}, done.stderr
    with open(tmp_path / "blueprint.csv", encoding="utf-8-sig", newline="") as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    assert rows == [
        ("q1", "single", "2", "B", "table:else=-0.5", "ABCDE", ""),
        ("q2", "multiple", "2", "AC", "table:else=-0.5", "ABCDE", ""),
    ]


def test_more_options_than_a_choice_item_has_are_compared_as_written(tmp_path: Path) -> None:
    wide = json.loads(json.dumps(TEMPLATE).replace("MCQ5_RTL", "MCQ10"))
    (tmp_path / "form.json").write_text(json.dumps(wide))
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation("J", "AC")))
    convert_blueprint(tmp_path / "evaluation.json", tmp_path / "blueprint.csv", tmp_path / "form.json")
    items = load_items(tmp_path, SubjectKeys.model_validate({"code": "x", "name": "x", "step": "0.5"}))
    assert [(item.type, item.rule, item.key) for item in items] == [
        ("number", "text:else=-0.5", "J"),
        ("number", "text:else=-0.5", "AC"),
    ]


def test_a_blueprint_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation("B")))
    (tmp_path / "blueprint.csv").write_text("mine")
    with pytest.raises(UsageError) as refused:
        convert_blueprint(tmp_path / "evaluation.json", tmp_path / "blueprint.csv")
    assert refused.value.file == tmp_path / "blueprint.csv" and refused.value.mend
    assert (tmp_path / "blueprint.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("answers", "says"), [(("A", "B", "C"), "no field 'q3'"), (("A", "F"), "'F' is none of the form's ABCDE")]
)
def test_an_evaluation_of_another_form_is_refused(tmp_path: Path, answers: tuple[str, ...], says: str) -> None:
    (tmp_path / "form.json").write_text(json.dumps(TEMPLATE))
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation(*answers)))
    with pytest.raises(InputError, match=says) as refused:
        convert_blueprint(tmp_path / "evaluation.json", tmp_path / "b.csv", tmp_path / "form.json")
    assert refused.value.file == tmp_path / "evaluation.json" and refused.value.mend


@real
def test_an_exam_of_another_programs_forms_and_rules(tmp_path: Path) -> None:
    """template.json and evaluation.json as they are, beside the scans: no sheet.toml, no blueprint.csv."""
    source, subject = REAL / "technothlon-camscanner", tmp_path / "x"
    (subject / "scans").mkdir(parents=True)
    for name in ("template.json", "evaluation.json", "omr_marker.jpg"):
        (subject / name).write_bytes((source / name).read_bytes())
    for scan in source.glob("camscanner-*.jpg"):
        (subject / "scans" / scan.name).write_bytes(scan.read_bytes())
    keys = 'code = "x"\nname = "X"\nstep = "1/3"\ncandidate_field = "Roll"\n'
    (tmp_path / "exam.toml").write_text(f'id = "x"\ntitle = "X"\ndate = 2026-11-10\n[[subjects]]\n{keys}')
    (tmp_path / "roster.csv").write_text("student_id,name,class,school\nE204420102,a,1,s\nE204420109,b,1,s\n")
    stages.read(tmp_path, stages.Work())
    stages.score(tmp_path)
    table = tables.read(tmp_path / "out" / "tables" / "scores.x.arrow")
    assert [units / 3 for units in table["total"].to_pylist()] == [-4, 55]
    assert table.schema.metadata[b"step"] == b"1/3"
