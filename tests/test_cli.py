"""The command line as a person meets it: wrong inputs, exit codes, interruptions; always in a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from engine import tables

COMMAND = [sys.executable, "-c", "import cli; cli.app()"]


def yuejuan(*arguments: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=300, encoding="utf-8"
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def exam(scanned_exam: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "exam"
    shutil.copytree(scanned_exam, folder)
    return folder


def edit(path: Path, change: Callable[[list[list[str]]], None]) -> None:
    """Change the cells of a CSV file (none of ours has quotes in these columns)."""
    rows = [line.split(",") for line in path.read_text("utf-8-sig").splitlines()]
    change(rows)
    path.write_text("\n".join(",".join(row) for row in rows) + "\n", "utf-8-sig")


def set_cell(row: int, column: str, value: str) -> Callable[[list[list[str]]], None]:
    """`row` as a person counts: the header is row 1."""

    def change(rows: list[list[str]]) -> None:
        rows[row - 1][rows[0].index(column)] = value

    return change


def drop_column(name: str) -> Callable[[list[list[str]]], None]:
    def change(rows: list[list[str]]) -> None:
        at = rows[0].index(name)
        for row in rows:
            del row[at]

    return change


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("roster.csv", drop_column("school"), ["roster.csv", "school"]),
        ("roster.csv", set_cell(5, "student_id", "1.23E+17"), ["roster.csv", "row 5", "student_id", "1.23E+17"]),
        ("roster.csv", set_cell(6, "student_id", "530112201005123000"), ["roster.csv", "row 6", "student_id"]),
        ("maths/blueprint.csv", set_cell(3, "key", "F"), ["blueprint.csv", "row 3", "key", "F"]),
        ("maths/blueprint.csv", set_cell(4, "max", "1.3"), ["blueprint.csv", "row 4", "max", "1.3"]),
        ("maths/blueprint.csv", set_cell(4, "rule", "magic"), ["blueprint.csv", "row 4", "rule", "magic"]),
    ],
)
def test_a_wrong_table_is_refused_by_file_row_and_column(exam: Path, file: str, change, said: list[str]) -> None:
    edit(exam / file, change)
    done = yuejuan("run", exam)
    assert done.returncode == 3
    for word in said:
        assert word in done.stderr
    assert "To mend:" in done.stderr


def test_a_student_id_given_twice_names_both_rows(exam: Path) -> None:
    def repeat(rows: list[list[str]]) -> None:
        rows[7][0] = rows[2][0]

    edit(exam / "roster.csv", repeat)
    done = yuejuan("score", exam)
    assert done.returncode == 3
    assert "row 8" in done.stderr
    assert "3" in done.stderr


def test_a_gbk_roster_reads_the_same_as_utf8(exam: Path) -> None:
    yuejuan("read", exam)
    utf8 = (exam / "out" / "tables" / "responses.maths.arrow").read_bytes()
    text = (exam / "roster.csv").read_text("utf-8-sig")
    (exam / "roster.csv").write_bytes(text.encode("gb18030"))
    done = yuejuan("read", exam)
    assert done.returncode in (0, 4)
    assert (exam / "out" / "tables" / "responses.maths.arrow").read_bytes() == utf8


def test_no_exam_folder_says_how_to_make_one(tmp_path: Path) -> None:
    done = yuejuan("run", tmp_path)
    assert done.returncode == 3
    assert "exam.toml" in done.stderr
    assert "yuejuan new" in done.stderr


def test_a_new_exam_prints_its_sheets(tmp_path: Path) -> None:
    assert yuejuan("new", tmp_path / "exam").returncode == 0
    done = yuejuan("sheets", tmp_path / "exam", "--json")
    assert done.returncode == 0
    assert all(Path(path).stat().st_size > 1000 for path in json.loads(done.stdout)["written"])


def test_bad_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert yuejuan("read", tmp_path, "--layout", "x.json").returncode == 2
    assert yuejuan("no-such-verb").returncode == 2
    table = tmp_path / "t.arrow"
    tables.write(pa.table({"a": [1]}), table)
    assert yuejuan("export", table, "--to", "docx").returncode == 2


def test_an_empty_scans_folder_says_so(exam: Path) -> None:
    shutil.rmtree(exam / "english" / "scans")
    (exam / "english" / "scans").mkdir()
    done = yuejuan("read", exam)
    assert done.returncode == 3
    assert str(Path("english", "scans")) in done.stderr
    assert "To mend:" in done.stderr


def test_files_that_are_no_scans_become_exceptions_and_nothing_else_is_lost(exam: Path) -> None:
    assert yuejuan("read", exam, "--workers", "1").returncode in (0, 4)
    before = tables.read(exam / "out" / "tables" / "pages.arrow").num_rows
    scans = exam / "english" / "scans"
    good = next(iter(sorted(scans.glob("*.jpg")))).read_bytes()
    (scans / "z-text.jpg").write_text("this is no picture")
    (scans / "z-truncated.jpg").write_bytes(good[: len(good) // 2])
    (scans / "z-bomb.png").write_bytes(png_bomb())
    (scans / "z-locked.pdf").write_bytes(locked_pdf())
    done = yuejuan("read", exam, "--workers", "1", "--json")
    assert done.returncode == 4
    figures = json.loads(done.stdout)["english pages"]
    pages = tables.read(exam / "out" / "tables" / "pages.arrow")
    assert pages.num_rows == before + 4
    reasons = {row["file"]: row["reason"] for row in pages.to_pylist() if row["file"].startswith("z-")}
    assert reasons == {
        "z-text.jpg": "not_an_image",
        "z-truncated.jpg": "truncated",
        "z-bomb.png": "too_large",
        "z-locked.pdf": "encrypted",
    }
    assert figures["in"] == figures["read"] + figures["exception"] + figures["set_aside"]
    people = (exam / "out" / "exceptions.csv").read_text("utf-8-sig")
    assert all(name in people for name in reasons)


def png_bomb() -> bytes:
    """A valid PNG of 30 000 × 30 000 white pixels, a hundred kilobytes on disk."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeeze = zlib.compressobj(9)
    row = b"\0" + b"\xff" * (30_000 // 8)
    pixels = b"".join(squeeze.compress(row) for _ in range(30_000)) + squeeze.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def locked_pdf() -> bytes:
    """A PDF whose trailer demands a password that nobody gave."""
    parts = [
        b"%PDF-1.4\n",
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n",
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n",
        b"4 0 obj<</Filter/Standard/V 1/R 2/Length 40/P -4/O<" + b"6a" * 32 + b">/U<" + b"7b" * 32 + b">>>endobj\n",
    ]
    offsets = [sum(map(len, parts[:i])) for i in range(1, 5)]
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % at for at in offsets)
    mark = b"<" + b"00" * 16 + b">"
    trailer = b"trailer<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[" + mark + mark + b"]>>\n"
    return b"".join(parts) + table + trailer + b"startxref\n%d\n%%%%EOF\n" % sum(map(len, parts))


