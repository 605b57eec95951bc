"""The store of exams, links between them, and trends."""

import datetime
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from engine import tables
from engine.errors import InputError
from engine.exam import Exam, Item, Subject
from engine.history import History, Sitting, item_points, linkage, prior_scores, pupil_scores, track, trend
from engine.history import store as store_module
from engine.scale.totals import Cohort, Totals

ROOT = Path(__file__).parents[2]


def paper(items: int = 8, bank: bool = True) -> Subject:
    questions = [f"Q{i}" if bank else "" for i in range(items)]
    made = [
        Item(item=str(i), type="constructed", max=Fraction(10), question=question, knowledge=(("函数", 1.0),))
        for i, question in enumerate(questions)
    ]
    return Subject(code="maths", name="数学", step=Fraction(1, 2), folder=Path("maths"), items=tuple(made))


def scored(subject: Subject, points: np.ndarray, status: list[str] | None = None) -> pa.Table:
    """A table of scores from points (n, items) in steps; pupils p000, p001, …, last first."""
    n = len(points)
    status = status or ["read"] * n
    columns = {item.item: pa.array(points[:, j], pa.int32()) for j, item in enumerate(subject.items)}
    total = [int(row.sum()) if one in ("read", "violation") else None for row, one in zip(points, status, strict=True)]
    ids = [f"p{i:03}" for i in range(n)]
    table = pa.table({"student_id": ids, "status": status, **columns, "total": pa.array(total, pa.int32())})
    return table.take(pa.array(range(n))[::-1])


