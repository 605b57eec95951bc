"""Jobs that several threads do together: whoever is free takes the next one.

The jobs are calls of kernels that release Python's lock. Shares settled beforehand would wait for the slowest core, and
cores are not alike: by their make, and as other programs take some of their time.
"""

from __future__ import annotations

from _thread import start_new_thread
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Condition
from typing import Any

Run = Callable[[Sequence[Callable[[], Any]]], list[Any]]
"""Does jobs, in any order and on any threads, and returns what they give."""


class Sharing:
    """Threads that share jobs; made by `sharing`."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._changed = Condition()
        self._closed = False

    def run(self, jobs: Sequence[Callable[[], Any]]) -> list[Any]:
        """Do jobs, the first of them here unless others are waiting to be done; returns what they give, in their order.

        A job may itself run others. What one of them raises is raised here when all are done.
        """
        made: list[Any] = [None] * len(jobs)
        errors: list[BaseException] = []
        left = len(jobs)

        def work(place: int, job: Callable[[], Any]) -> None:
            nonlocal left
            try:
                made[place] = job()
            except BaseException as error:  # who runs the jobs gets it
                errors.append(error)
            with self._changed:
                left -= 1
                self._changed.notify_all()

        with self._changed:
            self._jobs.extend(partial(work, place, job) for place, job in enumerate(jobs))
            self._changed.notify_all()
        self._work_until(lambda: not left)
        if errors:
            raise errors[0]
        return made

    def help(self) -> None:
        """Do others' jobs until there will be no more."""
        self._work_until(lambda: self._closed)

    def close(self) -> None:
        """Let the helpers go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _work_until(self, done: Callable[[], bool]) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._jobs) or done())
                if done():
                    return
                job = self._jobs.popleft()
            job()


@contextmanager
def sharing(threads: int) -> Iterator[Sharing]:
    """So many threads, the caller's own among them, that share jobs."""
    shared = Sharing()
    for _ in range(threads - 1):
        # Not threading's: it would wait here until the thread has started, which may take longer than what is saved.
        start_new_thread(shared.help, ())
    try:
        yield shared
    finally:
        shared.close()
