"""Runs of dead processes: Dagster calls them STARTED for hours, and they fill the queue and hold pools meanwhile.

The lock of the worker decides (`lib/liveness`). A tag of the run holds the mark of its worker; a run without the tag
is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from sync_pipelines.lib import liveness, postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration.unfinished_runs import LAUNCHED

WORKER = "sync/worker"
ENDED = (
    "The process that conducted this run is gone; what it had committed stays, and nothing is half written."
)


@dataclass(frozen=True)
class DeadRuns:
    """The runs that were ended, and those to check again."""

    ended: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()


def end_dead_runs(
    instance: dg.DagsterInstance, ops_url: str | None, suspects: Collection[str] = ()
) -> DeadRuns:
    """End the runs whose worker's lock is free and whose process is gone from this machine.

    For a worker of another machine only the lock is known, and a restarted server has forgotten it until the worker
    takes it again. So such a run first becomes a suspect, and is ended if it was one before (`suspects`).
    Raises SyncError if the ops database does not answer.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=list(LAUNCHED)))
    marks = {run.run_id: run.tags[WORKER] for run in runs if WORKER in run.tags}
    if not marks or ops_url is None:
        return DeadRuns()
    with postgres.connect(ops_url, what=liveness.OPS) as connection:
        free = liveness.free(connection, set(marks.values()))
    unheld = [run_id for run_id, mark in marks.items() if mark in free]
    dead = [run_id for run_id in unheld if run_id in suspects or liveness.is_gone(marks[run_id])]
    ended = tuple(run_id for run_id in dead if _end(instance, run_id))
    return DeadRuns(ended, tuple(run_id for run_id in unheld if run_id not in dead))


def _end(instance: dg.DagsterInstance, run_id: str) -> bool:
    """End a run, unless its worker ended it in the meantime."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return False
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, ENDED)
    else:
        instance.report_run_failed(run, ENDED)
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return True


def watched_executor(ops_url: str | None) -> dg.ExecutorDefinition:
    """Dagster's in-process executor, whose process holds a worker's lock while it runs the steps."""

    def create(context: dg.InitExecutorContext) -> dg.Executor:
        make = dg.in_process_executor.executor_creation_fn
        assert make is not None
        return _Watched(make(context), ops_url)

    schema: Any = dg.in_process_executor.config_schema
    return dg.ExecutorDefinition("in_process", config_schema=schema, executor_creation_fn=create)


class _Watched(dg.Executor):
    """Another executor, inside a worker's lock."""

    def __init__(self, executor: dg.Executor, ops_url: str | None) -> None:
        self._executor, self._ops_url = executor, ops_url

    @property
    def retries(self) -> Any:
        return self._executor.retries

    @property
    def step_dependency_config(self) -> Any:
        return self._executor.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        with liveness.holding(self._ops_url) as mark:
            if mark is not None:
                plan_context.instance.add_run_tags(plan_context.run_id, worker_tags())
            yield from self._executor.execute(plan_context, execution_plan)


def worker_tags() -> Mapping[str, str]:
    """The tags of a run of this process; empty if it holds no lock."""
    mark = liveness.current()
    return {WORKER: mark} if mark else {}


def end_dead_runs_quietly(instance: dg.DagsterInstance, ops_url: str | None) -> DeadRuns:
    """The same before a run of the command line, which itself reports a database that does not answer."""
    try:
        return end_dead_runs(instance, ops_url)
    except SyncError:
        return DeadRuns()
