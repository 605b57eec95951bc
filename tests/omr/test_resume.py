"""A batch ends with the same bytes whatever happened on the way: kill -9, crashes, more workers, another executor."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import made_scans
import pytest

from engine import tables
from engine.errors import YuejuanError
from omr import parts, read, workers
from omr.parts import plan
from omr.read import read_scans

LAYOUT = made_scans.layout()
PAGES = 18
RESULTS = ("pages.arrow", "marks.arrow", "marks.csv", "exceptions.arrow")

# What `yuejuan read` does, in small parts so that there are many moments to be killed at.
SCRIPT = """
import sys
from pathlib import Path
from omr import parts
from omr.layout import load_layout
from omr.read import read_scans

if __name__ == "__main__":
    scans, layout, out = map(Path, sys.argv[1:4])
    parts.PART_PAGES = 2
    read_scans(scans, load_layout(layout), out, workers=int(sys.argv[4]))
"""


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans, two of them bad and two with a field in doubt."""
    folder = tmp_path_factory.mktemp("made") / "scans"
    made_scans.write(folder, PAGES, LAYOUT)
    made_scans.smear(folder / "room1/002.jpg", LAYOUT, "7")
    made_scans.smear(folder / "room2/003.jpg", LAYOUT, "candidate")
    (folder / "room1/bad.jpg").write_bytes(b"text")
    (folder / "half.jpg").write_bytes((folder / "room1/000.jpg").read_bytes()[:20_000])
    return folder


