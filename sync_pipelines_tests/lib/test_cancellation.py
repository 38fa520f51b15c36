"""The end of work: sleeps, actions, and one cancellation within another."""

from __future__ import annotations

import pytest

from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.interruptions import InterruptedRunError


def test_it_ends_sleeps_and_does_what_was_given_once() -> None:
    cancellation, done = Cancellation(), []
    cancellation.check()
    cancellation.sleep(0)
    cancellation.on_cancel(lambda: done.append("before"))
    cancellation.cancel()
    cancellation.cancel()
    cancellation.on_cancel(lambda: done.append("after"))
    assert done == ["before", "after"]
    for wait in (cancellation.check, lambda: cancellation.sleep(3600)):
        with pytest.raises(InterruptedRunError):
            wait()


def test_what_is_within_ends_with_the_whole_and_not_the_other_way_round() -> None:
    whole = Cancellation()
    one, other = Cancellation(whole), Cancellation(whole)
    one.cancel()
    for living in (other, whole):
        living.check()
    whole.cancel()
    for ended in (one, other, whole, Cancellation(whole)):
        with pytest.raises(InterruptedRunError):
            ended.check()
