"""What a worker process may take, and what it says."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from omr import workers


def takes(size: int) -> str:
    """Runs in a worker."""
    try:
        np.ones(size, np.uint8)
    except MemoryError:
        return "refused"
    return "had"


def is_silent(_: int) -> bool:
    """Runs in a worker: where what a decoder prints, past Python, goes."""
    return os.path.samestat(os.fstat(2), os.stat(os.devnull))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what is allocated, not what is touched")
def test_memory_is_limited() -> None:
    found = dict(workers.completed(takes, [100 << 20, workers.MEMORY + 1]))
    assert found == {100 << 20: "had", workers.MEMORY + 1: "refused"}


def test_decoders_are_silent() -> None:
    assert dict(workers.completed(is_silent, [1])) == {1: True}
    assert not is_silent(0)
