"""From scans to tables: what was marked is read, and every page that can't be read says why, beside those that can."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import cv2
import made_scans
import numpy as np
import pyarrow as pa
import pytest

from engine import tables
from engine.errors import InputError
from omr import barcode, image, read, workers
from omr.barcode import read_barcode
from omr.importers import load_any
from omr.layout import Layout
from omr.read import Reason, read_page, read_scans
from omr.register import register

LAYOUT = made_scans.layout()


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, made_scans.Truth]:
    folder = tmp_path_factory.mktemp("made") / "scans"
    return folder, made_scans.write(folder, 8, LAYOUT)


@pytest.fixture
def threads() -> Executor:
    """An executor without the cost of starting processes."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def rows(out: Path, name: str) -> list[dict]:
    table = tables.read(out / f"{name}.arrow")
    assert table.schema == tables.SCHEMAS[name]
    return table.to_pylist()


def check_accounts(out: Path, summary: read.ReadSummary) -> None:
    pages, marks, exceptions = (rows(out, name) for name in read.TABLES)
    assert summary.pages == len(pages) == len({(row["file"], row["page"]) for row in pages})
    assert summary.read == sum(row["status"] == "read" for row in pages)
    assert summary.pages - summary.read == sum(row["kind"] == "page" for row in exceptions)
    assert summary.flagged == sum(row["kind"] == "field" for row in exceptions) == sum(m["flag"] != "" for m in marks)
    assert summary.exceptions == len(exceptions)
    assert {(m["file"], m["page"]) for m in marks} <= {(p["file"], p["page"]) for p in pages if p["status"] == "read"}
    for row in pages:
        assert (row["status"], row["reason"] == "") in {("read", True), ("exception", False)}
    for row in exceptions:
        assert row["reason"] in set(Reason) and row["detail"]


def test_everything_is_read(scans: tuple[Path, made_scans.Truth], tmp_path: Path) -> None:
    folder, truth = scans
    calls: list[tuple[int, int]] = []
    summary = read_scans(folder, LAYOUT, tmp_path, subject="math", progress=lambda *call: calls.append(call))
    check_accounts(tmp_path, summary)
    assert (summary.files, summary.pages, summary.read, summary.flagged) == (8, 8, 8, 0)
    assert {(m["file"], m["field"]): m["value"] for m in rows(tmp_path, "marks")} | {
        (p["file"], "barcode"): p["barcode"] for p in rows(tmp_path, "pages")
    } == truth
    assert {row["subject"] for name in read.TABLES for row in rows(tmp_path, name)} == {"math"}
    assert [p["file"] for p in rows(tmp_path, "pages")] == sorted({file for file, _ in truth})
    assert all(p["sheet_page"] == 1 and p["rotation"] == 0 and p["residual"] < 0.3 for p in rows(tmp_path, "pages"))
    assert calls[-1] == (8, 8) and calls == sorted(calls)


