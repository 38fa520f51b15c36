"""Signals that end a command: none is lost, whoever handles it."""

import signal

import pytest

from sync_pipelines.lib import interruptions
from sync_pipelines.lib.interruptions import ENDING, InterruptedRunError


@pytest.mark.parametrize("number", ENDING)
def test_each_signal_ends_the_block_by_its_name(number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in ENDING]
    with pytest.raises(InterruptedRunError, match=number.name) as caught, interruptions.raising():
        signal.raise_signal(number)
    assert caught.value.number == number
    assert [signal.getsignal(one) for one in ENDING] == before


def test_a_signal_that_another_handler_swallowed_is_noticed() -> None:
    with interruptions.raising(), interruptions.noticed() as received:
        assert received.first() is None
        kept = signal.signal(signal.SIGTERM, lambda *_: None)
        signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, kept)
        assert received.first() == signal.SIGTERM


def test_a_terminal_that_hangs_up_interrupts_whoever_took_over_the_interruptions() -> None:
    came: list[int] = []
    with interruptions.raising():
        kept = signal.signal(signal.SIGINT, lambda number, _frame: came.append(number))
        signal.raise_signal(signal.SIGHUP)
        signal.signal(signal.SIGINT, kept)
    assert came == [signal.SIGINT]


def test_what_is_ignored_stays_ignored() -> None:
    kept = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptions.raising():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, kept)
