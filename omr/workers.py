"""Many tasks in processes: few in flight, and a task that kills its process costs only itself."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from multiprocessing.connection import wait as wait_for
from typing import IO, TypeVar

import cv2

from engine.errors import YuejuanError

Task = TypeVar("Task")
Result = TypeVar("Result")

PAGE_SECONDS = 60  # a page that takes longer is a bomb, or as bad as one
GRACE = 1.0  # seconds that it may take longer
MEMORY = 4 << 30  # bytes of a process: the largest page takes half of it, a bomb is to take no more
LARGEST_KEPT = 32 << 20  # bytes of one block that a process keeps when it is freed: an A3 page at 400 dpi
MOST_KEPT = 256 << 20  # bytes in all
AHEAD_ELSEWHERE = 256  # tasks in flight on an executor of which we don't know how many workers it has

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h

_watchdog_log: IO[str] | None = None  # open in worker processes only
_watched_since = -math.inf  # when the watchdog was last put on


def completed(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    executor: Executor | None = None,
    workers: int = 1,
    ahead: int = 2,
) -> Iterator[tuple[Task, Result | None]]:
    """Apply a function to tasks in other processes; yields (task, result) as they end, in no fixed order.

    Args:
        executor: where to work; without one, a pool of `workers` processes of our own.
        ahead: tasks in flight per process of our own pool.

    The result is None for every task that was in flight when a process died: one of them is the culprit. Work then
    goes on in a new pool of our own.

    Raises:
        YuejuanError: processes die before they take up any work.
    """
    waiting, running = deque(tasks), dict[Future[Result], Task]()
    if not waiting:
        return
    limit = AHEAD_ELSEWHERE if executor else ahead * workers
    working = executor or pool(workers)
    try:
        while waiting or running:
            broken = False
            try:
                while waiting and len(running) < limit:
                    running[working.submit(function, waiting[0])] = waiting[0]
                    waiting.popleft()
            except BrokenExecutor:
                broken = True
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                task = running.pop(future)
                try:
                    result = future.result()
                except BrokenExecutor:
                    broken, result = True, None
                yield task, result
            if broken and not running:
                if working is not executor:
                    working.shutdown()
                working, limit = pool(workers), ahead * workers
                _check_alive(working)
    finally:
        if working is not executor:
            working.shutdown(cancel_futures=True)


def pool(workers: int) -> ProcessPoolExecutor:
    """A pool of processes that leave threads to the processes, and end with their parent."""
    # Not forked from this process: threads of OpenMP and Arrow don't survive that.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(["omr.read"])  # imported once, not in every process
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start)


def _check_alive(pool: ProcessPoolExecutor) -> None:
    try:
        pool.submit(os.getpid).result()
    except BrokenExecutor:
        raise YuejuanError(
            "worker processes die as soon as they start",
            mend='check the memory; in a script, call from under `if __name__ == "__main__":`',
        ) from None


def _start() -> None:
    """Set a worker process up."""
    global _watchdog_log
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit_memory()
    _keep_memory()
    gc.freeze()  # what was imported is not looked through again for each few pages
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    _watchdog_log = open(os.devnull, "w")  # noqa: SIM115 open as long as the process
    os.dup2(_watchdog_log.fileno(), sys.stderr.fileno())  # where decoders complain of files; we say what they give


def _limit_memory() -> None:
    """Let this process have `MEMORY` at most, where the system can see to it: a decoder then fails, not the machine."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY if most < 0 else min(MEMORY, most), most))


def _keep_memory() -> None:
    """Keep what one page leaves for the next: to ask the system for memory anew takes as long as decoding a page.

    Only the GNU library has the switches; elsewhere nothing changes.
    """
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(_M_TRIM_THRESHOLD, MOST_KEPT)


def _end_with_parent() -> None:
    """A parent that is killed can't shut its pool down, and the workers would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def watch() -> None:
    """In a worker process of our own: end it unless this is called again, or `unwatch`, within `PAGE_SECONDS`."""
    global _watched_since
    # To put it on anew takes a new thread; for a page that follows within the second, the last will do.
    if _watchdog_log is not None and time.monotonic() - _watched_since > GRACE:
        faulthandler.dump_traceback_later(PAGE_SECONDS + GRACE, exit=True, file=_watchdog_log)
        _watched_since = time.monotonic()


def unwatch() -> None:
    """Take the watchdog off."""
    global _watched_since
    if _watchdog_log is not None:
        faulthandler.cancel_dump_traceback_later()
        _watched_since = -math.inf