def test_marks_csv(scans: tuple[Path, made_scans.Truth], tmp_path: Path, threads: Executor) -> None:
    folder, _ = scans
    read_scans(folder, LAYOUT, tmp_path, executor=threads)
    data = (tmp_path / "marks.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbffile,page,field,value,confidence,flag\r\n")
    found = list(csv.DictReader(data.decode("utf-8-sig").splitlines()))
    marks = rows(tmp_path, "marks")
    assert [(r["file"], int(r["page"]), r["field"], r["value"], r["flag"]) for r in found] == [
        (m["file"], m["page"], m["field"], m["value"], m["flag"]) for m in marks
    ]
    assert all(0 <= float(r["confidence"]) <= 1 for r in found)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_page(scans: tuple[Path, made_scans.Truth], turn: int) -> None:
    folder, truth = scans
    file = "room1/000.jpg"
    picture = np.ascontiguousarray(np.rot90(image.load(folder / file), -turn // 90))
    reading = read_page(picture, LAYOUT, file=file)
    assert (reading.page["status"], reading.page["rotation"]) == ("read", turn)
    assert reading.page["barcode"] == truth[file, "barcode"]
    assert all(mark.value == truth[file, mark.field] for mark in reading.marks)


@pytest.mark.parametrize("kind", ["qr", "code128", "none"])
def test_barcode(tmp_path: Path, kind: str) -> None:
    made = made_scans.layout(barcode=kind)
    (picture,) = made_scans.sheets(made, ["204811"], tmp_path)
    assert read_page(picture, made).page["barcode"] == ("" if kind == "none" else "204811")
    assert read_page(picture, made).page["status"] == "read"


def test_a_line_of_dust_makes_no_other_number_of_a_barcode(tmp_path: Path) -> None:
    made = made_scans.layout()
    area = made.pages[0].barcode
    (picture,) = made_scans.sheets(made, ["204811"], tmp_path)
    placement = register(picture, made)
    texts = []
    for left in range(*(round(side * made_scans.SCALE) for side in (area.x, area.x + area.width))):
        for width in (1, 2, 3):
            dusty = picture.copy()
            np.minimum(dusty[:, left : left + width], 90, out=dusty[:, left : left + width])
            texts.append(read_barcode(cv2.GaussianBlur(dusty, (0, 0), 0.8), placement))
    assert set(texts) <= {"204811", ""}
    assert texts.count("204811") > 0.8 * len(texts)


def test_what_only_shows_without_lines_is_no_code_off_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count where a printed code should be, but not at any angle, nor beside what shows with the lines."""
    made = made_scans.layout()
    (picture,) = made_scans.sheets(made, ["204811"], tmp_path)
    placement = register(picture, made)

    def becomes(*texts: str) -> str:
        """What becomes of these codes: seen in place with lines, without them; at any angle with lines, without."""
        found = iter([[SimpleNamespace(text=text)] if text else [] for text in texts])
        monkeypatch.setattr(barcode.zxingcpp, "read_barcode", lambda *_, **__: None)
        monkeypatch.setattr(barcode.zxingcpp, "read_barcodes", lambda *_, **__: next(found))
        return read_barcode(picture, placement)

    assert becomes("", "204811") == "204811"
    assert becomes("204811", "204811") == "204811"
    assert becomes("204811", "999999") == ""
    assert becomes("", "", "204811", "") == "204811"
    assert becomes("", "", "204811", "999999") == ""
    assert becomes("", "", "", "999999") == ""


def test_barcode_stuck_on_askew(tmp_path: Path) -> None:
    """A sticker that reaches over the edge of its area; and two that contradict each other are none."""
    import zxingcpp

    made = made_scans.layout()
    area = made.pages[0].barcode
    (picture,) = made_scans.sheets(made, ["111111"], tmp_path)
    scale = made_scans.SCALE
    left, top, right, bottom = (round(v * scale) for v in (area.x, area.y, area.x + area.width, area.y + area.height))

    def sticker(number: str) -> np.ndarray:
        code = zxingcpp.create_barcode(number, zxingcpp.BarcodeFormat.Code128).to_image(scale=2)
        return np.asarray(code)[:50]

    picture[top:bottom, left:right] = 255
    assert read_page(picture, made).page["barcode"] == ""
    code = sticker("204811")
    picture[top : top + len(code), left - 20 : left - 20 + code.shape[1]] = code
    assert read_page(picture, made).page["barcode"] == "204811"
    other = sticker("999999")
    picture[bottom - len(other) : bottom, left : left + other.shape[1]] = other
    assert read_page(picture, made).page["barcode"] == ""


def test_hostile_files_cost_only_themselves(
    scans: tuple[Path, made_scans.Truth], tmp_path: Path, threads: Executor
) -> None:
    from test_image import huge_png, pdf

    folder, out = tmp_path / "scans", tmp_path / "out"
    shutil.copytree(scans[0], folder)
    good = (folder / "room1/000.jpg").read_bytes()
    lock = b"/ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>" % (
        b"ab" * 32,
        b"cd" * 32,
    )
    bad = {
        "text.jpg": ("名单".encode(), Reason.NOT_AN_IMAGE),
        "empty.jpg": (b"", Reason.EMPTY),
        "half.jpg": (good[: len(good) // 2], Reason.TRUNCATED),
        "bomb.png": (huge_png(30_000), Reason.TOO_LARGE),
        "locked.pdf": (pdf(b"", (200, 400), trailer=lock), Reason.ENCRYPTED),
        "=cmd.jpg": (b"x", Reason.NOT_AN_IMAGE),
    }
    for name, (data, _) in bad.items():
        (folder / name).write_bytes(data)
    (tmp_path / "secret.jpg").write_bytes(good)
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    summary = read_scans(folder, LAYOUT, out, executor=threads)
    check_accounts(out, summary)
    assert (summary.pages, summary.read) == (16, 8)
    reasons = {row["file"]: row["reason"] for row in rows(out, "exceptions")}
    outside = {"link.jpg": Reason.OUTSIDE_FOLDER, "nowhere.jpg": Reason.OUTSIDE_FOLDER}
    assert reasons == {name: reason for name, (_, reason) in bad.items()} | outside
    assert all(row["detail"].endswith(Reason(row["reason"]).mend) for row in rows(out, "exceptions"))


def test_pages_of_one_file(scans: tuple[Path, made_scans.Truth], tmp_path: Path, threads: Executor) -> None:
    """A copier's PDF: one of its pages is of no use, the others are read."""
    from PIL import Image

    folder, truth = scans
    names = ["room1/000.jpg", "room2/001.jpg"]
    pictures = [Image.open(folder / name) for name in names]
    pictures.insert(1, Image.new("L", pictures[0].size, 250))
    (tmp_path / "in").mkdir()
    pictures[0].save(tmp_path / "in" / "all.pdf", save_all=True, append_images=pictures[1:], resolution=150)
    summary = read_scans(tmp_path / "in", LAYOUT, tmp_path / "out", executor=threads)
    check_accounts(tmp_path / "out", summary)
    pages = rows(tmp_path / "out", "pages")
    assert [(row["page"], row["status"], row["reason"]) for row in pages] == [
        (1, "read", ""),
        (2, "exception", "blank_page"),
        (3, "read", ""),
    ]
    source = {1: names[0], 3: names[1]}
    for mark in rows(tmp_path / "out", "marks"):
        assert mark["value"] == truth[source[mark["page"]], mark["field"]]


def test_a_zip_gives_what_its_folder_gives(
    scans: tuple[Path, made_scans.Truth], tmp_path: Path, threads: Executor
) -> None:
    folder, truth = scans
    for where, files in (("deep/b.zip", sorted(folder.glob("room2/*"))), ("a.zip", sorted(folder.glob("room1/*")))):
        (tmp_path / "in" / where).parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(tmp_path / "in" / where, "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(folder))
    before = sorted((tmp_path / "in").rglob("*"))
    summary = read_scans(tmp_path / "in", LAYOUT, tmp_path / "out", executor=threads)
    check_accounts(tmp_path / "out", summary)
    assert (summary.files, summary.read) == (8, 8)
    marks = rows(tmp_path / "out", "marks")
    assert {mark["file"].split("/")[0] for mark in marks} == {"a.zip", "deep"}
    assert all(mark["value"] == truth[mark["file"].split(".zip/")[1], mark["field"]] for mark in marks)
    assert len(marks) == sum(field != "barcode" for _, field in truth)
    assert sorted((tmp_path / "in").rglob("*")) == before
    again = read_scans(tmp_path / "in" / "a.zip", LAYOUT, tmp_path / "one", executor=threads)
    assert (again.files, again.read) == (4, 4)
    assert {mark["file"].split("/")[0] for mark in rows(tmp_path / "one", "marks")} == {"a.zip"}


def photo(shape: tuple[int, int]) -> np.ndarray:
    """A sharp picture of something else."""
    rng = np.random.default_rng(1)
    picture = np.full(shape, 230, np.uint8)
    for x, y in rng.integers(0, min(shape) - 60, (80, 2)):
        cv2.rectangle(picture, (int(x), int(y)), (int(x) + 40, int(y) + 20), 40, -1)
    return picture


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda page: np.full_like(page, 247), Reason.BLANK_PAGE),
        (
            lambda page: np.random.default_rng(0).normal(240, 4, page.shape).clip(0, 255).astype(np.uint8),
            Reason.BLANK_PAGE,
        ),
        (lambda page: cv2.GaussianBlur(page, (0, 0), 9), Reason.BLURRED),
        (lambda page: cv2.resize(page, (100, 141)), Reason.LOW_RESOLUTION),
        (lambda page: photo(page.shape), Reason.NOT_REGISTERED),
    ],
)
def test_what_is_wrong_with_a_page(scans: tuple[Path, made_scans.Truth], spoil, reason: Reason) -> None:
    page = image.load(scans[0] / "room1/000.jpg")
    reading = read_page(spoil(page), LAYOUT)
    assert reading.page["status"] == "exception" and not reading.marks
    assert reading.page["reason"] == reason, reading.page["detail"]
    assert reading.page["detail"]


