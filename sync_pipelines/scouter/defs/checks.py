"""Checks that look at the export as it stands, by something else than the runs that make it."""

from typing import LiteralString

import dagster as dg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.defs import descriptions
from sync_pipelines.scouter.push.compare import compare_all
from sync_pipelines.scouter.push.extract import WHAT
from sync_pipelines.scouter.push.pipeline import LeadPush

STANDING_CHECKS = (
    dg.AssetCheckKey(descriptions.EXPORT_KEY, descriptions.MOVING),
    dg.AssetCheckKey(descriptions.EXPORT_KEY, descriptions.NO_OLD_ERRORS),
    dg.AssetCheckKey(descriptions.EXPORT_KEY, descriptions.DATED),
)
#: Of the destination's table: beside the export it would run after every push of a day.
COMPARISONS = (dg.AssetCheckKey(descriptions.DESTINATION_KEY, descriptions.EQUAL),)
_STANDING_STILL: LiteralString = """
    select count(*), min(id::text) from public.gestao_scouter_export_jobs
    where (status = 'running' and started_at < now() - interval '1 hour'
            and updated_at < now() - interval '15 minutes')
        or (status = 'pending' and updated_at < now() - interval '1 hour')
"""
_OLD_ERRORS: LiteralString = """
    select count(distinct lead_id), min(job_id::text) from public.gestao_scouter_export_errors
    where created_at < now() - interval '7 days'
"""
#: As `push.undated` takes them.
_UNDATED: LiteralString = """
    select count(*), null from public.leads
    where updated_at is null or updated_at < '1900-01-02 00:00+00' or updated_at >= clock_timestamp()
"""


def checks(push: LeadPush) -> list[dg.AssetChecksDefinition]:
    """The standing checks of the export."""

    def ask(query: LiteralString) -> tuple[int, str | None]:
        url = push.settings.tabuladormax_url
        with postgres.connect(url, what=WHAT, read_only=True) as connection, postgres.errors_about(WHAT):
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0]), row[1]

    @dg.asset_check(
        asset=descriptions.EXPORT_KEY,
        name=descriptions.MOVING,
        description="No job is running without progress, or waits for a run, for more than an hour.",
    )
    def no_export_stands_still() -> dg.AssetCheckResult:
        found, first = ask(_STANDING_STILL)
        return dg.AssetCheckResult(
            passed=not found,
            description=f"{found} jobs stand still, such as {first}: is the daemon running?"
            if found
            else "No job stands still.",
        )

    @dg.asset_check(
        asset=descriptions.EXPORT_KEY,
        name=descriptions.NO_OLD_ERRORS,
        description="Refused leads are corrected and replayed within a week (a warning).",
    )
    def no_refused_lead_waits() -> dg.AssetCheckResult:
        found, first = ask(_OLD_ERRORS)
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{found} leads were refused more than a week ago, in job {first} among others: correct them,"
            " then launch scouter_replay_errors."
            if found
            else "No refused lead waits for long.",
        )

    @dg.asset_check(
        asset=descriptions.EXPORT_KEY,
        name=descriptions.DATED,
        description="Leads without updated_at, or with one before 1900 or still to come (infinity), are in no day; only"
        " a job without end_date takes them (a warning).",
    )
    def every_lead_has_a_day() -> dg.AssetCheckResult:
        found, _ = ask(_UNDATED)
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{found} leads have no updated_at that a day has (none, before 1900, or still to come): a job"
            " without end_date takes them."
            if found
            else "Every lead has a day.",
            metadata={"leads_without_a_day": found},
        )

    return [no_export_stands_still, no_refused_lead_waits, every_lead_has_a_day]


def comparison(push: LeadPush) -> dg.AssetChecksDefinition:
    """The check that reads every lead at the destination."""

    @dg.asset_check(
        asset=descriptions.DESTINATION_KEY,
        name=descriptions.EQUAL,
        description="Every lead that was pushed is still at the destination as it was left: all of them are read there."
        " scouter_repair sends those that are not.",
        pool="gestao_scouter",
    )
    def destination_still_holds_every_lead(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        with failing_in_a_sentence(context.op_execution_context):
            found = compare_all(push, context.run.run_id)
        return dg.AssetCheckResult(
            passed=found.holds, description=found.sentence(), metadata=found.metadata()
        )

    return destination_still_holds_every_lead
