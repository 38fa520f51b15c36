"""The lock of a living process: held over the block, taken again when it was lost, free after a kill."""

import subprocess
import sys
import threading
from collections.abc import Callable

import psycopg
import pytest

from sync_pipelines.lib import liveness, postgres

HOLD = """
import sys
from sync_pipelines.lib import liveness
with liveness.holding(sys.argv[1]) as mark:
    print(mark, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def ops(new_database: Callable[[str | None], str]) -> str:
    return new_database(None)


def free(ops: str, *marks: str) -> set[str]:
    with postgres.connect(ops, what="the ops database") as connection:
        return liveness.free(connection, marks)


def test_a_worker_holds_its_lock_over_the_block_and_no_longer(ops: str) -> None:
    assert liveness.current() is None
    with liveness.holding(ops) as first, liveness.holding(ops) as second:
        assert first is not None
        assert second is not None
        assert liveness.current() == second
        assert free(ops, first, second) == set()
        assert not liveness.is_gone(first)
    assert free(ops, first, second) == {first, second}
    assert liveness.current() is None


def test_without_a_database_nobody_is_judged() -> None:
    for url in (None, "postgresql://127.0.0.1:1/nothing"):
        with liveness.holding(url) as mark:
            assert (mark, liveness.current()) == (None, None)


def test_a_lock_that_was_lost_is_taken_again(ops: str) -> None:
    with liveness.holding(ops, renew_seconds=0.01) as mark:
        assert mark is not None
        with psycopg.connect(ops, autocommit=True) as other:
            (ended,) = other.execute(
                "select count(pg_terminate_backend(pid)) from pg_locks where locktype = 'advisory'"
            ).fetchone() or (0,)
        assert ended == 1
        again = threading.Event()
        for _ in range(500):
            if not free(ops, mark):
                break
            again.wait(0.01)
        assert free(ops, mark) == set()


def test_a_killed_process_is_gone_and_its_lock_is_free(ops: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, ops], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        mark = worker.stdout.readline().strip()
        assert free(ops, mark) == set()
        assert not liveness.is_gone(mark)
        worker.kill()
        worker.wait()
    assert liveness.is_gone(mark)
    for _ in range(500):
        if free(ops, mark):
            break
        threading.Event().wait(0.01)  # the server notices the end of its client
    assert free(ops, mark) == {mark}


def test_of_a_worker_of_another_machine_nothing_is_known_but_its_lock(ops: str) -> None:
    mark = "ffffffffffff:1:1700000000:abcd1234"
    assert not liveness.is_gone(mark)
    assert free(ops, mark) == {mark}
