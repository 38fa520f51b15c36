"""What the assets of a segment report: the figures that the business asks for first, then those of every asset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.bar_chart import Bar, bar_chart
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport, Reports
from sync_pipelines.lib.progress import Progress
from sync_pipelines.sprinthub.defs import descriptions
from sync_pipelines.sprinthub.defs.descriptions import LEADS_KEY, LIST_KEY, MEMBERSHIP_KEY
from sync_pipelines.sprinthub.leads.report import LeadsReport
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.segments.history import SHOWN, History

#: Fields of the CRM that a sentence names; the SQL has them all.
_NAMED = 10


def reports(outcome: SegmentOutcome, seconds: float, report: LeadsReport) -> Reports:
    """The reports of a segment that went to its end; `seconds` is the run time."""
    return {**list_reports(outcome, seconds), LEADS_KEY: _leads(outcome, seconds, report)}


def list_reports(outcome: SegmentOutcome, seconds: float) -> Reports:
    """The reports of list and membership, which stand although details did not come."""
    listed = {
        "leads_in_segment": outcome.leads,
        "entered": outcome.entered,
        "left": outcome.left,
        keys.ROWS_READ: outcome.leads,
        keys.ROW_COUNT: outcome.leads,
        keys.ROWS_LOADED: outcome.entered,
        keys.ROWS_UNCHANGED: max(0, outcome.leads - outcome.entered),
        keys.ROWS_DELETED: outcome.left,
        keys.PROVED: True,
        keys.DURATION: round(seconds, 3),
    }
    pages = {"readings_of_the_list": outcome.passes, "raw_pages": outcome.pages_path or "none kept"}
    complete = _complete(outcome)
    # Rows of a membership are never deleted: leaving is a date.
    membership = {**listed, keys.ROWS_LOADED: outcome.entered + outcome.left, keys.ROWS_DELETED: 0}
    return {
        LIST_KEY: PartitionReport({**listed, **pages}, [complete]),
        MEMBERSHIP_KEY: PartitionReport(membership),
    }


def _complete(outcome: SegmentOutcome) -> CheckReport:
    """A warning where the CRM counts other leads than the list has: the list was taken all the same."""
    if outcome.leads == outcome.counted:
        sentence = outcome.skipped or (
            f"The list has all {outcome.leads:,} leads that the CRM counts, in {outcome.passes} readings."
        )
        return CheckReport(descriptions.COMPLETE, True, sentence)
    return CheckReport(
        descriptions.COMPLETE,
        False,
        f"The list has {outcome.leads:,} leads and the CRM counts {outcome.counted:,}: they came and went during all"
        f" {outcome.passes} readings, or a person accepted it. The next run reads the list again.",
        severity=dg.AssetCheckSeverity.WARN,
    )


def observed(progress: Progress) -> dict[str, Any]:
    """The metadata of an observation while a run is under way."""
    found: dict[str, Any] = {
        "stage": progress.stage,
        "done": progress.done,
        "of": progress.total,
        keys.CALLS: progress.calls,
        "minutes_waited": round(progress.waited / 60, 2),
    }
    if progress.rate is not None:
        found["a_minute"] = round(60 * progress.rate, 1)
    if progress.estimate is not None:
        found["minutes_left"] = round(progress.estimate / 60, 1)
    return found


def _leads(outcome: SegmentOutcome, seconds: float, report: LeadsReport) -> PartitionReport:
    enriched = outcome.inserted + outcome.changed
    rate = outcome.success_rate
    business: dict[str, Any] = {
        "leads_in_segment": outcome.leads,
        "entered": outcome.entered,
        "left": outcome.left,
        "enriched": enriched,
        "new_in_the_table": outcome.inserted,
        "changed": outcome.changed,
        "rejected": outcome.rejected,
        **({"success_rate": math.floor(rate * 100) / 100} if rate is not None else {}),
        "run_minutes": round(seconds / 60, 2),
        f"errors_of_the_last_{SHOWN}_runs": report.history.errors,
        "minutes_of_the_last_runs": _chart(report.history),
        keys.CALLS: outcome.calls,
        "minutes_waited": round(outcome.wait_seconds / 60, 2),
    }
    technical: dict[str, Any] = {
        keys.ROWS_READ: outcome.processed,
        keys.ROWS_LOADED: enriched,
        keys.ROWS_UNCHANGED: outcome.unchanged + outcome.up_to_date,
        keys.ROWS_REJECTED: outcome.rejected,
        "fields_rejected": outcome.rejected_fields,
        "unread": outcome.unread,
        keys.ROW_COUNT: outcome.leads - outcome.rejected,
        keys.BYTES: outcome.bytes,
        keys.WAIT_SECONDS: round(outcome.wait_seconds, 3),
        keys.DIGEST: outcome.digest,
        keys.PROVED: not outcome.unread,
        keys.DURATION: round(seconds, 3),
    }
    if outcome.earlier_reading is not None:
        technical["oldest_reading"] = outcome.earlier_reading.isoformat(timespec="seconds")
    if outcome.drift:
        sql = "\n".join(report.suggested_sql)
        technical["suggested_sql"] = dg.MetadataValue.md(f"```sql\n{sql}\n```")
        technical["unknown_fields"] = dict(outcome.drift)
    return PartitionReport(
        {**business, **technical},
        [_accounted(outcome), _equal(outcome), _drift(outcome.drift, report.suggested_sql)],
    )


def _chart(history: History) -> dg.MarkdownMetadataValue:
    bars = [Bar(run.minutes, run.failed) for run in history.runs]
    return dg.MetadataValue.md(bar_chart("minutes of the last runs, failed ones red", bars))


def _accounted(outcome: SegmentOutcome) -> CheckReport:
    sentence = (
        f"{outcome.leads:,} leads = {outcome.up_to_date:,} up to date + {outcome.inserted:,} inserted"
        f" + {outcome.changed:,} changed + {outcome.unchanged:,} unchanged + {outcome.rejected:,} rejected"
        f" + {outcome.unread:,} unread."
    )
    is_whole = outcome.processed == outcome.leads and not outcome.unread
    return CheckReport(descriptions.ACCOUNTED, is_whole, sentence)


def _equal(outcome: SegmentOutcome) -> CheckReport:
    if outcome.skipped and not outcome.digest:
        return CheckReport(descriptions.EQUAL, True, outcome.skipped)
    earlier = outcome.earlier_reading
    since = f", by details read since {earlier:%Y-%m-%d %H:%M} UTC" if earlier else ""
    sentence = (
        f"Key set and content of {outcome.leads - outcome.rejected:,} rows are what list and details said"
        f" (digest {outcome.digest or 'none'}{since})."
    )
    because = f" Read was nothing: {outcome.skipped}." if outcome.skipped else ""
    return CheckReport(descriptions.EQUAL, True, sentence + because)


def _drift(drift: Mapping[str, int], suggested: Sequence[str]) -> CheckReport:
    named = ", ".join(f"{name} ({count:,} leads)" for name, count in sorted(drift.items())[:_NAMED])
    more = f" and {len(drift) - _NAMED} more" if len(drift) > _NAMED else ""
    sentence = "Every custom field has a column."
    if drift:
        sentence = f"Fields without a column, kept in `extra`: {named}{more}."
    if drift and suggested:
        sentence += f" A column of that name would be filled: {' '.join(suggested[:_NAMED])}"
    return CheckReport(descriptions.NO_DRIFT, not drift, sentence, severity=dg.AssetCheckSeverity.WARN)