@pytest.mark.parametrize("share", [0.02, 0.04, 0.1, 0.2, 0.4, 0.7])
def test_low_contrast(scans: tuple[Path, made_scans.Truth], share: float) -> None:
    """A washed-out page is read right or not at all: marks must not pass for paper."""
    folder, truth = scans
    page = image.load(folder / "room1/000.jpg").astype(float)
    reading = read_page((250 - (250 - page) * share).astype(np.uint8), LAYOUT)
    expected = {""} if share > 0.3 else {"low_contrast"} if share > 0.05 else {"low_contrast", "blank_page"}
    assert reading.page["reason"] in expected
    assert all(mark.value == truth["room1/000.jpg", mark.field] for mark in reading.marks)


def test_wrong_sheet(scans: tuple[Path, made_scans.Truth]) -> None:
    page = image.load(scans[0] / "room1/000.jpg")
    reading = read_page(page, made_scans.layout(series=7))
    assert reading.page["reason"] == Reason.WRONG_SHEET


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 2), (8, 8), (300, 300)])
@pytest.mark.parametrize("value", [0, 128, 255])
def test_degenerate_pictures(shape: tuple[int, int], value: int) -> None:
    reading = read_page(np.full(shape, value, np.uint8), LAYOUT)
    assert reading.page["status"] == "exception" and reading.page["reason"] != Reason.FAILED


