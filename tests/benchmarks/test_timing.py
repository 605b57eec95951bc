"""How contenders are timed, by a clock that only they move."""

import pytest

from benchmarks import timing


class Clock:
    """Seconds that pass while somebody works."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(timing.time, "perf_counter", lambda: self.now)

    def work(self, seconds: float) -> None:
        self.now += seconds


def test_contenders_take_turns_of_like_length(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, ran = Clock(monkeypatch), []

    def contender(name: str, seconds: float) -> None:
        ran.append(name)
        clock.work(seconds)

    best = timing.best_times({"slow": lambda: contender("slow", 3), "fast": lambda: contender("fast", 0.375)}, 2)
    assert ran == ["slow", "fast", *["slow", "fast", "fast", "fast"] * 2]
    assert best == {"slow": 3, "fast": 0.375}


def test_the_best_run_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seconds = Clock(monkeypatch), iter([1, 9, 2, 9])  # the first is to warm up
    assert timing.best_times({"one": lambda: clock.work(next(seconds))}, 3) == {"one": 2}
