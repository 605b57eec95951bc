"""Timing that compares like with like: contenders take turns, and each keeps its best time."""

from __future__ import annotations

import time
from collections.abc import Callable

TURN = 1.0  # seconds


def best_times(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each contender's best run, after one to warm up.

    They take `rounds` turns, so that what else the machine does falls on all of them alike. A turn is one run, or the
    runs of a second: a processor that was idle is at its full speed only after some tenths of a second, which a slow
    contender gets within one run.
    """
    best = dict.fromkeys(contenders, float("inf"))
    for run in contenders.values():
        run()
    for _ in range(rounds):
        for name, run in contenders.items():
            begun = start = time.perf_counter()
            while start - begun < TURN:
                run()
                end = time.perf_counter()
                best[name] = min(best[name], end - start)
                start = end
    return best