def test_internal_error_costs_one_page(
    scans: tuple[Path, made_scans.Truth], tmp_path: Path, threads: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = read.read_marks, []

    def fails_once(*args: object) -> object:
        seen.append(1)
        if len(seen) == 3:
            raise ZeroDivisionError("a bug")
        return real(*args)

    monkeypatch.setattr(read, "read_marks", fails_once)
    summary = read_scans(scans[0], LAYOUT, tmp_path, executor=threads)
    check_accounts(tmp_path, summary)
    assert (summary.pages, summary.read) == (8, 7)
    (row,) = rows(tmp_path, "exceptions")
    assert row["reason"] == Reason.FAILED and "ZeroDivisionError: a bug" in row["detail"]


def test_doubtful_fields_are_exceptions(
    scans: tuple[Path, made_scans.Truth], tmp_path: Path, threads: Executor
) -> None:
    """A grey second mark, as light as it takes to be in doubt: a person hears of it."""
    file = "room1/000.jpg"
    (field,) = [field for field in LAYOUT.pages[0].fields if field.name == "1"]
    other = next(b for b in field.groups[0].bubbles if b.label != scans[1][file, "1"])
    x, y = round(other.x * made_scans.SCALE), round(other.y * made_scans.SCALE)
    for grey in range(220, 100, -10):
        page = image.load(scans[0] / file)
        page[y - 4 : y + 5, x - 9 : x + 10] = np.minimum(page[y - 4 : y + 5, x - 9 : x + 10], grey)
        if any(mark.flag for mark in read_page(page, LAYOUT).marks):
            break
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "a.png"), page)
    summary = read_scans(tmp_path / "in", LAYOUT, tmp_path / "out", executor=threads)
    check_accounts(tmp_path / "out", summary)
    (row,) = rows(tmp_path / "out", "exceptions")
    (mark,) = [m for m in rows(tmp_path / "out", "marks") if m["flag"]]
    assert (row["kind"], row["field"], row["reason"]) == ("field", "1", mark["flag"])
    assert repr(mark["value"]) in row["detail"]


