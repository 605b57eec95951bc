"""How contenders are timed."""

import time

import pytest

from benchmarks import timing


def test_contenders_take_turns_of_like_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "TURN", 0.05)
    ran: list[str] = []

    def contender(name: str, seconds: float) -> None:
        ran.append(name)
        time.sleep(seconds)

    best = timing.best_times({"slow": lambda: contender("slow", 0.06), "fast": lambda: contender("fast", 0.02)}, 2)
    assert ran[:3] == ["slow", "fast", "slow"]
    assert ran.count("slow") == 3
    turns = "".join(name[0] for name in ran[2:]).split("s")[1:]
    assert len(turns) == 2
    assert all(1 <= len(turn) <= 3 for turn in turns)
    assert best["slow"] >= 0.06
    assert 0.02 <= best["fast"] < best["slow"] * 2


def test_the_best_run_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 3.0, 3.0, 4.0, 4.0, 9.0])
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    assert timing.best_times({"one": lambda: None}, 3) == {"one": 1.0}