@pytest.fixture(scope="module")
def undisturbed(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    assert start(scans, out).wait() == 0
    return results(out)


def start(scans: Path, out: Path, processes: int = 1) -> subprocess.Popen[bytes]:
    script, layout = scans.parent / "script.py", scans.parent / "layout.json"
    script.write_text(SCRIPT)
    LAYOUT.save(layout)
    return subprocess.Popen([sys.executable, script, scans, layout, out, str(processes)], start_new_session=True)


def results(out: Path) -> dict[str, bytes]:
    assert sorted(path.name for path in out.iterdir()) == sorted([*RESULTS, "parts", "crops"])
    crops = [path.relative_to(out).as_posix() for path in (out / "crops").rglob("*") if path.is_file()]
    assert sorted(crops) == sorted(filter(None, tables.read(out / "exceptions.arrow")["crop"].to_pylist()))
    return {name: (out / name).read_bytes() for name in (*RESULTS, *crops)}


def finished(out: Path) -> int:
    return len(list(out.glob("parts/*.pages.arrow")))


def kill_when(process: subprocess.Popen[bytes], out: Path, number: int) -> None:
    """kill -9 as soon as `number` parts are there."""
    while finished(out) < number and process.poll() is None:
        time.sleep(0.002)
    assert process.poll() is None, "it was done before it could be killed"
    process.kill()
    process.wait()


def test_two_workers_give_the_same_bytes(scans: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    assert start(scans, tmp_path, processes=2).wait() == 0
    assert results(tmp_path) == undisturbed
    assert len(tables.read(tmp_path / "pages.arrow")) == PAGES + 2
    assert sum(name.startswith("crops/") for name in undisturbed) == 2


def test_threads_give_the_same_bytes(scans: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    """Any executor will do, and other parts make no difference."""
    with ThreadPoolExecutor(2) as executor:
        read_scans(scans, LAYOUT, tmp_path, executor=executor)
    assert results(tmp_path) == undisturbed


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_and_run_again(scans: Path, undisturbed: dict[str, bytes], tmp_path: Path, processes: int) -> None:
    for number in (1, 3, 5):
        kill_when(start(scans, tmp_path, processes), tmp_path, number)
        assert not (tmp_path / "pages.arrow").exists()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("parts/*.pages.arrow")}
    assert len(before) >= 5
    (tmp_path / "parts" / ".half-written.arrow.1.part").write_bytes(b"x")
    (tmp_path / ".marks.arrow.1.part").write_bytes(b"x")
    (tmp_path / "crops/field").mkdir(parents=True, exist_ok=True)
    (tmp_path / "crops/field/.a.jpg.1.part").write_bytes(b"x")
    assert start(scans, tmp_path, processes).wait() == 0
    assert results(tmp_path) == undisturbed
    assert not list(tmp_path.glob("parts/.*"))
    assert {path: path.stat().st_mtime_ns for path in before} == before  # what was there was not done again


def test_killed_while_it_starts_or_ends(scans: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    process = start(scans, tmp_path)
    while not (tmp_path / "parts").exists():
        time.sleep(0.002)
    process.kill()
    process.wait()
    process = start(scans, tmp_path, processes=2)
    while not (tmp_path / "exceptions.arrow").exists():  # the first of the results
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert start(scans, tmp_path).wait() == 0
    assert results(tmp_path) == undisturbed


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_workers_end_with_a_killed_parent(scans: Path, tmp_path: Path) -> None:
    process = start(scans, tmp_path, processes=2)
    while finished(tmp_path) < 2:
        time.sleep(0.002)
    assert len(living(process.pid)) >= 3
    process.kill()
    process.wait()
    limit = time.monotonic() + 20
    while living(process.pid):
        assert time.monotonic() < limit, "workers outlive their parent"
        time.sleep(0.02)


def living(session: int) -> list[str]:
    """The processes of a session that are not merely waiting to be buried."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = stat.read_text().rpartition(")")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_session) == session and state not in "ZX":
            found.append(stat.parent.name)
    return found


@pytest.fixture
def threads() -> Executor:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_rerun_reads_nothing(scans: Path, tmp_path: Path, threads: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    read_scans(scans, LAYOUT, tmp_path, executor=threads)
    first = results(tmp_path)
    monkeypatch.setattr(read, "_read_part", None)
    calls: list[tuple[int, int]] = []
    read_scans(scans, LAYOUT, tmp_path, executor=threads, progress=lambda *call: calls.append(call))
    assert results(tmp_path) == first
    assert calls == []


def test_changes_are_read_again(scans: Path, tmp_path: Path, threads: Executor) -> None:
    """A changed or new file, another layout, another subject: no stale reading survives."""
    folder, out = tmp_path / "scans", tmp_path / "out"
    (folder / "a").mkdir(parents=True)
    for name in ("0", "1", "2"):
        shutil.copy(scans / "room1" / f"00{2 * int(name)}.jpg", folder / "a" / f"{name}.jpg")
    read_scans(folder, LAYOUT, out, executor=threads)
    shutil.copy(scans / "room2" / "003.jpg", folder / "a" / "1.jpg")
    shutil.copy(scans / "room2" / "005.jpg", folder / "new.jpg")
    (folder / "a" / "2.jpg").unlink()
    for layout, subject in ((LAYOUT, ""), (LAYOUT, "math"), (made_scans.layout(series=3), "math")):
        read_scans(folder, layout, out, subject=subject, executor=threads)
        fresh = tmp_path / "fresh"
        read_scans(folder, layout, fresh, subject=subject, executor=threads)
        assert results(out) == results(fresh)
        assert {path.name for path in (out / "parts").iterdir()} == {path.name for path in (fresh / "parts").iterdir()}
        shutil.rmtree(fresh)


def test_a_page_that_was_cleaned_up_leaves_no_picture(scans: Path, tmp_path: Path, threads: Executor) -> None:
    folder, out = tmp_path / "scans", tmp_path / "out"
    shutil.copytree(scans, folder)
    read_scans(folder, LAYOUT, out, executor=threads)
    before = results(out)
    (folder / "room1/002.jpg").unlink()
    read_scans(folder, LAYOUT, out, executor=threads)
    gone = before.keys() - results(out).keys()
    assert len(gone) == 1 and gone.pop().startswith("crops/field/room1/002-p1-7-")


def test_pictures_of_an_earlier_run_are_no_scans(scans: Path, tmp_path: Path, threads: Executor) -> None:
    """Results kept among the scans."""
    folder = tmp_path / "scans"
    shutil.copytree(scans, folder)
    read_scans(folder, LAYOUT, folder / "out", executor=threads)
    before = results(folder / "out")
    assert any(name.startswith("crops/") for name in before)
    read_scans(folder, LAYOUT, folder / "out", executor=threads)
    assert results(folder / "out") == before


def test_other_code_reads_again(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = parts.reader_version()
    assert version == parts.reader_version() and len(version) == 32
    files = sorted((scans / "room1").glob("*.jpg"))
    keys = {part.key for part in plan(scans, files, version)}
    assert keys == {part.key for part in plan(scans, files, version)}
    assert keys.isdisjoint(part.key for part in plan(scans, files, b"other"))


def test_a_new_file_changes_few_parts(tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / f"{number:04d}.jpg").write_bytes(b"\xff\xd8\xff")
    files = sorted(tmp_path.iterdir())
    before = {part.key for part in plan(tmp_path, files, b"")}
    every = [ref.file for part in plan(tmp_path, files, b"") for ref in part.refs]
    assert every == [file.name for file in files]
    assert all(len(part.refs) <= parts.MOST_PAGES for part in plan(tmp_path, files, b""))
    assert 10 < len(before) < 50
    (tmp_path / "0100a.jpg").write_bytes(b"\xff\xd8\xff")
    after = {part.key for part in plan(tmp_path, sorted(tmp_path.iterdir()), b"")}
    assert len(before - after) <= 2


# ---------------------------------------------------------------- processes that die


def test_a_page_that_kills_its_process(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = tmp_path / "scans", tmp_path / "out"
    shutil.copytree(scans, folder)
    for name in ("room1/crash.jpg", "room2/crash.jpg"):
        (folder / name).write_bytes(b"x")
    monkeypatch.setattr(parts, "PART_PAGES", 4)
    monkeypatch.setattr(read, "_read_part", made_scans.part_killed_by_crash_jpg)
    summary = read_scans(folder, LAYOUT, out, workers=2)
    assert (summary.pages, summary.read) == (PAGES + 4, PAGES)
    unread = {row["file"]: row["reason"] for row in tables.read(out / "pages.arrow").to_pylist() if row["reason"]}
    assert unread == {
        "half.jpg": "truncated",
        "room1/bad.jpg": "not_an_image",
        "room1/crash.jpg": "crashed",
        "room2/crash.jpg": "crashed",
    }


def test_only_the_culprit_is_lost() -> None:
    tasks = ["a", "b", "boom", "c", "d"]
    found = dict(workers.completed(made_scans.killed_by_boom, tasks, ahead=1))
    assert found == {"a": "A", "b": "B", "boom": None, "c": "C", "d": "D"}


def test_time_limit() -> None:
    found = dict(workers.completed(made_scans.hangs_on_boom, ["a", "boom", "b"], ahead=1))
    assert found == {"a": "A", "boom": None, "b": "B"}


def test_few_tasks_in_flight() -> None:
    """Memory stays flat: no more tasks are handed out than there is work for."""
    in_flight, most = 0, 0
    with ThreadPoolExecutor(2) as inner:

        class Counting(Executor):
            def submit(self, function, /, *args):
                nonlocal in_flight, most
                in_flight += 1
                most = max(most, in_flight)
                return inner.submit(function, *args)

        for _ in workers.completed(str.upper, map(str, range(2000)), executor=Counting()):
            in_flight -= 1
    assert 2 <= most <= workers.AHEAD_ELSEWHERE


def test_broken_executor_is_replaced(scans: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        with pytest.raises(Exception, match="terminated abruptly"):
            executor.submit(made_scans.killed_by_boom, "boom").result()
        read_scans(scans, LAYOUT, tmp_path, executor=executor, workers=2)
    assert results(tmp_path) == undisturbed


def test_processes_that_never_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every page is to blame when no process can work at all."""
    monkeypatch.setattr(workers, "_start", made_scans.never_starts)
    with pytest.raises(YuejuanError) as caught:
        list(workers.completed(made_scans.killed_by_boom, ["a", "b", "c"]))
    assert caught.value.mend
