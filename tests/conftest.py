"""A small exam, printed, filled in and scanned once for all tests that need one."""

import shutil
from pathlib import Path

import pytest

import demo
import stages

SHARED = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real scans and responses that tests read in place."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the real data in {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def scanned_exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo exam with four pupils a class, scanned but not yet read. Tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("scanned") / "exam"
    folder.mkdir()
    demo.write_exam(folder, pupils=4)
    stages.sheets(folder)
    stages.simulate(folder, stages.Work(), seed=5)
    return folder


@pytest.fixture(scope="session")
def finished_exam(scanned_exam: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same exam after `run`, with a sheet and a side of another one lost. Tests don't change it."""
    folder = tmp_path_factory.mktemp("finished") / "exam"
    shutil.copytree(scanned_exam, folder)
    min((folder / "english" / "scans").rglob("*.jpg")).unlink()
    max((folder / "maths" / "scans").rglob("*-2.jpg")).unlink()
    stages.run(folder, stages.Work())
    return folder