def test_no_scans(tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "truth.csv").write_text("file,page\n")
    with pytest.raises(InputError) as caught:
        read_scans(tmp_path / "scans", LAYOUT, tmp_path / "out")
    assert caught.value.file == tmp_path / "scans" and ".jpg" in caught.value.mend
    with pytest.raises(InputError) as caught:
        read_scans(tmp_path / "typo", LAYOUT, tmp_path / "out")
    assert caught.value.file == tmp_path / "typo" and caught.value.mend
    assert not (tmp_path / "out").exists()


def test_only_unreadable_scans(tmp_path: Path, threads: Executor) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    summary = read_scans(tmp_path, LAYOUT, tmp_path / "out", executor=threads)
    check_accounts(tmp_path / "out", summary)
    assert (summary.pages, summary.read, summary.fields, summary.flagged) == (1, 0, 0, 0)


def test_several_folders_and_files(scans: tuple[Path, made_scans.Truth], tmp_path: Path, threads: Executor) -> None:
    folder, _ = scans
    every = [p["file"] for p in read_and_rows([folder / "room2", folder / "room1"], tmp_path / "a", threads)]
    assert every == [p["file"] for p in read_and_rows(folder, tmp_path / "b", threads)]
    one = read_and_rows([folder / "room1/000.jpg", folder / "room1/000.jpg"], tmp_path / "c", threads)
    assert [p["file"] for p in one] == ["000.jpg"]


def read_and_rows(scans: Path | list[Path], out: Path, executor: Executor) -> list[dict]:
    read_scans(scans, LAYOUT, out, executor=executor)
    return rows(out, "pages")


def test_marker_of_the_template_is_no_scan(tmp_path: Path, threads: Executor) -> None:
    page = photo((400, 300))
    for name in ("scan.png", "marker.png"):
        cv2.imwrite(str(tmp_path / name), page)
    marked = Layout.model_validate(
        LAYOUT.model_dump() | {"registration": {"method": "frame", "marker": str(tmp_path / "marker.png")}}
    )
    read_scans(tmp_path, marked, tmp_path / "out", executor=threads)
    assert [p["file"] for p in rows(tmp_path / "out", "pages")] == ["scan.png"]


def test_every_reason_is_explained() -> None:
    assert all(reason.zh and reason.en and reason.mend_zh and reason.mend for reason in Reason)
    assert Reason("blurred") is Reason.BLURRED and Reason.BLURRED == "blurred"
    assert len({reason.en for reason in Reason}) == len(Reason) == len({reason.zh for reason in Reason})


REAL = Path(__file__).parents[2].parent / "shared"
CASES = [
    "adrian-photo",
    "college-100q-lowres-scan",
    "prayaas-colour-photo",
    "prayaas-xerox-photo",
    "technothlon-camscanner",
]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"needs the real data in {REAL}")
def test_real_scans(tmp_path: Path, threads: Executor) -> None:
    """Real photographs and scans: nothing missing, nothing silently wrong, at most 1 % flagged."""
    pairs = []
    for case in CASES:
        folder = REAL / "data" / "omr-real" / case
        read_scans(folder, load_any(folder / "template.json"), tmp_path / case, executor=threads)
        pairs += [str(folder), str(tmp_path / case)]
    checker = REAL / "tools" / "check_marks.py"
    done = subprocess.run([sys.executable, checker, *pairs], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    words = done.stdout.splitlines()[-1].split()
    counts = dict(zip(words[1::2], map(int, words[2::2]), strict=True))
    assert counts["fields"] == 356 and counts["flagged"] <= 0.01 * counts["fields"], done.stdout


def test_readings_have_the_schemas() -> None:
    pages, marks = read._tables([])
    assert (pages.schema, marks.schema) == (tables.SCHEMAS["pages"], tables.SCHEMAS["marks"])
    assert isinstance(pages, pa.Table) and len(pages) == len(marks) == 0


def test_time_limit_is_off_in_this_process() -> None:
    assert workers._watchdog_log is None  # else it would end the tests
