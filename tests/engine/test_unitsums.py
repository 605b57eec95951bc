"""Sums by unit: what runs beside something else."""

import threading
import time

import pytest

from engine.unitsums import beside


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_the_job_is_told_its_threads_and_its_result_waited_for(threads: int) -> None:
    go = threading.Event()

    def job(given: int) -> int:
        if threads:
            assert go.wait(10)  # the caller goes on meanwhile
        return given

    with beside(job, threads) as result:
        go.set()
    assert result() == max(threads, 1)


@pytest.mark.parametrize("threads", [0, 2])
def test_what_goes_wrong_with_the_job_reaches_the_caller(threads: int) -> None:
    def job(_: int) -> int:
        raise KeyError("unit")

    with pytest.raises(KeyError, match="unit"), beside(job, threads) as result:
        result()


def test_the_job_is_over_when_the_caller_fails() -> None:
    over = []

    def job(_: int) -> None:
        time.sleep(0.05)
        over.append(True)

    with pytest.raises(ValueError, match="caller"), beside(job, 1):
        raise ValueError("caller")
    assert over
