"""The new leads that the CRM's webhook names, where it is on: asset, checks, job, sensor and daily schedule."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.inbox_sensors import inbox_sensor
from sync_pipelines.lib.orchestration.metadata import table_definition
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, log_check
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.lib.orchestration.schedules import cron
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.defs.descriptions import CRM_KEY, GROUP, OWNER
from sync_pipelines.sprinthub.new_leads import pipeline
from sync_pipelines.sprinthub.new_leads.pipeline import NewLeads, NewLeadsRun

NEW_LEADS_KEY = dg.AssetKey(["sprinthub", "new_leads"])
DRAINED = "inbox_is_drained"
NOT_REJECTED = "no_new_lead_was_rejected"
SENSOR = "sprinthub_inbox"
_CHECKS = {
    DRAINED: "No arrival of before the run waits when it ends.",
    NOT_REJECTED: "The CRM knows every lead that its webhook names (a warning).",
}
#: The daily run drains even if nothing came, so a sensor that is switched off is noticed.
_FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=30), warn_window=timedelta(hours=26))

new_leads_job = dg.define_asset_job(
    "sprinthub_new_leads",
    selection=dg.AssetSelection.assets(NEW_LEADS_KEY),
    description="Read the leads that the CRM's webhook named.",
)


@dg.asset(
    key=NEW_LEADS_KEY,
    deps=[CRM_KEY],
    description=pipeline.__doc__,
    group_name=GROUP,
    owners=[OWNER],
    kinds={"postgres"},
    tags={"personal_data": "true"},
    metadata=table_definition("api.leads", {"id": ("bigint", "number of the lead in the CRM")}),
    freshness_policy=_FRESHNESS,
    check_specs=[
        dg.AssetCheckSpec(name, asset=NEW_LEADS_KEY, description=text) for name, text in _CHECKS.items()
    ],
    pool="sprinthub_new_leads",
    op_tags={"dagster/max_runtime": "7200"},
)
def new_leads_asset(
    context: dg.AssetExecutionContext, new_leads: dg.ResourceParam[NewLeads]
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    started = time.monotonic()
    with failing_in_a_sentence(context):
        done = new_leads.run(context.run.run_id, context.log.info)
        checks = [_drained(done), _not_rejected(done)]
        if unread := done.drained.unread:
            # A failed run makes the sensor wait longer before it asks for the same leads again.
            for check in checks:
                log_check(context, NEW_LEADS_KEY, None, check=check)
            raise TransientError(
                f"The details of {unread} new leads did not come; they wait, and the other"
                f" {done.drained.leads - unread} are done. {done.drained.problem}"
            )
    return dg.MaterializeResult[Any](
        metadata=_metadata(done) | {keys.DURATION: round(time.monotonic() - started, 2)},
        check_results=[
            dg.AssetCheckResult(
                check_name=check.name,
                passed=check.passed,
                severity=check.severity,
                description=check.description,
            )
            for check in checks
        ],
    )


def _metadata(done: NewLeadsRun) -> dict[str, Any]:
    drained = done.drained
    return {
        keys.ROWS_READ: drained.leads,
        keys.ROWS_LOADED: drained.written,
        keys.ROWS_UNCHANGED: drained.unchanged,
        keys.ROWS_REJECTED: drained.rejected.total(),
        "inserted": drained.inserted,
        "changed": drained.changed,
        "arrivals": drained.decided,
        "arrivals_superseded": drained.superseded,
        "arrivals_forgotten": done.forgotten,
        "rejected_by_reason": dict(drained.rejected),
    }


def _drained(done: NewLeadsRun) -> CheckReport:
    if not done.waiting:
        return CheckReport(DRAINED, passed=True, description="Nothing waits.")
    if done.drained.unread:
        sentence = f"{done.waiting} arrivals wait: the details of their leads did not come."
        return CheckReport(DRAINED, passed=False, description=sentence)
    # More came than one run takes, and the sensor asks for the next run at once.
    sentence = f"{done.waiting} arrivals wait for the next run."
    return CheckReport(DRAINED, passed=False, description=sentence, severity=dg.AssetCheckSeverity.WARN)


def _not_rejected(done: NewLeadsRun) -> CheckReport:
    rejected = done.drained.rejected.total()
    sentence = f"{rejected} leads were rejected; ops.inbox says why." if rejected else "None was rejected."
    return CheckReport(
        NOT_REJECTED, passed=not rejected, description=sentence, severity=dg.AssetCheckSeverity.WARN
    )


def webhook_definitions(
    settings: SprinthubSettings,
    new_leads: NewLeads | None = None,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.Definitions:
    """Everything of the new leads where SPRINTHUB_WEBHOOK is on; otherwise nothing."""
    if not settings.sprinthub_webhook:
        return dg.Definitions()
    new_leads, on = new_leads or NewLeads.from_settings(settings), settings.automation_is_on
    daily = cron(
        "sprinthub_new_leads_daily",
        new_leads_job,
        "50 4 * * *",
        on=on,
        zone=settings.sprinthub_timezone,
        description="Drains the webhook's inbox even if nothing came, so that old arrivals are forgotten.",
    )
    sensor = inbox_sensor(
        SENSOR,
        new_leads_job,
        new_leads.waiting,
        clock=clock,
        on=on,
        description="Drains the inbox of the webhook when a lead waits in it.",
    )
    return dg.Definitions(
        assets=[new_leads_asset],
        jobs=[new_leads_job],
        sensors=[sensor],
        schedules=[daily],
        resources={"new_leads": new_leads},
    )
