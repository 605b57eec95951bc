"""One small exam and its reports, made once for all tests of reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_exam import HOSTILE, SIZE, make_exam

import report
from engine.exam import Exam


@pytest.fixture(scope="session")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Exam:
    """A junior-high exam of 2 schools × 2 classes × 8 pupils, some with hostile names and numbers."""
    return make_exam(tmp_path_factory.mktemp("exam"), **HOSTILE, **SIZE)


@pytest.fixture(scope="session")
def built(exam: Exam, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its reports, in Chinese."""
    out = tmp_path_factory.mktemp("reports")
    counts = report.build(exam, out)
    assert counts == {
        "assets": 1,
        "classes": 8,  # a page and an annex each
        "counties": 4,
        "exam": 3,
        "items": 8,
        "lectures": 8,
        "papers": 4,
        "pupils": 32,
        "research": 2,
        "schools": 4,
        "xlsx": 2,
    }
    return out
