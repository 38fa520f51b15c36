"""Runs whose process is gone are ended; the others, and those of which nothing is known, are not."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.lib import liveness
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.orchestration.dead_runs import WORKER, end_dead_runs, watched_executor
from sync_pipelines.operations.defs.reaper import reaper
from sync_pipelines.operations.orphaned_runs import OrphanNotifier

#: A worker of this machine whose process number is nobody's.
STARTED = dg.DagsterRunStatus.STARTED
ELSEWHERE = "ffffffffffff:1:1700000000:abcd1234"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def ops(new_database: Callable[[str | None], str]) -> str:
    return new_database("ops")


def gone() -> str:
    machine, _pid, start, number = liveness._new_mark().split(":")
    return f"{machine}:999999999:{start}:{number}"


@dg.op
def work() -> None:
    pass


def unfinished(instance: dg.DagsterInstance, mark: str | None) -> str:
    """A run that says STARTED, of the worker of a mark."""

    @dg.job
    def hitss_load() -> None:
        work()

    tags = {WORKER: mark} if mark else {}
    run = instance.create_run_for_job(hitss_load, status=STARTED, tags=tags)
    return run.run_id


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_only_the_runs_of_the_dead_are_ended(instance: dg.DagsterInstance, ops: str) -> None:
    with liveness.holding(ops) as mark:
        alive, unmarked = unfinished(instance, mark), unfinished(instance, None)
        dead = unfinished(instance, gone())
        found = end_dead_runs(instance, ops)
    assert (found.ended, found.suspects) == ((dead,), ())
    assert status_of(instance, dead) is dg.DagsterRunStatus.FAILURE
    assert [status_of(instance, one) for one in (alive, unmarked)] == [STARTED, STARTED]


def test_a_lock_that_another_machines_worker_does_not_hold_is_looked_at_twice(
    instance: dg.DagsterInstance, ops: str
) -> None:
    run = unfinished(instance, ELSEWHERE)
    first = end_dead_runs(instance, ops)
    assert (first.ended, first.suspects) == ((), (run,))
    assert status_of(instance, run) is STARTED
    assert end_dead_runs(instance, ops, first.suspects).ended == (run,)


def test_a_run_that_was_to_be_canceled_ends_so(instance: dg.DagsterInstance, ops: str) -> None:
    run_id = unfinished(instance, gone())
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_canceling(run)
    assert end_dead_runs(instance, ops).ended == (run_id,)
    assert status_of(instance, run_id) is dg.DagsterRunStatus.CANCELED


def test_the_sensor_ends_them_within_two_ticks(instance: dg.DagsterInstance, ops: str) -> None:
    here, there = unfinished(instance, gone()), unfinished(instance, ELSEWHERE)
    sensor = reaper([], OrphanNotifier([]), on=False, ops_url=ops)
    first = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(first, dg.SensorResult)
    assert [status_of(instance, one) for one in (here, there)] == [dg.DagsterRunStatus.FAILURE, STARTED]
    sensor(dg.build_sensor_context(instance=instance, cursor=first.cursor))
    assert status_of(instance, there) is dg.DagsterRunStatus.FAILURE


def definitions(body: Callable[[dg.OpExecutionContext], None], ops: str) -> dg.Definitions:
    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        body(context)

    @dg.job
    def some_job() -> None:
        step()

    return dg.Definitions(jobs=[some_job], executor=watched_executor(ops))


def test_a_run_of_the_command_line_bears_the_mark_of_its_living_process(
    instance: dg.DagsterInstance, ops: str
) -> None:
    tags: dict[str, str] = {}
    with liveness.holding(ops) as mark:
        in_process.materialize(
            definitions(lambda context: tags.update(context.run.tags), ops), "some_job", instance, config={}
        )
    assert tags[WORKER] == mark
    assert tags[".dagster/repository"] == "__repository__@sync_pipelines"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_and_what_comes_after_it(
    instance: dg.DagsterInstance, ops: str, number: signal.Signals
) -> None:
    with pytest.raises(InterruptedRunError):
        in_process.materialize(
            definitions(lambda _: signal.raise_signal(number), ops), "some_job", instance, config={}
        )
    (run,) = instance.get_runs()
    assert run.status is dg.DagsterRunStatus.FAILURE


def test_the_executor_holds_the_lock_while_steps_run(ops: str, tmp_path: Any) -> None:
    seen: list[set[str]] = []

    def look(context: dg.OpExecutionContext) -> None:
        run = context.instance.get_run_by_id(context.run.run_id)
        assert run is not None
        seen.append({run.tags[WORKER]} - {liveness.current()})

    made = definitions(look, ops).resolve_job_def("some_job")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(made)
        with dg.DagsterInstance.local_temp(str(tmp_path)):
            list(execute(made, run, instance))
        assert status_of(instance, run.run_id) is dg.DagsterRunStatus.SUCCESS
    assert seen == [set()]
    assert liveness.current() is None


def execute(job: dg.JobDefinition, run: dg.DagsterRun, instance: dg.DagsterInstance) -> Iterator[Any]:
    """As a launched run: by the job's own executor."""
    from dagster._core.definitions.job_base import InMemoryJob  # noqa: TID251
    from dagster._core.execution.api import execute_run_iterator  # noqa: TID251

    return execute_run_iterator(InMemoryJob(job), run, instance)
