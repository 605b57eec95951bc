"""The accuracy benchmark counts what it says, alike at any number of workers, and can show every case again."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.stats import binom

from benchmarks import accuracy
from benchmarks.__main__ import main
from benchmarks.accuracy import MIX, Case, Count, rescan, run, scans, upper_bound
from omr.marks import Mark
from omr.read import PageReading, read_page
from omr.simulate import Scan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("designs")
    for name in MIX:
        accuracy._print(path, name)
    return path


def count(folder: Path, preset: str, sheets: range, seed: int = 5) -> Count:
    return accuracy._try(accuracy._Task(preset, seed, sheets, folder))


def test_clean_pages_are_read_without_an_error(folder: Path) -> None:
    found = count(folder, "clean", range(12))
    assert found.pages > 12 and not found.refused and not found.silent
    assert found.tidy_flagged == 0 and found.barcodes_unread == 0
    assert found.flagged < 0.02 * found.fields


def test_counts_are_of_every_field_of_every_page(folder: Path) -> None:
    found, again = count(folder, "scanner", range(10)), count(folder, "scanner", range(7))
    again += count(folder, "scanner", range(7, 10))
    assert found == again  # however the work is shared out
    truths = [truth for sheet in range(10) for scan in scans(folder, "scanner", 5, sheet) for truth in scan.truth]
    assert found.fields + sum(len(case.field) > 0 for case in found.refused) == len(truths)
    assert found.tidy == sum(not truth.untidy for truth in truths)
    assert found.flagged_right <= found.flagged and found.tidy_flagged <= found.flagged


def test_sheets_are_of_all_kinds(folder: Path) -> None:
    answers = {}
    for sheet in range(1500):
        layout, number, _ = accuracy._printed(folder, sheet)
        if MIX[sheet % len(MIX)] == "card":
            answers[sheet] = accuracy._answers(layout, number, np.random.default_rng((5, sheet)))
    items = [{name: value for name, value in one.items() if name.isdigit()} for one in answers.values()]
    marks = [sum(map(len, one.values())) for one in items]
    assert 0 in marks and 400 in marks  # all blank, all full
    lengths = [len(value) for one in items if sum(map(len, one.values())) < 200 for value in one.values()]
    assert {0, 1, 2, 3} == set(lengths)
    assert any("absent" in one for one in answers.values())


class _Reader:
    """Reads every page as `value` says of its first item."""

    def __init__(self, value: str, flag: str = "", page: int = 1) -> None:
        self.value, self.flag, self.page = value, flag, page

    def __call__(self, picture: np.ndarray, layout: object) -> PageReading:
        mark = Mark("1", self.value, 1.0, self.flag)
        return PageReading({"status": "read", "sheet_page": self.page, "barcode": "6203000000"}, [mark])


@pytest.mark.parametrize(
    ("reader", "silent", "flagged"),
    [(_Reader("B"), 0, 0), (_Reader("C"), 1, 0), (_Reader("C", "faint"), 0, 1), (_Reader("B", page=2), 1, 0)],
)
def test_wrong_and_not_flagged_is_silent(
    reader: _Reader, silent: int, flagged: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accuracy, "read_page", reader)
    first = next(scans(folder, "clean", 5, 0))
    truth = [one._replace(value="B", untidy=()) for one in first.truth if one.field == "1"]
    found = Count()
    layout, number, _ = accuracy._printed(folder, 0)
    accuracy._compare(
        found, accuracy._Task("clean", 5, range(1), folder), 0, layout, number, Scan(1, first.data, truth)
    )
    assert (found.fields, len(found.silent), found.flagged) == (1, silent, flagged)
    assert all(case.field == "1" and case.truth == "B" and case.sheet == 0 for case in found.silent)


def test_wrong_barcodes_are_silent_errors(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "read_page", _Reader("B"))
    layout, number, _ = accuracy._printed(folder, 10)
    found = Count()
    page = Scan(1, next(scans(folder, "clean", 5, 10)).data, [])
    accuracy._compare(found, accuracy._Task("clean", 5, range(10, 11), folder), 10, layout, number, page)
    assert [(case.field, case.truth) for case in found.silent] == [("barcode", number)]


def test_cases_are_shown_again_as_they_were(folder: Path) -> None:
    first, *_ = scans(folder, "bilevel-fax", 5, 3)
    case = Case("bilevel-fax", 5, MIX[3], 3, 1, "1", "A", "B", "")
    assert rescan(case) == first.data
    assert "paper sheet 3, page 1, field 1: 'A' was read as 'B'" in str(case)


@pytest.mark.parametrize(("errors", "trials"), [(0, 1000), (3, 1000), (50, 200)])
def test_upper_bounds_are_exceeded_once_in_twenty(errors: int, trials: int) -> None:
    assert binom.cdf(errors, trials, upper_bound(errors, trials)) == pytest.approx(0.05, rel=1e-6)
    assert upper_bound(0, 10**6) == pytest.approx(3e-6, rel=0.01)


@pytest.mark.slow
def test_the_command_writes_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["benchmarks", "omr-accuracy", "--size", "0.01", "--preset", "bilevel-fax", "--seed", "7", "--workers", "1"]
    monkeypatch.setattr("sys.argv", [*line, "--output", str(tmp_path)])
    main()
    found = json.loads((tmp_path / "omr-accuracy.json").read_text("utf-8"))
    assert [row["contender"] for row in found["rows"]] == ["bilevel-fax"] and "seed 7" in found["what"]
    assert int(found["rows"][0]["silently wrong"]) + int(found["rows"][0]["refused"]) == len(found["notes"])


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing() -> None:
    one, two = (run(0.02, preset="copier", seed=9, workers=workers) for workers in (1, 2))
    assert one == two
    (row,) = one["rows"]
    assert int(row["fields"].replace(",", "")) > 500


def test_refused_pages_are_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "read_page", lambda picture, layout: read_page(np.full_like(picture, 255), layout))
    found = count(folder, "clean", range(1))
    assert found.fields == 0 and found.pages == 1
    (case,) = found.refused
    assert case.read.startswith("blank_page") and str(case).startswith("refused: clean, seed 5, card sheet 0, page 1")
    assert cv2.imdecode(np.frombuffer(rescan(case), np.uint8), cv2.IMREAD_GRAYSCALE) is not None