def exam(folder: Path, n: int, date: str = "2026-01-10", name: str = "e1", schools: int = 4, **more: object) -> Exam:
    roster = pa.table(
        {
            "student_id": [f"p{i:03}" for i in range(n)],
            "name": ["某"] * n,
            "class": [f"{i % 2 + 1}班" for i in range(n)],
            "school": [f"学校{i % schools}" for i in range(n)],
            "county": ["东", "西"] * (n // 2) + ["东"] * (n % 2),
            "candidate_no": [f"p{i:03}" for i in range(n)],
        }
    )
    about = {"id": name, "title": f"考试 {name}", "date": datetime.date.fromisoformat(date)}
    return Exam(**about, folder=folder, subjects=(paper(),), roster=roster, **more)


def scores_of(one: Exam, scores: pa.Table) -> pa.Table:
    return pupil_scores(Totals.of(one.subjects[0], scores, Cohort.of(one.roster)), one.roster)


def made(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 21, (n, 8))


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    one = exam(tmp_path, 12)
    scores = scored(one.subjects[0], made(12), ["read"] * 9 + ["absent", "violation", "incomplete"])
    kept = track(one, [scores], tmp_path / "store")
    history = History(tmp_path / "store")
    assert [stored.id for stored in history.exams] == ["e1"]
    pupils = history.pupils(kept, "maths")
    assert pupils.equals(scores_of(one, scores))
    assert pupils["student_id"].to_pylist() == sorted(pupils["student_id"].to_pylist())
    total = made(12).sum(axis=1) / 2
    score = pupils["score"].to_pylist()
    assert score[:9] == total[:9].tolist()
    assert score[9:] == [None, total[10], None]
    z = pupils["z"].to_pylist()
    assert z[:9] == pytest.approx((total[:9] - total[:9].mean()) / total[:9].std())
    assert z[9:] == [None, None, None]  # a violation has a score, but no place
    points = history.points(kept, "maths")
    assert points.num_rows == 12 * 8
    assert points.filter(pa.compute.equal(points["student_id"], "p003"))["points"].to_pylist() == (
        (made(12)[3] / 2).tolist()
    )
    paper_kept = kept.paper("maths")
    assert paper_kept is not None
    assert (paper_kept.max, paper_kept.items[2].question, paper_kept.items[2].knowledge) == (80, "Q2", (("函数", 1.0),))


def test_any_reader_of_parquet_finds_exams_and_subjects_as_columns(tmp_path: Path) -> None:
    one = exam(tmp_path, 6)
    track(one, [scored(one.subjects[0], made(6))], tmp_path / "store")
    files = [str(path) for path in sorted((tmp_path / "store").rglob("pupils.parquet"))]
    found = ds.dataset(files, partitioning="hive", partition_base_dir=str(tmp_path / "store")).to_table()
    assert set(found["exam"].to_pylist()) == {"e1"}
    assert set(found["subject"].to_pylist()) == {"maths"}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_keeping_twice_changes_nothing_and_keeping_another_state_replaces(tmp_path: Path) -> None:
    store = tmp_path / "store"
    one = exam(tmp_path, 10)
    scores = scored(one.subjects[0], made(10))
    track(one, [scores], store)
    before = files(store)
    track(one, [scores.take(pa.array(range(10))[::-1])], store)
    assert files(store) == before
    other = track(one, [scored(one.subjects[0], made(10, seed=2))], store)
    assert len(list((store / "exam=e1").glob("version=*"))) == 1
    assert History(store).pupils(other, "maths")["score"].to_pylist() == (made(10, seed=2).sum(axis=1) / 2).tolist()


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(8))
def test_killed_at_any_step_the_store_has_the_old_exam_or_the_new_one(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    one = exam(tmp_path, 10)
    old = track(one, [scored(one.subjects[0], made(10))], store)
    want = History(store).pupils(old, "maths")
    new_scores = scored(one.subjects[0], made(10, seed=2))
    done = 0

    def counted(function):
        def wrapper(*args: object, **options: object) -> object:
            nonlocal done
            done += 1
            if done > step:
                raise Killed
            return function(*args, **options)

        return wrapper

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", counted(os.replace))
        patch.setattr(Path, "rename", counted(Path.rename))
        patch.setattr(store_module.shutil, "rmtree", counted(store_module.shutil.rmtree))
        patch.setattr(store_module.parquet, "write_table", counted(store_module.parquet.write_table))
        try:
            track(one, [new_scores], store)
        except Killed:
            assert step < 7
    (seen,) = History(store).exams
    found = History(store).pupils(seen, "maths")
    new = scores_of(one, new_scores)
    assert found.equals(want) or found.equals(new)
    track(one, [new_scores], store)
    (seen,) = History(store).exams
    assert History(store).pupils(seen, "maths").equals(new)
    assert sorted(path.name for path in (store / "exam=e1").iterdir()) == ["exam.json", f"version={seen.version}"]


def test_a_killed_process_leaves_a_store_that_can_be_read(tmp_path: Path) -> None:
    """As above, with a process that really ends in the middle of writing."""
    code = f"""
import os, sys
sys.path[:0] = [{str(ROOT / "tests/engine")!r}, {str(ROOT)!r}]
from pathlib import Path
from test_history import exam, made, scored
from engine.history import store, track
one = exam(Path({str(tmp_path)!r}), 10)
track(one, [scored(one.subjects[0], made(10))], Path({str(tmp_path / "store")!r}))
store.tables.write_bytes = lambda *a: os._exit(9)
track(one, [scored(one.subjects[0], made(10, seed=2))], Path({str(tmp_path / "store")!r}))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    (seen,) = History(tmp_path / "store").exams
    scores = History(tmp_path / "store").pupils(seen, "maths")["score"].to_pylist()
    assert scores == (made(10).sum(axis=1) / 2).tolist()


def test_which_exam_was_before(tmp_path: Path) -> None:
    store = tmp_path / "store"
    scores = [scored(paper(), made(6))]
    for name, date in (("b", "2025-06-01"), ("a", "2025-01-01"), ("c", "2026-06-01")):
        track(exam(tmp_path, 6, date, name), scores, store)
    history = History(store)
    now = exam(tmp_path, 6, "2026-01-10", "now")
    assert [one.id for one in history.before(now)] == ["a", "b"]
    previous = history.previous(now)
    assert previous is not None and previous.id == "b"
    named = exam(tmp_path, 6, "2026-01-10", "now", history={"store": "s", "previous": "a"})
    previous = history.previous(named)
    assert previous is not None and previous.id == "a"
    with pytest.raises(InputError, match="exams there: a, b, c"):
        history.previous(exam(tmp_path, 6, history={"previous": "x"}))
    assert History(tmp_path / "nothing").previous(now) is None


def test_a_damaged_store_is_told(tmp_path: Path) -> None:
    one = exam(tmp_path, 6)
    kept = track(one, [scored(one.subjects[0], made(6))], tmp_path)
    (file,) = tmp_path.rglob("pupils.parquet")
    file.write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"track EXAM"):
        History(tmp_path).pupils(kept, "maths")
    (tmp_path / "exam=e1" / "exam.json").write_text("{}")
    with pytest.raises(InputError, match="not a stored exam"):
        History(tmp_path)


def pupils(**columns: list) -> pa.Table:
    """Pupils of a subject by hand: ids, schools and z."""
    n = len(columns["student_id"])
    rest = {"class": ["1"] * n, "county": ["东"] * n, "status": ["read"] * n, "score": [1.0] * n, "rate": [0.5] * n}
    return pa.table({"student_id": columns["student_id"], "school": columns["school"], **rest, "z": columns["z"]}).cast(
        pa.schema(
            [(name, pa.float64() if name in ("score", "rate", "z") else pa.string()) for name in (
                "student_id", "school", "class", "county", "status", "score", "rate", "z")]
        )
    )  # fmt: skip


def test_linkage_lists_everybody_who_cannot_be_followed() -> None:
    before = pupils(student_id=["a", "b", "c", "d"], school=["甲", "甲", "乙", "乙"], z=[0.5, None, -0.5, 1.0])
    now = pupils(student_id=["a", "b", "c", "e"], school=["甲", "乙", "乙", "乙"], z=[0.1, 0.2, None, 0.3])
    assert prior_scores(now, before).tolist() == pytest.approx([0.5, np.nan, -0.5, np.nan], nan_ok=True)
    found = linkage({"maths": now, "art": now}, {"maths": before})
    assert found.schema.equals(tables.SCHEMAS["linkage"])
    rows = [(row["subject"], row["change"], row["student_id"]) for row in found.to_pylist()]
    assert rows == [
        ("", "transferred", "b"),
        ("", "new", "e"),
        ("", "left", "d"),
        ("maths", "no score now", "c"),
        ("maths", "no score before", "b"),
    ]
    moved = found.to_pylist()[0]
    assert (moved["school_before"], moved["school"]) == ("甲", "乙")
    gone = found.to_pylist()[2]
    assert (gone["school_before"], gone["school"]) == ("乙", None)


def sitting(one: Exam, points: np.ndarray, bank: bool) -> Sitting:
    subject = one.subjects[0]
    scores = scored(subject, points)
    return Sitting(one, scores_of(one, scores), item_points(subject, scores) if bank else None)


def test_a_trend_without_common_questions_compares_places(tmp_path: Path) -> None:
    first, second = exam(tmp_path, 40, "2025-01-10", "e1"), exam(tmp_path, 40, "2026-01-10", "e2")
    found = trend("maths", [sitting(first, made(40), False), sitting(second, made(40, seed=3), False)])
    assert found.schema.equals(tables.SCHEMAS["trend"])
    assert set(found["scale"].to_pylist()) == {"z"}
    assert found["linked"].null_count == len(found)
    rows = {(row["exam"], row["level"], row["unit"]): row for row in found.to_pylist()}
    assert rows["e2", "exam", ""]["z"] == pytest.approx(0)
    total = made(40).sum(axis=1)
    school = rows["e1", "school", "学校1"]
    own = ((total - total.mean()) / total.std())[1::4]
    assert (school["n"], school["z"]) == (10, pytest.approx(own.mean()))
    assert school["upper"] - school["lower"] == pytest.approx(2 * 1.959964 * own.std(ddof=1) / np.sqrt(10))
    assert school["rate"] == pytest.approx(total[1::4].mean() / 160)
    pupil = rows["e1", "pupil", "p003"]
    assert (pupil["n"], pupil["lower"], pupil["upper"]) == (1, None, None)
    assert {key[1] for key in rows} == {"exam", "county", "school", "class", "pupil"}


def test_a_trend_with_common_questions_shows_that_everybody_got_better(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    ability = rng.normal(0, 3, 400)[:, None]
    taken = [np.clip(np.round(10 + lift + ability + rng.normal(0, 2, (400, 8))), 0, 20).astype(int) for lift in (0, 3)]
    exams = [exam(tmp_path, 400, date, name) for date, name in (("2025-01-10", "e1"), ("2026-01-10", "e2"))]
    found = trend("maths", [sitting(one, points, True) for one, points in zip(exams, taken, strict=True)])
    whole = {row["exam"]: row for row in found.to_pylist() if row["level"] == "exam"}
    assert {row["scale"] for row in whole.values()} == {"anchor"}
    assert whole["e1"]["linked"] == pytest.approx(0, abs=1e-9) == whole["e1"]["z"]
    # all questions are common: the scale is that of the points themselves
    first, second = (points.sum(axis=1) for points in taken)
    assert whole["e2"]["linked"] == pytest.approx((second.mean() - first.mean()) / first.std(), rel=1e-6)
    assert whole["e2"]["z"] == pytest.approx(0, abs=1e-9)
    assert whole["e2"]["lower"] < whole["e2"]["linked"] < whole["e2"]["upper"]


def test_a_chain_of_papers_breaks_where_too_few_questions_are_common(tmp_path: Path) -> None:
    dates = ("2024-01-10", "2025-01-10", "2026-01-10")
    exams = [exam(tmp_path, 60, date, f"e{k}") for k, date in enumerate(dates)]
    sittings = [sitting(one, made(60, seed=k), bank=k > 0) for k, one in enumerate(exams)]
    found = {row["exam"]: row for row in trend("maths", sittings).to_pylist() if row["level"] == "exam"}
    assert [found[name]["scale"] for name in ("e0", "e1", "e2")] == ["z", "anchor", "anchor"]
    assert found["e0"]["linked"] is None


def test_questions_that_only_some_chose_are_no_anchor(tmp_path: Path) -> None:
    taken = [made(60, seed=k) for k in (1, 2)]
    exams = [exam(tmp_path, 60, date, name) for date, name in (("2025-01-10", "e1"), ("2026-01-10", "e2"))]
    first, second = (sitting(one, points, True) for one, points in zip(exams, taken, strict=True))
    for chosen, scale in ((2, "anchor"), (6, "z")):  # of eight questions; five must be common
        assert second.points is not None
        few = pa.compute.and_(
            pa.compute.less(second.points["item"], str(chosen)), pa.compute.greater(second.points["student_id"], "p029")
        )
        part = Sitting(second.exam, second.pupils, second.points.filter(pa.compute.invert(few)))
        assert trend("maths", [first, part])["scale"].to_pylist()[0] == scale


def test_equal_scores_have_equal_places(tmp_path: Path) -> None:
    one = exam(tmp_path, 10)
    same = np.full((10, 8), 7)
    table = sitting(one, same, True)
    assert table.pupils["z"].to_pylist() == [0.0] * 10
    found = trend("maths", [table, table])
    assert set(found["scale"].to_pylist()) == {"z"}  # a constant score cannot be linked
    assert not any(np.isnan(value) for value in found["z"].to_pylist())
    absent = scored(one.subjects[0], same, ["absent"] * 10)
    nobody = Sitting(one, scores_of(one, absent), None)
    assert trend("maths", [nobody]).num_rows == 0
