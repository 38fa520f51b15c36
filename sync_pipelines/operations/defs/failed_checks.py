"""The sensor that alerts of checks which a successful run left red."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import dagster as dg

from sync_pipelines.lib.alerts import Once, once, send_alert
from sync_pipelines.lib.orchestration.schedules import sensor_status
from sync_pipelines.operations.alerting import Alerting
from sync_pipelines.operations.failed_checks import FailedCheck, alert_of


def check_alert(alerting: Alerting, *, on: bool) -> dg.SensorDefinition:
    """A sensor that alerts of checks that a successful run left red, of each once a day."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="failed_check_alert",
        default_status=sensor_status(on),
        # A run of the command line belongs to no code location.
        monitor_all_code_locations=True,
        description="An alert for checks that a successful run left red; the same one once a day.",
    )
    def failed_check_alert(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        run_id, now = context.dagster_run.run_id, alerting.clock()
        day = f"{now.astimezone(alerting.zone):%Y-%m-%d}"
        failed = read_failed_checks(context.instance, run_id, alerting)
        with ExitStack() as stack:
            due = _due(stack, failed, ops_url=alerting.ops_url, day=day, run_id=run_id)
            if not due:
                return dg.SkipReason("Each check that is red was in an alert today already.")
            alert = alert_of(
                [check for check, _ in due], moment=alerting.moment(now), link=alerting.link(run_id)
            )
            delivery = send_alert(alert, alerting.channels)
            for _, notification in due:
                notification.done = delivery
        return None

    return failed_check_alert


def read_failed_checks(instance: dg.DagsterInstance, run_id: str, alerting: Alerting) -> list[FailedCheck]:
    """The checks with the severity of an error that a run left red; not those of assets that notify themselves."""
    newest: dict[dg.AssetCheckKey, dg.AssetCheckEvaluation] = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        found = entry.get_dagster_event().event_specific_data
        if (
            isinstance(found, dg.AssetCheckEvaluation)
            and found.asset_key.to_user_string() not in alerting.notified_elsewhere
        ):
            newest[found.asset_check_key] = found
    red = [one for one in newest.values() if not one.passed and one.severity is dg.AssetCheckSeverity.ERROR]
    red.sort(key=lambda one: (one.asset_key.path, one.check_name))
    return [FailedCheck(one.asset_key.to_user_string(), one.check_name, one.description) for one in red]


def _due(
    stack: ExitStack, failed: Sequence[FailedCheck], *, ops_url: str | None, day: str, run_id: str
) -> list[tuple[FailedCheck, Once]]:
    """The checks that no alert of the day has named yet; the stack holds the right to name them."""
    rights = [
        (
            check,
            stack.enter_context(once(ops_url, f"check/{check.asset}", day, kind=check.name, run_id=run_id)),
        )
        for check in failed
    ]
    return [(check, right) for check, right in rights if right.due]
