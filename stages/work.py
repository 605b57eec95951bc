"""How a stage works, and what it says it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from omr import workers as processes

Progress = Callable[[str, int, int], None]  # what is being done, done, total


@dataclass
class Summary:
    """What a stage did, for a person and for --json.

    Attributes:
        figures: by topic, such as "maths pages", numbers by name.
        exceptions: how many things need a person.
        listed: the file that lists them.
        notes: what a person may want to know, in sentences.
        written: what to look at.
    """

    stage: str
    figures: dict[str, dict[str, int | float]] = field(default_factory=dict)
    exceptions: int = 0
    listed: str = "exceptions.csv"
    notes: list[str] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Work:
    """How to work: an executor for batches (none: in this process), and whom to tell about progress."""

    executor: Executor | None = None
    workers: int = 1
    progress: Progress = lambda what, done, total: None

    def on(self, what: str) -> Callable[[int, int], None]:
        """The progress callback of one piece of work."""
        return lambda done, total: self.progress(what, done, total)


def usable_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def pool(workers: int) -> Iterator[Executor | None]:
    """A pool of `workers` processes, or none for one worker."""
    if workers <= 1:
        yield None
        return
    with processes.pool(workers) as executor:
        yield executor
