"""An exam of a compulsory stage, from points to reports: no file that it produces has a rank or a pupil's score.

The points are thousandths that nothing else comes to, so that a leak is recognised wherever it stands.
"""

from __future__ import annotations

import functools
import random
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import openpyxl
import pypdfium2
import pytest

import stages
from engine import tables

TOML = """\
id = "city"
title = "质量监测"
date = 2026-11-10
stage = "{stage}"

[[subjects]]
code = "maths"
name = "数学"
step = 0.001
points_only = true

[[subjects]]
code = "chinese"
name = "语文"
step = 0.001
points_only = true

[[score_lines]]
name = "普高"
count = 20
"""
ITEMS = 4
PUPILS = 8  # a class
RANK = re.compile(r"名次|位次|第\s*\d+\s*名|(?<!不)(?<!不是)排名|\brank(?:ed|s|_\w+)?\b")


def make(folder: Path, stage: str = "junior") -> Path:
    """Two counties, two schools of two classes each, two subjects."""
    rng = random.Random(5)
    folder.mkdir()
    (folder / "exam.toml").write_text(TOML.format(stage=stage), "utf-8")
    places = [(f"{county}县", f"{county}中学", f"{number}班") for county in "东西" for number in (1, 2)]
    pupils = [(f"L{i:04}", *place) for i, place in enumerate(place for place in places for _ in range(PUPILS))]
    roster = [f"{one},学生{one[1:]},{klass},{school},{county}" for one, county, school, klass in pupils]
    (folder / "roster.csv").write_text("\n".join(["student_id,name,class,school,county", *roster]), "utf-8")
    for code in ("maths", "chinese"):
        (folder / code).mkdir()
        items = [f"{j},constructed,20,知识{j % 3}" for j in range(1, ITEMS + 1)]
        (folder / code / "blueprint.csv").write_text("\n".join(["item,type,max,knowledge", *items]), "utf-8")
        marks = [
            f"{one},{j},{min(20, max(0, rng.gauss(12, 5))):.3f}" for one, *_ in pupils for j in range(1, ITEMS + 1)
        ]
        (folder / code / "marks.csv").write_text("\n".join(["student_id,item,points", *marks]), "utf-8")
    return folder


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exam with all that is made of it."""
    folder = make(tmp_path_factory.mktemp("compulsory") / "exam")
    stages.run(folder, stages.Work())
    return folder


def produced(folder: Path) -> list[Path]:
    """All files made for people."""
    places = (folder / "out" / "published", folder / "out" / "reports")
    return [path for place in places for path in sorted(place.rglob("*")) if path.is_file()]


@functools.cache
def text_of(path: Path) -> str:
    """What stands in a file, numbers to three places; of tables the columns with something in them."""
    if path.suffix == ".arrow":
        table = tables.read(path)
        filled = [name for name in table.column_names if table[name].null_count < len(table)]
        return "\n".join([*filled, *(_text(value) for name in filled for value in table[name].to_pylist())])
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path, read_only=True)
        rows = [row for sheet in book.worksheets for row in sheet.iter_rows(values_only=True)]
        return "\n".join([*book.sheetnames, *(_text(value) for row in rows for value in row)])
    if path.suffix == ".pdf":
        return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(path))
    assert path.suffix in (".html", ".css"), f"what is in {path}?"
    return path.read_text("utf-8")


def _text(value: object) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


def scores_in(paths: Iterable[Path], folder: Path) -> dict[str, set[str]]:
    """File → totals of pupils that stand in it, in a subject or in all, such as "71.837"."""
    standing = tables.read(folder / "out" / "tables" / "standing.arrow").to_pylist()
    totals = {_text(row["score"]) for row in standing}
    assert len(totals) > 0.9 * len(standing) == 0.9 * 3 * 4 * PUPILS
    number = re.compile(r"(?<![\d.])\d+\.\d{3}(?!\d)")
    found = {path.name: set(number.findall(text_of(path))) & totals for path in paths}
    return {name: leaked for name, leaked in found.items() if leaked}


def ranks_in(paths: Iterable[Path]) -> dict[str, list[str]]:
    """File → what it says of ranks, but for "no ranking"."""
    found = {path.name: RANK.findall(text_of(path)) for path in paths}
    return {name: told for name, told in found.items() if told}


def test_no_file_tells_a_score_or_a_rank(exam: Path) -> None:
    files = produced(exam)
    kinds = {str(path.relative_to(exam / "out").parent) for path in files}
    assert kinds >= {"published", "reports", *(f"reports/{kind}" for kind in ("schools", "classes", "pupils"))}
    assert scores_in(files, exam) == {}
    assert ranks_in(files) == {}


def test_the_search_would_find_them(exam: Path) -> None:
    inside = exam / "out" / "tables" / "standing.arrow"
    assert len(scores_in([inside], exam)["standing.arrow"]) > 2 * 4 * PUPILS


@pytest.mark.slow
def test_other_policies_tell_more(exam: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exam"
    shutil.copytree(exam, folder)
    toml = folder / "exam.toml"
    toml.write_text(toml.read_text("utf-8") + "\n[policy]\nteacher_scores = true\n", "utf-8")
    stages.run(folder, stages.Work())
    found = scores_in(produced(folder), folder)
    assert {"东中学.xlsx", "东中学_1班.html"} <= set(found) and not any(name.startswith("L0") for name in found)
    text_of.cache_clear()
    toml.write_text(toml.read_text("utf-8").replace('"junior"', '"senior"'), "utf-8")
    stages.run(folder, stages.Work())
    assert set(scores_in(produced(folder), folder)) >= {"standing.arrow", "L0000.html", "L0031.html"}
    assert ranks_in([folder / "out" / "tables" / "standing.arrow"])
    assert "rank_exam" not in text_of(folder / "out" / "published" / "standing.arrow")
    assert tables.read(folder / "out" / "published" / "lines.arrow").num_rows > 0


def test_ranks_and_lines_are_not_even_made(exam: Path) -> None:
    inside = exam / "out" / "tables"
    others = ("recommendations", "tally", "scores", "responses")  # a rank of questions; and columns of numbers
    made = [path for path in sorted(inside.glob("*.arrow")) if not path.stem.startswith(others)]
    assert len(made) > 20 and ranks_in(made) == {}
    assert tables.read(inside / "lines.arrow").num_rows == tables.read(inside / "borderline.arrow").num_rows == 0
    assert not any("普高" in text_of(path) for path in produced(exam))


def test_a_family_learns_of_nobody_else(exam: Path) -> None:
    """No other pupil, and no class, school or other group to compare with."""
    pages = sorted((exam / "out" / "reports" / "pupils").glob("*.html"))
    assert len(pages) == 4 * PUPILS
    for path in pages:
        text = re.sub(r"<style.*?</style>|<script.*?</script>", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert set(re.findall(r"L\d{4}", text)) == {path.stem}
        assert re.search("优秀|良好|合格|待提高", text)
        assert not re.search("平均|全班|全校|全县|百分等级|标准分|超过", text)


@pytest.mark.slow
def test_nor_does_any_print_edition(exam: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exam"
    shutil.copytree(exam, folder)
    stages.report(folder, stages.Work(), pdf=True)
    files = [path for path in produced(folder) if path.suffix == ".pdf"]
    assert any("待提高" in text_of(path) for path in files)
    assert scores_in(files, folder) == {} and ranks_in(files) == {}


def test_pseudonymised_tables_name_nobody(exam: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    for name in ("standing", "scores.maths", "responses.maths", "mastery", "groups", "person_fit"):
        target = tmp_path / "out" / f"{name}.csv"
        stages.export(exam / "out" / "tables" / f"{name}.arrow", "csv", target, key)
        text = target.read_text("utf-8-sig")
        assert len(text.splitlines()) > 4 * PUPILS and not re.search(r"L\d{4}|学生", text)
