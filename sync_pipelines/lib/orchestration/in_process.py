"""Materializing assets in this process, without daemon or webserver: the emergency and the scripting path.

Uses Dagster's database, so that the run shows in the UI's history, and an instance in memory while that database is
down: the data must not wait for the history.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from sync_pipelines.lib import interruptions, liveness, postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.dead_runs import end_dead_runs_quietly, worker_tags
from sync_pipelines.lib.orchestration.partition_runs import failure_sentence, keep_connections
from sync_pipelines.lib.orchestration.quiet_stderr import without_statements
from sync_pipelines.lib.runs import AssetRow, Installation

#: The UI lists a job's runs by the name of its code location. A run that a person started, only a person repeats.
_TAGS = {
    "sync/launched_by": "command line",
    ".dagster/repository": "__repository__@sync_pipelines",
    "dagster/max_retries": "0",
}
HISTORY_LOST = (
    "Dagster's database was lost while the run was under way: what was committed stays, and the run is not proved."
    " Run it again when the database answers."
)
#: Dagster's own console lines are for its developers; ours go through `progress`.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Materialized:
    """The events of one in-process run: metadata by (asset, partition), and sentences of what failed."""

    metadata: Mapping[str, Sequence[Mapping[str, Any]]]
    problems: Sequence[str]


@contextmanager
def instance(installation: Installation, note: Callable[[str], None]) -> Iterator[dg.DagsterInstance]:
    """The configured instance, or one in memory if its database cannot be reached: `note` gets a sentence then."""
    with suppress(OSError):  # the download itself fails by the same error, and says so
        installation.store.remove_abandoned()
    url, home = installation.dagster_url, os.environ.get("DAGSTER_HOME")
    if url is not None and home and not (Path(home).is_absolute() and Path(home).is_dir()):
        note(f"DAGSTER_HOME names no folder ({home}). The run goes on without history in the UI.")
    elif url is not None and home:
        try:
            with postgres.connect(url, what="Dagster's database"):
                pass
        except SyncError as error:
            note(f"{error} The run goes on without history in the UI.")
        else:
            with dg.DagsterInstance.get() as found, liveness.holding(installation.ops_url):
                keep_connections(found)
                # Without a daemon nobody else ends them, and they hold what this run may need.
                for run_id in end_dead_runs_quietly(found, installation.ops_url).ended:
                    note(f"The run {run_id} of a process that is gone was ended.")
                yield found
            return
    else:
        note("DAGSTER_HOME and DAGSTER_PG_URL are not both set: the run leaves no history in the UI.")
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def materialize(
    definitions: dg.Definitions,
    job: str,
    where: dg.DagsterInstance,
    *,
    config: Mapping[str, object],
    selection: Sequence[dg.AssetKey] | None = None,
    partitions: tuple[str, str] | None = None,
    partition: str | None = None,
    run_id: str | None = None,
) -> Materialized:
    """Run a job in this process, over a partition or a range of them; never raises for a failed step.

    `run_id` is that of work that has begun already (a UUID).

    Raises InterruptedRunError if a signal ended it: the run is ended by then, and the caller starts nothing more.
    """
    tags = {**_TAGS, **worker_tags()}
    if partitions:
        first, last = partitions
        tags |= {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    run_id = run_id or str(uuid4())
    with interruptions.raising(), interruptions.noticed() as received, without_statements():
        try:
            result = definitions.resolve_job_def(job).execute_in_process(
                instance=where,
                run_id=run_id,
                raise_on_error=False,
                run_config={**_QUIET, **config},
                tags=tags,
                partition_key=partition,
                asset_selection=list(selection) if selection else None,
            )
            if number := received.first():
                raise InterruptedRunError(number)
            return _outcome(where, result)
        except SQLAlchemyError as error:
            # Its own text holds the statement and its parameters.
            return Materialized({}, [f"{HISTORY_LOST} ({type(error).__name__})"])
        except KeyboardInterrupt as interruption:
            _end(where, run_id, f"{interruption} What had been committed stays.")
            raise


def _end(where: dg.DagsterInstance, run_id: str, sentence: str) -> None:
    """End a run that was interrupted before its first step or after its last one."""
    run = where.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        where.report_run_failed(run, sentence)


def _outcome(where: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> Materialized:
    found: dict[str, list[Mapping[str, Any]]] = {}
    # As stored: what a step logs before it fails is not among the result's own events.
    for record in where.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        materialization = record.get_dagster_event().step_materialization_data.materialization
        values = {name: value.value for name, value in materialization.metadata.items()}
        found.setdefault(materialization.asset_key.path[-1], []).append(values)
    problems = [
        failure_sentence(event.step_failure_data) for event in result.all_node_events if event.is_step_failure
    ]
    problems += [
        f"{check.asset_key.path[-1]}: {check.check_name} failed. {check.description or ''}".strip()
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR and check.partition is None
    ]
    if not result.success and not problems:
        problems.append(f"The run {result.run_id} failed; its events say why.")
    return Materialized(found, problems)


def total(rows: Sequence[Mapping[str, Any]], key: str) -> float:
    return sum(float(row.get(key) or 0) for row in rows)


def asset_row(asset: str, rows: Sequence[Mapping[str, Any]]) -> AssetRow:
    """The table's line for what an asset's materializations report."""
    return AssetRow(
        asset,
        read=int(total(rows, keys.ROWS_READ)),
        loaded=int(total(rows, keys.ROWS_LOADED)),
        unchanged=int(total(rows, keys.ROWS_UNCHANGED)),
        deleted=int(total(rows, keys.ROWS_DELETED)),
        rejected=int(total(rows, keys.ROWS_REJECTED)),
        seconds=total(rows, keys.DURATION),
    )
