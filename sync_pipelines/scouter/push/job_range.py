"""How far a job reaches: its days, and how many leads they hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.export_jobs.job import ExportJob
from sync_pipelines.scouter.push.days import Span, day_span, days_between, require_reached
from sync_pipelines.scouter.push.extract import FIRST_MOMENT, LeadReader


def first_day(connection: postgres.Connection, zone: ZoneInfo) -> date | None:
    """The day of the oldest lead, in `zone`; None where no lead has a time that a day has."""
    row = connection.execute(
        "select min(updated_at) from public.leads where updated_at >= %s and updated_at < clock_timestamp()",
        (FIRST_MOMENT,),
    ).fetchone()
    return row[0].astimezone(zone).date() if row and row[0] else None


def days(job: ExportJob, reader: LeadReader, zone: ZoneInfo) -> list[date]:
    """The days of a job, most recent first; back to the day of the oldest lead, where it does not end before.

    Raises PermanentError where its dates are out of place.
    """
    require_reached(job.start_date, reader.now().astimezone(zone).date())
    if job.end_date is not None and job.start_date < job.end_date:
        return days_between(job.start_date, job.end_date)  # which refuses that
    # Days without any lead are no work: an end in the year 1 is 700,000 of them.
    first = first_day(reader.connection, zone) or job.start_date
    return days_between(job.start_date, min(max(job.end_date or first, first), job.start_date))


def total(job: ExportJob, between: Sequence[date], reader: LeadReader, zone: ZoneInfo) -> int:
    """Leads of a claimed job's days under its watermark; without an end those that are in no day, too."""
    assert job.watermark is not None
    begin, end = day_span(between[-1], zone).begin, day_span(between[0], zone).end
    undated = reader.count_undated(reader.now()) if job.end_date is None else 0
    return reader.count(Span(begin, min(end or job.watermark, job.watermark))) + undated
