"""How a stage works, and what it says it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from threadpoolctl import threadpool_limits

from omr import workers as processes

Result = TypeVar("Result")
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

    def each(self, task: Callable[..., Result], *arguments: Iterable[Any]) -> list[Result]:
        """A task with the first of all arguments, with the second, …: its results in this order."""
        do = self.executor.map if self.executor else map
        return list(do(partial(_on_one_thread, task), *arguments))

    def on(self, what: str) -> Callable[[int, int], None]:
        """The progress callback of one piece of work."""
        return lambda done, total: self.progress(what, done, total)


def _on_one_thread(task: Callable[..., Result], *arguments: Any) -> Result:
    """Processes share the cores; and sums of many threads may differ in the last bit."""
    with threadpool_limits(1):
        return task(*arguments)


def joined(parts: Iterable[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    """Tables of several subjects, by name, as one of all."""
    together: dict[str, list[pa.Table]] = {}
    for part in parts:
        for name, table in part.items():
            together.setdefault(name, []).append(table)
    return {name: pa.concat_tables(some) for name, some in together.items()}


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