@pytest.mark.slow
def test_killed_at_any_moment_a_rerun_ends_with_the_same_bytes(exam: Path) -> None:
    undisturbed = exam.with_name("undisturbed")
    shutil.copytree(exam, undisturbed)
    assert yuejuan("read", undisturbed, "--workers", "1").returncode in (0, 4)
    for parts in (0, 1, 2):  # kill when so many parts are on disk
        process = subprocess.Popen(
            [*COMMAND, "read", str(exam), "--workers", "2"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(lambda parts=parts: len(list((exam / "out").rglob("parts/*.arrow"))) >= parts, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert yuejuan("read", exam, "--workers", "2").returncode in (0, 4)
    assert contents(exam) == contents(undisturbed)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def contents(exam: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(exam)): path.read_bytes()
        for pattern in ("out/tables/*", "out/read/*/*.*", "out/exceptions.csv")
        for path in sorted(exam.glob(pattern))
    }


def test_read_on_bare_scans_needs_no_exam(exam: Path, tmp_path: Path) -> None:
    out = tmp_path / "read"
    layout = exam / "maths" / "layout.json"
    done = yuejuan("read", exam / "maths" / "scans", "--layout", layout, "-o", out, "--workers", "1")
    assert done.returncode in (0, 4)
    header = (out / "marks.csv").read_text("utf-8-sig").splitlines()[0]
    assert header == "file,page,field,value,confidence,flag"
    assert tables.read(out / "pages.arrow").num_rows == len(list((exam / "maths" / "scans").glob("*.jpg")))


def test_an_upside_down_page_is_read_like_the_upright_one(exam: Path) -> None:
    scans = exam / "english" / "scans"
    first = sorted(scans.glob("*.jpg"))[0]
    assert yuejuan("read", exam, "--workers", "1").returncode in (0, 4)
    answers = marks_of(exam, first.name)
    image = cv2.imdecode(np.frombuffer(first.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(first), np.ascontiguousarray(image[::-1, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert yuejuan("read", exam, "--workers", "1").returncode in (0, 4)
    assert marks_of(exam, first.name) == answers


def marks_of(exam: Path, file: str) -> dict[str, str]:
    return {
        row["field"]: row["value"]
        for row in tables.read(exam / "out" / "tables" / "marks.arrow").to_pylist()
        if row["file"] == file and row["subject"] == "english"
    }
