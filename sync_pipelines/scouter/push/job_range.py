"""The range of a job: its days, and how many leads they hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.export_jobs.days import Span, day_span, days_between, require_reached
from sync_pipelines.scouter.export_jobs.job import ExportJob
from sync_pipelines.scouter.push.extract import FIRST_MOMENT, LeadReader


def first_day(connection: postgres.Connection, zone: ZoneInfo) -> date | None:
    """The day of the oldest lead, in `zone`; None if no lead has a day."""
    row = connection.execute(
        "select min(updated_at) from public.leads where updated_at >= %s and updated_at < clock_timestamp()",
        (FIRST_MOMENT,),
    ).fetchone()
    return row[0].astimezone(zone).date() if row and row[0] else None


def days_of(job: ExportJob, reader: LeadReader, zone: ZoneInfo) -> list[date]:
    """The days of a job, most recent first; not beyond the day of the oldest lead.

    Raises PermanentError if its dates are out of range.
    """
    require_reached(job.start_date, reader.now().astimezone(zone).date())
    if job.end_date is not None and job.start_date < job.end_date:
        return days_between(job.start_date, job.end_date)  # which raises
    # Days before the first lead are left out: a job that ends in the year 1 has 700,000 of them.
    first = first_day(reader.connection, zone) or job.start_date
    return days_between(job.start_date, min(max(job.end_date or first, first), job.start_date))


def days_left(job: ExportJob, days: Sequence[date]) -> list[date]:
    """Those of its `days` that earlier runs of the job have not completed."""
    if job.phase not in (None, "days"):
        return []
    done, begun = job.last_completed_date, job.processing_date
    return [day for day in days if (not done or day < done) and (not begun or day <= begun)]


def count_leads(job: ExportJob, days: Sequence[date], reader: LeadReader, *, zone: ZoneInfo) -> int:
    """Leads of a claimed job's days under its watermark; of a job without an oldest day also those of no day."""
    assert job.watermark is not None
    begin, end = day_span(days[-1], zone).begin, day_span(days[0], zone).end
    undated = reader.count_undated(reader.now()) if job.end_date is None else 0
    return reader.count(Span(begin, min(end or job.watermark, job.watermark))) + undated
