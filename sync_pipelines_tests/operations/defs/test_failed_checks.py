"""Alerts of red checks of runs that succeed, and of runs of the command line, as the daemon's sensors see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from sync_pipelines.lib.alerts import Alert
from sync_pipelines.operations.alerting import Alerting
from sync_pipelines.operations.defs.failed_checks import check_alert
from sync_pipelines.operations.defs.failed_runs import failure_alert

NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
KEY = dg.AssetKey(["hitss", "dre_orcado"])


@dg.asset(key=KEY)
def dre_orcado() -> None:
    raise dg.Failure("the workbook is another", allow_retries=False)


def looks(**found: bool | None) -> list[dg.AssetChecksDefinition]:
    """Checks by name: green, red, or (None) a red warning."""

    def look(name: str, passed: bool | None) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset=KEY, name=name)
        def one() -> dg.AssetCheckResult:
            severity = dg.AssetCheckSeverity.WARN if passed is None else dg.AssetCheckSeverity.ERROR
            return dg.AssetCheckResult(passed=bool(passed), severity=severity, description=f"{name}: said.")

        return one

    return [look(name, passed) for name, passed in found.items()]


class Daemon:
    """An instance with sensors as a daemon evaluates them, and what they handed over."""

    def __init__(self, instance: dg.DagsterInstance, ops: str) -> None:
        self.instance, self.sent = instance, list[Alert]()
        self.cursors: dict[str, str | None] = {}
        alerting = Alerting([self.take], ops_url=ops, clock=lambda: NOW)
        self.sensors = [check_alert(alerting, on=False), failure_alert(alerting, on=False)]

    def take(self, alert: Alert) -> str:
        self.sent.append(alert)
        return "the test"

    def tick(self) -> list[Alert]:
        """Evaluate both sensors; what they handed over this time."""
        self.sent.clear()
        repository = dg.Definitions(sensors=self.sensors).get_repository_def()
        for sensor in self.sensors:
            with dg.build_sensor_context(
                self.instance,
                cursor=self.cursors.get(sensor.name),
                repository_name=repository.name,
                repository_def=repository,
            ) as context:
                self.cursors[sensor.name] = sensor.evaluate_tick(context).cursor
        return list(self.sent)

    def run(self, checks: list[dg.AssetChecksDefinition], **options: Any) -> dg.ExecuteInProcessResult:
        """A run as the command line conducts it: it belongs to no code location."""
        selection = options.pop("selection", dg.AssetSelection.all_asset_checks())
        job = dg.define_asset_job("hitss_watch", selection=selection)
        made = dg.Definitions(assets=[dre_orcado], asset_checks=checks, jobs=[job])
        return made.resolve_job_def("hitss_watch").execute_in_process(
            instance=self.instance, raise_on_error=False, **options
        )


@pytest.fixture
def daemon(new_database: Callable[[str | None], str]) -> Iterator[Daemon]:
    with dg.DagsterInstance.ephemeral() as instance:
        made = Daemon(instance, new_database("ops"))
        made.tick()  # the first one only looks where history ends
        yield made


def test_red_checks_of_a_run_that_succeeds_are_one_message_once_a_day(daemon: Daemon) -> None:
    red = looks(rows_are_as_proved=False, budget_is_there=False, all_is_well=True, only_a_warning=None)
    assert daemon.run(red).success

    (alert,) = daemon.tick()

    assert (alert.system, alert.severity) == ("hitss", "erro")
    assert alert.title == "verificação falhou: budget_is_there, rows_are_as_proved"
    assert "hitss/dre_orcado, rows_are_as_proved: rows_are_as_proved: said." in alert.text
    assert "only_a_warning" not in alert.text
    assert "all_is_well" not in alert.text
    daemon.run([*looks(rows_are_as_proved=False), *looks(another_one=False)])
    assert [alert.title for alert in daemon.tick()] == ["verificação falhou: another_one"]
    daemon.run(looks(rows_are_as_proved=True))
    assert daemon.tick() == []


def test_a_failed_run_of_the_command_line_is_alerted(daemon: Daemon) -> None:
    result = daemon.run([], selection=[dre_orcado], tags={"sync/launched_by": "command line"})
    assert not result.success

    (alert,) = daemon.tick()

    assert alert.title == "execução falhou: dre_orcado"
    assert "repita o comando" in alert.text
