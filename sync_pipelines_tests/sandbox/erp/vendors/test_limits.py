"""Windows and blocks by a clock that counts the seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sync_pipelines.sandbox.erp.calls import Call, Calls
from sync_pipelines.sandbox.erp.limits import Block, Window

_START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_call_is_free_when_the_window_has_passed_to_the_microsecond() -> None:
    window, calls = Window(3, 1.0), Calls(lambda: 0.0)
    for number in range(3000):
        # A call comes a second after the third one before it, to the microsecond; as floats some seem to come before.
        at = (_START + timedelta(seconds=number // 3, microseconds=number % 3 * 333_333 + 17)).timestamp()
        assert window.wait(at) == 0.0
        window.take(at)
        calls.record(Call(method="nfe", account=None, parameters={}, at=at, status=200))
    assert calls.busiest(1.0) == 3


def test_a_full_window_says_when_a_call_is_free() -> None:
    window = Window(2, 60.0)
    assert window.wait(0.0) == 0.0
    window.take(0.0)
    window.take(10.0)
    assert window.wait(20.0) == 40.0
    assert window.wait(60.0) == 0.0
    window.take(60.0)
    assert window.wait(61.0) == 9.0
    assert Window(None, 60.0).wait(0.0) == 0.0


def test_a_block_begins_with_what_fills_its_window_and_may_begin_anew() -> None:
    block = Block(Window(2, 10.0), 100.0)
    block.count(0.0)
    assert block.left(0.0) == 0.0
    block.count(11.0)
    assert block.left(11.0) == 0.0
    block.count(12.0)
    assert block.left(12.0) == 100.0
    assert block.left(50.0) == 62.0
    assert block.left(50.0, restarts=True) == 100.0
    assert block.left(149.0) == 1.0
    assert block.left(150.0) == 0.0
    # What led to it is forgotten with it.
    block.count(151.0)
    assert block.left(151.0) == 0.0
