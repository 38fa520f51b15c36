"""`sync-pipelines run erp`: connections in this process, several at once, without the services."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import dagster as dg

from sync_pipelines.erp.connection_pool import ConnectionPool, SyncOptions
from sync_pipelines.erp.connections.control import read_connections
from sync_pipelines.erp.connections.due import is_due
from sync_pipelines.erp.connections.sentences import nothing_synced
from sync_pipelines.erp.connections.steward import ConnectionBusyError
from sync_pipelines.erp.defs import definitions as system
from sync_pipelines.erp.defs.analysis_reports import analysis_reports
from sync_pipelines.erp.defs.descriptions import CONNECTIONS
from sync_pipelines.erp.defs.due_connections import JOB, STEP
from sync_pipelines.erp.defs.keys import ASSETS, DRE_KEY, MONTHS
from sync_pipelines.erp.defs.month_assets import MONTH_ASSETS
from sync_pipelines.erp.defs.reports import MODULES
from sync_pipelines.erp.defs.sync_config import modules_of, months_of
from sync_pipelines.erp.outcome import SyncOutcome
from sync_pipelines.erp.pipeline import ConnectionSync
from sync_pipelines.erp.vendors.registry import VENDORS
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.orchestration.pool_runs import materialize_pool
from sync_pipelines.lib.progress import ProgressLine
from sync_pipelines.lib.runs import RunReport
from sync_pipelines.settings.erp import ErpSettings


def run(
    settings: ErpSettings,
    *,
    connections: Sequence[str] = (),
    modules: Sequence[str] = (),
    first: str | None = None,
    last: str | None = None,
    full: bool = False,
    accept: Collection[str] = (),
    progress: Callable[..., None],
    sync: ConnectionSync | None = None,
    **_: object,
) -> RunReport:
    """Sync every due connection, or those named, whatever their time and auto-sync; failures are in the report."""
    report = RunReport()
    with in_process.instance(settings.installation, report.notes.append) as instance:
        try:
            options = SyncOptions(
                modules=modules_of([one for text in modules for one in text.split(",") if one]),
                months=months_of(first, last, datetime.now(settings.zone).date()),
                full=full,
                accept=frozenset(accept),
                only_if_due=not connections,
            )
            wanted = _wanted(settings.erp_url, connections, report)
        except SyncError as error:
            report.problems.append(str(error))
            return report
        if not wanted:
            report.nothing_to_do = True
            report.notes.append("No connection is due; `sync-pipelines erp list` says when each is.")
            return report
        with (
            ConnectionPool(sync or ConnectionSync.from_settings(settings), wanted) as pool,
            pool.watched_by(ProgressLine(progress)),
        ):
            sync_connections(settings, instance, pool, wanted=list(wanted), options=options, report=report)
    return report


def _wanted(url: str, named: Sequence[str], report: RunReport) -> dict[str, UUID]:
    """The connections to sync by partition key. Raises SyncError if the table cannot be read or has no such one."""
    rows, now = read_connections(url), datetime.now(UTC)
    if not named:
        if unserved := [one.key for one in rows if one.erp_type not in VENDORS and one.auto_sync]:
            report.notes.append(f"No adapter yet, left alone: {', '.join(unserved)}.")
        return {one.key: one.id for one in rows if is_due(one, now, served=frozenset(VENDORS))}
    by_name = {name: one for one in rows for name in (one.key, str(one.id))}
    asked = [one.strip().lower() for one in named]
    if unknown := [one for one in asked if one not in by_name]:
        raise PermanentError(
            f"erp_connections has no row {', '.join(unknown)}; `sync-pipelines erp list` shows them."
        )
    return {by_name[one].key: by_name[one].id for one in asked}


def sync_connections(
    settings: ErpSettings,
    instance: dg.DagsterInstance,
    pool: ConnectionPool,
    *,
    wanted: Sequence[str],
    options: SyncOptions,
    report: RunReport,
) -> None:
    """Sync connections by the pool, and record in the instance what became of them."""
    # What was asked for stands in the run, so that a re-execution in the UI does the same.
    config = {
        "accept": sorted(options.accept),
        "full": options.full,
        "only_if_due": options.only_if_due,
        "modules": [str(one) for one in options.modules or ()],
        "first_month": f"{options.months[0]:%Y-%m}" if options.months else None,
        "last_month": f"{options.months[-1]:%Y-%m}" if options.months else None,
    }
    problems, found = materialize_pool(
        instance,
        system.definitions(settings, pool.sync, pool=pool),
        JOB,
        pool=pool,
        partitions=CONNECTIONS,
        wanted=wanted,
        options=options,
        config={"ops": {STEP: {"config": config}}},
    )
    report.problems += problems
    _add_rows(report, found, pool.outcomes())
    if options.only_if_due:
        # Dagster's automatic runs are right to leave them; whoever waits for this one reads that they are not proved.
        report.problems += pool.errors(ConnectionBusyError)
    report.notes += [sentence for outcome in pool.outcomes() for sentence in _notes(outcome)]
    report.notes.append(_summary(pool.outcomes(), len(wanted)))
    report.nothing_to_do = not report.problems and not any(found.values())


def _add_rows(
    report: RunReport, found: Mapping[str, Sequence[Mapping[str, Any]]], outcomes: Sequence[SyncOutcome]
) -> None:
    """One line an asset over all connections; of invoices and titles the months count."""
    for key in (*ASSETS[:2], *MONTHS, *ASSETS[2:]):
        asset = key.path[-1]
        rows, wanted = found.get(asset, []), sum(_wanted_of(key, one) for one in outcomes)
        proved = sum(bool(row.get("proved")) for row in rows)
        if rows or wanted:
            report.rows.append(replace(in_process.asset_row(asset, rows), proved=f"{proved}/{wanted}"))


def _wanted_of(key: dg.AssetKey, outcome: SyncOutcome) -> int:
    """How many partitions of an asset a sync was to prove."""
    for asset in MONTH_ASSETS:
        if asset.key == key:
            return len(outcome.months.get(asset.module, {}))
    if key in MODULES:
        done = outcome.modules.get(MODULES[key])
        return int(done is not None and done.status != "skipped")
    # What could not be read has no report, and was wanted all the same.
    return int(key in analysis_reports(outcome) or (key == DRE_KEY and outcome.dre is not None))


def _summary(outcomes: Sequence[SyncOutcome], wanted: int) -> str:
    """What the requirement's function returned: processed, succeeded, failed; the problems say why."""
    idle = sum(one.is_all_skipped for one in outcomes)
    succeeded = sum(not one.failed and not one.skipped for one in outcomes) - idle
    skipped = sum(one.skipped is not None for one in outcomes)
    left = f", {skipped} left alone" if skipped else ""
    left += f", {idle} with nothing to sync" if idle else ""
    return f"{wanted} connections: {succeeded} succeeded, {wanted - succeeded - skipped - idle} failed{left}."


def _notes(outcome: SyncOutcome) -> Iterator[str]:
    """What a person should know although the connection went to its end."""
    name = f"Connection {outcome.connection_id}"
    if outcome.skipped:
        yield f"{name}: {outcome.skipped}."
    if outcome.is_all_skipped:
        yield f"{name}: {nothing_synced(outcome)}"
        return
    for module, done in outcome.modules.items():
        if done.status == "skipped":
            yield f"{name}, {module}: {done.message}"
        elif done.counts.rejected:
            yield f"{name}, {module}: {done.counts.rejected:,} rows were rejected; ops.rejects says which and why."
    if outcome.credits is not None and outcome.credits.status == "skipped":
        yield f"{name}: {outcome.credits.message}"
