"""When something is tried again, and how long it waits before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.retry import Backoff, retrying


def failing(*errors: Exception) -> Callable[[], str]:
    """Work that fails with each of the errors, then succeeds."""
    left = list(errors)

    def work() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return work


def busy(retry_after: float | None = None) -> TransientError:
    return TransientError("It is busy.", retry_after=retry_after)


@pytest.mark.parametrize(
    ("errors", "waits"),
    [
        ([], []),
        ([busy(), busy()], [1, 2]),
        ([busy(), busy(), busy(), busy()], [1, 2, 4, 5]),
        ([busy(60)], [60]),
        ([busy(0.5)], [1]),
    ],
)
def test_waits_grow_and_are_never_shorter_than_what_was_asked(
    errors: list[Exception], waits: list[float]
) -> None:
    taken: list[float] = []
    work = retrying(Backoff(attempts=5, longest=5), sleep=taken.append, jitter=lambda: 0.0)
    assert work(failing(*errors)) == "done"
    assert taken == waits


@pytest.mark.parametrize(
    "errors", [[busy(), busy(), busy()], [PermanentError("No.")], [busy(121)], [ValueError("a bug")]]
)
def test_the_last_error_is_raised_as_it_is(errors: list[Exception]) -> None:
    with pytest.raises(type(errors[-1])) as raised:
        retrying(Backoff(), sleep=lambda _: None)(failing(*errors))
    assert raised.value is errors[-1]


def test_only_errors_of_the_named_class_are_tried_again() -> None:
    class NotRunError(TransientError):
        pass

    once = retrying(Backoff(), on=NotRunError, sleep=lambda _: None)
    assert once(failing(NotRunError("It did not run."))) == "done"
    with pytest.raises(TransientError, match="may have run"):
        once(failing(TransientError("It may have run.")))


@given(
    st.integers(1, 20),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.1, 10),
    st.one_of(st.none(), st.floats(0, 100)),
)
def test_a_wait_is_within_its_limits(
    attempt: int, chance: float, jitter: float, first: float, asked: float | None
) -> None:
    backoff = Backoff(first=first, longest=30.0, jitter=jitter)
    wait = backoff.wait(attempt, asked, chance=chance)
    assert (asked or 0.0) <= wait <= max(30.0, asked or 0.0)
    assert wait >= min(first * 2.0 ** (attempt - 1), 30.0)
