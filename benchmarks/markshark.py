"""MarkShark on its own tutorial scans, beside ours: fields right, and time a page.

MarkShark needs another build of OpenCV than ours, so it gets an environment of its own, made at the first run. Both
programs are run as a user would run them: `markshark align` and `markshark score` without pictures of the result,
`yuejuan read` with one worker. A page's time leaves out what it takes to start: for MarkShark that of `--help`, for us
that of a batch of one copy of the scans, which is taken off that of a batch of several.
The scans are not part of the project: without them there is nothing to run.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

from benchmarks.timing import best_times

SCANS = Path(__file__).parents[1].parent / "shared" / "data" / "omr-markshark" / "60q-tutorial"
PEER = Path(__file__).parent / "peers" / "markshark"
VERSION = "1.2.0"
ROUNDS = 5
PAGES = 36
COPIES = 21

Answers = dict[str, dict[str, str]]  # page → field → value


def run() -> dict:
    """Time both programs."""
    if not SCANS.exists():
        return {"what": f"not run: there is no {SCANS}", "rows": [{"contender": "none"}]}
    theirs, ours = str(_peer()), str(Path(sys.executable).with_name("yuejuan"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        aligned, results = folder / "aligned.pdf", folder / "results.csv"
        outs = (folder / f"out{number}" for number in range(100))
        template, bubbles = str(SCANS / "master_template.pdf"), str(SCANS / "bubblemap.yaml")
        (folder / "copies").mkdir()
        for copy in range(COPIES):
            shutil.copy(SCANS / "scans.pdf", folder / "copies" / f"{copy:02d}.pdf")

        def markshark() -> None:
            _call([theirs, "align", str(SCANS / "scans.pdf"), "-t", template, "-m", bubbles, "-o", str(aligned)])
            _call([theirs, "score", str(aligned), "-c", bubbles, "-o", str(results), "--out-pdf", ""])

        def yuejuan(scans: Path) -> None:
            _call([ours, "read", str(scans), "--layout", bubbles, "--workers", "1", "-o", str(next(outs))])

        times = best_times(
            {
                "yuejuan": lambda: yuejuan(SCANS / "scans.pdf"),
                "copies": lambda: yuejuan(folder / "copies"),
                "MarkShark": markshark,
                "start": lambda: [_call([theirs, command, "--help"]) for command in ("align", "score")],
            },
            ROUNDS,
        )
        answers = {"MarkShark": _theirs(results), "yuejuan": _pages(folder / "out0" / "marks.csv")}
        truth = _in_order_of_scans(_pages(SCANS / "truth.csv"), answers["yuejuan"])
    seconds = {
        "MarkShark": (times["MarkShark"] - times["start"]) / PAGES,
        "yuejuan": (times["copies"] - times["yuejuan"]) / (COPIES - 1) / PAGES,
    }
    rows = [
        {
            "contender": name,
            "fields": sum(map(len, truth.values())),
            "right": sum(
                answers[name].get(page, {}).get(f) == v for page, row in truth.items() for f, v in row.items()
            ),
            "s, whole command": times[name],
            "ms a page": 1000 * seconds[name],
            "× faster a page": seconds["MarkShark"] / seconds[name],
        }
        for name in answers
    ]
    return {"what": f"MarkShark {VERSION} and its tutorial, {PAGES} pages of a PDF", "rows": rows}


def _peer() -> Path:
    """The peer's command, installed if need be."""
    command = PEER / ("Scripts" if sys.platform == "win32" else "bin") / "markshark"
    if not command.exists():
        venv.create(PEER, with_pip=True, clear=True)
        _call([str(command.with_name("python")), "-m", "pip", "install", "--quiet", f"markshark=={VERSION}"])
    return command


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 4):  # 4: a person is needed
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:] or done.stdout[-2000:]}")


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _pages(path: Path) -> Answers:
    """Page → field → value."""
    pages: Answers = {}
    for row in _rows(path):
        pages.setdefault(row["page"], {})[row["field"]] = _same(row["value"])
    return pages


def _same(value: str) -> str:
    """Several marks as one writes them and the other: AB, and A,B or B,A."""
    letters = value.split(",") if "," in value else list(value)
    return "".join(sorted(letters)) if value.replace(",", "").isalpha() else value


def _theirs(path: Path) -> Answers:
    """MarkShark's columns under the names of the fields; answers are named alike."""
    return {
        row["Page"]: {name: _same(value) for name, value in row.items()}
        | {"id": row["StudentID"], "version": row["Version"]}
        for row in _rows(path)
        if row["Page"].isdigit()
    }


def _in_order_of_scans(truth: Answers, read: Answers) -> Answers:
    """The truth's pages are not in the order of the scans; the number that was read, and no other field, tells."""
    by_number = {fields["id"]: fields for fields in truth.values()}
    return {page: by_number[fields["id"]] for page, fields in read.items() if fields["id"] in by_number}
