"""`sync-pipelines run sprinthub`: segments in this process, several at once, without the services."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.orchestration.pool_runs import materialize_pool
from sync_pipelines.lib.progress import ProgressLine
from sync_pipelines.lib.runs import RunReport
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.defs import definitions as system
from sync_pipelines.sprinthub.defs.descriptions import ASSETS, SEGMENTS
from sync_pipelines.sprinthub.defs.due_segments import JOB, STEP
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.pipeline import SegmentSync
from sync_pipelines.sprinthub.segment_pool import RunOptions, SegmentPool
from sync_pipelines.sprinthub.segments.control import read_segments
from sync_pipelines.sprinthub.segments.segment_id import segment_id
from sync_pipelines.sprinthub.segments.steward import SegmentBusyError


def run(
    settings: SprinthubSettings,
    *,
    segments: Sequence[int | str] = (),
    full: bool = False,
    accept: Collection[str] = (),
    progress: Callable[..., None],
    sync: SegmentSync | None = None,
    **_: object,
) -> RunReport:
    """Sync every due segment, or those named, whatever their time or pause; failures are in the report."""
    report = RunReport()
    options = RunOptions(full=full, accept=frozenset(accept), only_if_due=not segments)
    with in_process.instance(settings.installation, report.notes.append) as instance:
        try:
            wanted = _wanted(settings.oficialmed_url, segments, report)
        except SyncError as error:
            report.problems.append(str(error))
            return report
        if not wanted:
            report.nothing_to_do = True
            report.notes.append("No segment is due; `sync-pipelines sprinthub list` says when each is.")
            return report
        with (
            SegmentPool(sync or SegmentSync.from_settings(settings)) as pool,
            pool.watched_by(ProgressLine(progress, "segment ")),
        ):
            sync_segments(settings, instance, pool, wanted=wanted, options=options, report=report)
    return report


def _wanted(url: str, segments: Sequence[int | str], report: RunReport) -> list[str]:
    """The partition keys of what is to be done. Raises SyncError where the control table cannot be read.

    A segment that a person names runs also without a row there: the emergency path needs no preparation.
    """
    rows, now = read_segments(url), datetime.now(UTC)
    if not segments:
        return list(dict.fromkeys(str(row.segment_id) for row in rows if row.is_due(now)))
    known, asked = {row.segment_id for row in rows}, [segment_id(one) for one in segments]
    if unknown := sorted(set(asked) - known):
        report.notes.append(
            f"Not in the control table, so no schedule syncs it: segment {', '.join(map(str, unknown))}."
            f" `sync-pipelines sprinthub add {unknown[0]}` adds one."
        )
    return [str(one) for one in dict.fromkeys(asked)]


def sync_segments(
    settings: SprinthubSettings,
    instance: dg.DagsterInstance,
    pool: SegmentPool,
    *,
    wanted: Sequence[str],
    options: RunOptions,
    report: RunReport,
) -> None:
    """Sync segments by the pool, and record in the instance what became of them."""
    config = {"full": options.full, "accept": sorted(options.accept), "only_if_due": options.only_if_due}
    problems, found = materialize_pool(
        instance,
        system.definitions(settings, pool.sync, pool=pool),
        JOB,
        pool=pool,
        partitions=SEGMENTS,
        wanted=wanted,
        options=options,
        config={"ops": {STEP: {"config": config}}},
    )
    report.problems += problems
    _add_rows(report, found, len(wanted))
    if options.only_if_due:
        # Dagster's automatic runs are right to leave them; whoever waits for this one reads that they are not proved.
        report.problems += pool.errors(SegmentBusyError)
    report.notes += [sentence for outcome in pool.outcomes() for sentence in _notes(outcome)]
    report.nothing_to_do = not report.problems and not any(found.values())


def _add_rows(report: RunReport, found: Mapping[str, Sequence[Mapping[str, Any]]], wanted: int) -> None:
    """One line an asset over all segments."""
    for key in ASSETS:
        asset = key.path[-1]
        rows = found.get(asset, [])
        proved = sum(bool(row.get("proved")) for row in rows)
        report.rows.append(replace(in_process.asset_row(asset, rows), proved=f"{proved}/{wanted}"))


def _notes(outcome: SegmentOutcome) -> Iterator[str]:
    """What a person should know although the segment went to its end."""
    segment = f"Segment {outcome.segment_id}"
    if outcome.skipped:
        yield f"{segment}: {outcome.skipped}."
    if outcome.rejected:
        yield f"{segment}: {outcome.rejected:,} leads have no usable detail; ops.rejects says which and why."
    if outcome.rejected_fields:
        yield f"{segment}: {outcome.rejected_fields:,} fields were rejected; the leads are loaded without them."
    if outcome.drift:
        fields = ", ".join(sorted(outcome.drift)[:10]) + (" …" if len(outcome.drift) > 10 else "")
        yield f"{segment}: fields without a column, kept in `extra`: {fields}; no_custom_field_is_unknown has the SQL."
