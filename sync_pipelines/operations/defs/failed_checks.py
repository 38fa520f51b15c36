"""What a person is told of red checks: a run that only looks succeeds whatever it finds, and is no failed run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, tzinfo

import dagster as dg

from sync_pipelines.lib.alerts import Alert, Channel, once, send_alert

#: How many checks a title names, how many a text, and how much of the sentence of each.
NAMED, LISTED, LENGTH = 3, 20, 500


def failed_checks(
    instance: dg.DagsterInstance, run_id: str, own: Collection[str] = ()
) -> list[dg.AssetCheckEvaluation]:
    """The error checks that a run left red, by their names; not those of assets that tell of them themselves."""
    newest: dict[dg.AssetCheckKey, dg.AssetCheckEvaluation] = {}
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        found = entry.get_dagster_event().event_specific_data
        if isinstance(found, dg.AssetCheckEvaluation) and found.asset_key.to_user_string() not in own:
            newest[found.asset_check_key] = found
    red = [one for one in newest.values() if not one.passed and one.severity is dg.AssetCheckSeverity.ERROR]
    return sorted(red, key=lambda one: (one.asset_key.path, one.check_name))


def alert_of(failed: Sequence[dg.AssetCheckEvaluation], *, moment: str, link: str) -> Alert:
    """One message for all red checks of a run."""
    names = ", ".join(one.check_name for one in failed[:NAMED])
    more = f" e mais {len(failed) - NAMED}" if len(failed) > NAMED else ""
    lines = [
        f"Quando: {moment}",
        *(
            f"{one.asset_key.to_user_string()}, {one.check_name}: {(one.description or 'sem mensagem')[:LENGTH]}"
            for one in failed[:LISTED]
        ),
        "O que fazer: procure o nome da verificação no runbook do README. A mesma verificação é avisada uma vez por"
        " dia enquanto estiver vermelha.",
        f"Execução: {link}",
    ]
    return Alert(failed[0].asset_key.path[0], f"verificação falhou: {names}{more}", "\n".join(lines))


def check_alert(
    status: dg.DefaultSensorStatus,
    channels: Sequence[Channel] = (),
    *,
    own: Collection[str] = (),
    ops_url: str,
    ui_url: str = "http://127.0.0.1:3000",
    zone: tzinfo = UTC,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.SensorDefinition:
    """A sensor that tells of checks that a successful run left red, each once a day.

    `own` are assets that tell of what they find themselves.
    """

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="failed_check_alert",
        default_status=status,
        # A run of the command line belongs to no code location.
        monitor_all_code_locations=True,
        description="An alert for checks that a successful run left red; the same one once a day.",
    )
    def failed_check_alert(context: dg.RunStatusSensorContext) -> dg.SkipReason | None:
        run_id, now = context.dagster_run.run_id, clock()
        failed = failed_checks(context.instance, run_id, own)
        with ExitStack() as stack:
            rights = [
                (
                    one,
                    stack.enter_context(
                        once(
                            ops_url,
                            f"check/{one.asset_key.to_user_string()}",
                            f"{now.astimezone(zone):%Y-%m-%d}",
                            kind=one.check_name,
                            run_id=run_id,
                        )
                    ),
                )
                for one in failed
            ]
            due = [(one, right) for one, right in rights if right.due]
            if not due:
                return dg.SkipReason("No check is red that was not told of today.")
            moment = f"{now.astimezone(zone):%d/%m/%Y %H:%M} ({zone})"
            alert = alert_of(
                [one for one, _ in due], moment=moment, link=f"{ui_url.rstrip('/')}/runs/{run_id}"
            )
            done = send_alert(alert, channels)
            for _, right in due:
                right.done = done
        return None

    return failed_check_alert
