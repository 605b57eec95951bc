"""Sums by unit: what runs beside something else."""

import threading
import time

import pytest

from engine.unitsums import beside


def test_the_caller_goes_on_and_waits_for_the_result() -> None:
    go = threading.Event()
    with beside(lambda: go.wait(10)) as result:
        go.set()
    assert result() is True


def test_what_goes_wrong_with_the_job_reaches_the_caller() -> None:
    def job() -> int:
        raise KeyError("unit")

    with pytest.raises(KeyError, match="unit"), beside(job) as result:
        result()


def test_the_job_is_over_when_the_caller_fails() -> None:
    over = []

    def job() -> None:
        time.sleep(0.05)
        over.append(True)

    with pytest.raises(ValueError, match="caller"), beside(job):
        raise ValueError("caller")
    assert over
