"""Jobs that several threads share."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sharing import Sharing, sharing


def test_one_thread_does_its_jobs_in_their_order() -> None:
    done = []
    with sharing(1) as shared:
        assert shared.run([lambda: done.append(1), lambda: done.append(2) or 7]) == [None, 7]
    assert done == [1, 2]
    assert Sharing().run([]) == []


def test_jobs_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)
    with sharing(2) as shared:
        first, second = shared.run([lambda: both.wait() >= 0 and threading.get_ident()] * 2)
    assert first != second


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.lists(st.lists(st.integers(0, 4), max_size=4), max_size=6))
def test_jobs_may_run_jobs(threads: int, plan: list[list[int]]) -> None:
    """However deep and on however many threads, each is done once and gives its own result."""
    with sharing(threads) as shared:

        def outer(sizes: list[int]) -> Callable[[], list]:
            return lambda: shared.run(
                [lambda size=size: shared.run([lambda i=i: i for i in range(size)]) for size in sizes]
            )

        assert shared.run([outer(sizes) for sizes in plan]) == [[list(range(size)) for size in sizes] for sizes in plan]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_an_error_reaches_who_runs_the_jobs_when_all_are_over(threads: int) -> None:
    done = []

    def wrong() -> None:
        raise KeyError("unit")

    with sharing(threads) as shared:
        with pytest.raises(KeyError, match="unit"):
            shared.run([wrong, lambda: done.append(1), lambda: shared.run([wrong])])
        assert shared.run([lambda: 3]) == [3]
    assert done == [1]


def test_helpers_go_when_it_is_over() -> None:
    gone = threading.Event()
    shared = Sharing()

    def help_out() -> None:
        shared.help()
        gone.set()

    threading.Thread(target=help_out).start()
    shared.close()
    assert gone.wait(10)
