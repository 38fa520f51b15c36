"""`sync-pipelines run scouter`: push leads in this process, from the newest day backwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

from sync_pipelines import partitions
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.lib.runs import RunReport
from sync_pipelines.scouter.defs import definitions as system
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.export_jobs.job import ExportJob
from sync_pipelines.scouter.push.day_outcome import NOTHING_TO_DO
from sync_pipelines.scouter.push.job_range import first_day
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.settings import SettingsError
from sync_pipelines.settings.scouter import ScouterSettings


def run(
    settings: ScouterSettings,
    *,
    first: str | None,
    last: str | None,
    accept: Collection[str],
    progress: Callable[[str], None],
    push: LeadPush | None = None,
) -> RunReport:
    """Push the days from `first` to `last` (2025-10-21), or every lead there is; failures are in the report."""
    leads = push or LeadPush.from_settings(settings)
    definitions = system.definitions(settings, leads)
    newest = _day(last) or leads.today()
    known = partitions.days(settings.scouter_first_day, settings.sync_timezone).get_partition_keys()
    report = RunReport()
    with in_process.instance(settings.installation, report.notes.append) as instance:
        try:
            with leads.source() as connection:
                job = ExportActions(connection).create(newest, _day(first))
                oldest = first_day(connection, settings.zone)
        except SyncError as error:
            report.problems.append(str(error))
            return report
        progress(f"export job {job.id}.")
        end = max(known[0], min(newest.isoformat(), known[-1]))
        begin = max(known[0], min(first or str(oldest or end), end))
        config = {"export_job": job.id, "accept": sorted(accept)}
        done = in_process.materialize(
            definitions,
            "scouter_push",
            instance,
            config={"ops": {"scouter_leads_export": {"config": config}}},
            partitions=(begin, end),
        )
        _leave_nothing_pending(leads, job.id, done.problems)
    rows = done.metadata.get("leads_export", [])
    proved = sum(bool(row.get("proved")) for row in rows)
    exported = in_process.asset_row("leads_export", rows)
    with suppress(SyncError), leads.source() as connection:
        report.notes += _notes(ExportActions(connection).get(job.id), rows)
    is_done = bool(rows) and not done.problems
    report.nothing_to_do = is_done and not exported.read and NOTHING_TO_DO in report.notes
    days = "nothing to do" if report.nothing_to_do else f"{proved}/{len(rows)} days"
    report.rows.append(replace(exported, proved=days))
    report.problems += done.problems
    return report


def _notes(job: ExportJob, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the proof rests on, in sentences."""
    if not (job.exported_leads or job.error_leads):
        return [NOTHING_TO_DO]
    oldest = sorted(str(row["oldest_reading"]) for row in rows if row.get("oldest_reading"))
    seen, believed, lost = (
        int(in_process.total(rows, key))
        for key in ("unchanged_read_back", "unchanged_on_earlier_readings", "lost_at_the_destination")
    )
    notes = [f"{seen:,} unchanged leads were read at the destination now and are equal."] if seen else []
    if believed:
        notes.append(f"{believed:,} unchanged leads rest on earlier readings, the oldest of {oldest[0]}.")
    if lost:
        notes.append(f"{lost:,} leads were no longer there as they had been left, and were sent again.")
    return notes


def _leave_nothing_pending(leads: LeadPush, job_id: str, problems: Sequence[str]) -> None:
    """Pause a job that the run could not begin: pending it would keep others back, or be begun later, unasked."""
    with suppress(SyncError), leads.source() as connection:
        actions = ExportActions(connection)
        if actions.get(job_id).status == "pending":
            actions.pause(job_id, " ".join(problems) or "A execução não começou.")


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise SettingsError(f"{text!r} is not a day such as 2025-10-21.") from None
