"""Hundreds of bad files beside good ones: each is read or refused with its reason, none stops the batch or is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import hostile_files
import made_scans
import pytest

from engine import tables
from omr import image, limits, workers
from omr.reason import Reason

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux: pipes, sockets, /proc"),
]

LAYOUT = made_scans.layout()
MUTANTS = 330
RESULTS = ("pages.arrow", "marks.arrow", "marks.csv", "exceptions.arrow")

# In a process of its own, so that all that it and its workers say is seen.
SCRIPT = """
import sys
from pathlib import Path
from omr.layout import load_layout
from omr.read import read_scans

if __name__ == "__main__":
    scans, layout, out = map(Path, sys.argv[1:4])
    read_scans(scans, load_layout(layout), out, workers=int(sys.argv[4]))
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> hostile_files.Files:
    return hostile_files.good_files(LAYOUT, tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def corpus(good: hostile_files.Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "scans"
    for part, files in {
        "good": good,
        "mutants": dict(hostile_files.mutants(good, MUTANTS, seed=1)),
        "crafted": hostile_files.crafted(good),
    }.items():
        (folder / part).mkdir(parents=True)
        for name, data in files.items():
            (folder / part / name).write_bytes(data)
    (folder / "odd").mkdir()
    hostile_files.odd_names(folder / "odd", good)
    return folder


class Run:
    """A batch, watched from outside.

    Attributes:
        said: what it and its workers wrote to the terminal.
        seconds: how long it took.
        most_memory: the largest resident size of one of its processes, in bytes.
    """

    def __init__(self, scans: Path, out: Path, processes: int) -> None:
        script, layout = scans.parent / "script.py", scans.parent / "layout.json"
        script.write_text(SCRIPT)
        LAYOUT.save(layout)
        self.out, self.most_memory = out, 0
        start = time.monotonic()
        said = scans.parent / f"said{processes}"
        with open(said, "wb") as terminal:
            process = subprocess.Popen(
                [sys.executable, script, scans, layout, out, str(processes)],
                stdout=terminal,
                stderr=terminal,
                start_new_session=True,
            )
            while process.poll() is None:
                self.most_memory = max(self.most_memory, *most_memory_of(process.pid), 0)
                time.sleep(0.05)
        self.code, self.seconds = process.returncode, time.monotonic() - start
        self.said = said.read_text(errors="replace")

    def results(self) -> dict[str, bytes]:
        return {name: (self.out / name).read_bytes() for name in RESULTS}


def most_memory_of(session: int) -> list[int]:
    """The most that each process of a session has had resident, in bytes."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[3]) == session:
                status = (stat.parent / "status").read_text()
                found.append(1024 * int(status.partition("VmHWM:")[2].split()[0]))
        except (OSError, IndexError):
            continue
    return found


@pytest.fixture(scope="module")
def two_workers(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(corpus, tmp_path_factory.mktemp("two"), 2)


def test_the_batch_ends_in_peace(two_workers: Run) -> None:
    assert (two_workers.code, two_workers.said) == (0, "")


def test_every_file_is_accounted_for(corpus: Path, two_workers: Run) -> None:
    pages = tables.read(two_workers.out / "pages.arrow").to_pylist()
    assert {row["status"] for row in pages} == {"read", "exception"}
    for row in pages:
        assert row["reason"] == "" if row["status"] == "read" else Reason(row["reason"]), row
        assert row["reason"] != Reason.FAILED, row
    named = {row["file"] for row in pages}
    for path in image.list_scans(corpus):
        name = os.fsencode(path.relative_to(corpus)).decode("utf-8", "backslashreplace")
        assert name in named
    assert len(named) >= 300
    files = {path for path in corpus.rglob("*") if path.is_file() and not path.is_symlink()}
    files = {path for path in files if path.stat().st_mode & 0o170000 == 0o100000}
    held = {Path(corpus, name.split(".zip/")[0] + ".zip" if ".zip/" in name else name) for name in named}
    missing = {path for path in files if path not in held} - {path for path in files if not os.fsencode(path).isascii()}
    assert missing == {path for path in files if path.parent.name == "folder.zip"} & missing
    exceptions = tables.read(two_workers.out / "exceptions.arrow").to_pylist()
    unread = [(row["file"], row["page"]) for row in pages if row["status"] == "exception"]
    assert [(row["file"], row["page"]) for row in exceptions if row["kind"] == "page"] == unread
    assert all(row["detail"] for row in exceptions)


def test_good_files_are_read_in_bad_company(good: hostile_files.Files, two_workers: Run) -> None:
    pages = tables.read(two_workers.out / "pages.arrow").to_pylist()
    reasons: dict[str, set[str]] = {}
    for row in pages:
        reasons.setdefault(row["file"].split(".zip/")[0], set()).add(row["reason"])
    for name in good:
        assert (
            reasons["good/" + name.removesuffix(".zip")] if name.endswith(".zip") else reasons["good/" + name] == {""}
        )


def test_one_worker_gives_the_same_bytes(corpus: Path, two_workers: Run, tmp_path: Path) -> None:
    run = Run(corpus, tmp_path, 1)
    for one, two in zip(
        *(tables.read(out / "pages.arrow").to_pylist() for out in (run.out, two_workers.out)), strict=True
    ):
        assert one == two
    assert run.results() == two_workers.results()


def test_time_and_memory_are_bounded(two_workers: Run) -> None:
    pages = tables.read(two_workers.out / "pages.arrow").to_pylist()
    assert [row["file"] for row in pages if row["reason"] == Reason.CRASHED] == []
    assert two_workers.seconds < 5 * workers.PAGE_SECONDS
    assert two_workers.most_memory < workers.MEMORY / 2


@pytest.mark.parametrize("form", ["pdf", "tif"])
def test_ten_thousand_pages(tmp_path: Path, form: str) -> None:
    """As many as a file may have."""
    from made_files import pdf_file, tags, tiff

    number = limits.MAX_PAGES
    if form == "pdf":
        kids = b" ".join(b"%d 0 R" % (3 + n) for n in range(number))
        leaf = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 40 40] >>"
        head = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count %d /Kids [%s] >>" % (number, kids)]
        data = pdf_file([*head, *[leaf] * number])
    else:
        data = tiff(*[(tags((8, 8)), [bytes(64)])] * number)
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / f"long.{form}").write_bytes(data)
    run = Run(scans, tmp_path / "out", 2)
    assert (run.code, run.said) == (0, "")
    pages = tables.read(run.out / "pages.arrow")
    assert pages["page"].to_pylist() == list(range(1, number + 1))
    assert set(pages["reason"].to_pylist()) == {"low_resolution"}
    assert run.most_memory < 400e6
