"""The alert of a failed run: what it says to a person who has never seen the project, and how often it is sent."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from sync_pipelines.lib.alerts import Alert
from sync_pipelines.lib.redaction import register
from sync_pipelines.operations.alerting import Alerting
from sync_pipelines.operations.defs.failed_runs import failed_partitions_of, failure_alert, read_failed_run
from sync_pipelines.operations.failed_runs import FailedRun
from sync_pipelines_tests.operations.conftest import alerts, collect

NOW = datetime(2026, 11, 28, 19, 30, tzinfo=UTC)
DAYS = dg.DailyPartitionsDefinition("2026-11-01")
ALERTING = Alerting(
    ui_url="https://dagster.example.com/", zone=ZoneInfo("America/Sao_Paulo"), clock=lambda: NOW
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@dg.asset(key=["hitss", "dre_lines"], partitions_def=DAYS)
def dre_lines(context: dg.AssetExecutionContext) -> None:
    if context.run.tags.get("fails"):
        raise dg.Failure("a closed month changed", allow_retries=False)


def definitions(status: dg.DefaultScheduleStatus = dg.DefaultScheduleStatus.RUNNING) -> dg.Definitions:
    job = dg.define_asset_job("hitss_load", selection=[dre_lines])
    schedule = dg.ScheduleDefinition(
        name="hitss_load_weekdays",
        job=job,
        cron_schedule="0 8 * * 1-5",
        execution_timezone="UTC",
        default_status=status,
    )

    @dg.sensor(name="hitss_changed_months", job=job, default_status=dg.DefaultSensorStatus.RUNNING)
    def changed() -> dg.SkipReason:
        return dg.SkipReason("Nothing.")

    return dg.Definitions(assets=[dre_lines], jobs=[job], schedules=[schedule], sensors=[changed])


def run(
    instance: dg.DagsterInstance, made: dg.Definitions, job: str = "hitss_load", **tags: str
) -> dg.ExecuteInProcessResult:
    return made.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key="2026-11-20", raise_on_error=False, tags=tags
    )


def failed(instance: dg.DagsterInstance, made: dg.Definitions, **tags: str) -> FailedRun:
    found = run(instance, made, fails="yes", **tags).dagster_run
    repository = made.get_repository_def()
    return read_failed_run(instance, found, repository, detail="a closed month changed", now=NOW)


def lines(alert: Alert) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in alert.text.splitlines())


def test_an_alert_names_data_time_link_next_try_and_what_to_do(instance: dg.DagsterInstance) -> None:
    made = definitions()
    assert run(instance, made).success
    one = failed(instance, made)
    alert = one.alert(ALERTING)
    assert alert.mail_subject == "🚨 [hitss] execução falhou: dre_lines (2026-11-20)"
    said = lines(alert)
    assert said["Ativos"] == "hitss/dre_lines"
    assert said["Partições"] == "2026-11-20"
    assert said["Quando"] == "28/11/2026 16:30 (America/Sao_Paulo)"
    assert said["Últimos dados bons"].startswith("hitss/dre_lines em ")
    assert said["Últimos dados bons"].endswith("partição 2026-11-20")
    # 28 November 2026 is a Saturday; 08:00 UTC of Monday is 05:00 in São Paulo.
    assert said["Próxima tentativa"] == (
        "30/11/2026 05:00 (America/Sao_Paulo), pelo agendamento hitss_load_weekdays"
    )
    assert "Materialize" in said["O que fazer"]
    assert said["Execução"] == f"https://dagster.example.com/runs/{one.run_id}"
    assert said["Detalhe"] == "a closed month changed"


def test_without_a_schedule_the_sensor_is_named_and_without_both_nothing_is_promised(
    instance: dg.DagsterInstance,
) -> None:
    stopped = definitions(dg.DefaultScheduleStatus.STOPPED)
    said = lines(failed(instance, stopped).alert(ALERTING))
    assert said["Próxima tentativa"] == "sozinha, pelo sensor hitss_changed_months"
    assert said["Últimos dados bons"] == "não há nenhum registro destas partições"
    bare = dg.Definitions(assets=[dre_lines], jobs=[dg.define_asset_job("hitss_load", selection=[dre_lines])])
    assert lines(failed(instance, bare).alert(ALERTING))["Próxima tentativa"] == "nenhuma automática"


def test_a_run_of_the_ui_is_named_by_its_assets_and_one_of_a_terminal_is_repeated_there(
    instance: dg.DagsterInstance,
) -> None:
    made = dg.Definitions(assets=[dre_lines])
    job = made.resolve_job_def("__ASSET_JOB")
    found = job.execute_in_process(
        instance=instance, partition_key="2026-11-20", raise_on_error=False, tags={"fails": "yes"}
    ).dagster_run
    assert found.job_name == "__ASSET_JOB"
    by_hand = read_failed_run(instance, found, None, detail="x", now=NOW)
    assert by_hand.alert(ALERTING).title == "execução falhou: dre_lines (2026-11-20)"
    assert "__ASSET_JOB" not in by_hand.alert(ALERTING).text
    typed = failed(instance, definitions(), **{"sync/launched_by": "command line"})
    assert "repita o comando" in lines(typed.alert(ALERTING))["O que fazer"]


def test_of_a_range_those_that_failed_are_named_and_the_others_are_no_good_data_of_theirs(
    instance: dg.DagsterInstance,
) -> None:
    made = definitions()
    assert run(instance, made).success  # of 2026-11-20

    @dg.op
    def months() -> None:
        raise dg.Failure("2 of 5 failed", metadata={"failed_partitions": ["2026-11-22", "2026-11-21"]})

    @dg.job
    def some_job() -> None:
        months()

    result = some_job.execute_in_process(instance=instance, raise_on_error=False)
    failures = [one for one in result.all_events if one.is_step_failure]
    assert failed_partitions_of(failures) == ("2026-11-21", "2026-11-22")
    of_days = run(instance, made, fails="yes").dagster_run
    alert = read_failed_run(instance, of_days, None, failures=failures, detail="x", now=NOW).alert(ALERTING)
    assert alert.title == "execução falhou: dre_lines (2026-11-21, 2026-11-22)"
    assert lines(alert)["Últimos dados bons"] == "não há nenhum registro destas partições"


@pytest.mark.filterwarnings("ignore:Parameter `repository_def`")
def test_the_sensor_hands_over_the_whole_alert(instance: dg.DagsterInstance) -> None:
    sent: list[Alert] = []
    made = definitions()
    result = run(instance, made, fails="yes")
    sensor = failure_alert(replace(ALERTING, channels=[collect(sent)]), on=False)
    context = dg.build_run_status_sensor_context(
        sensor_name="failed_run_alert",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        repository_def=made.get_repository_def(),
    ).for_run_failure()
    sensor(context)
    (alert,) = sent
    assert "pelo agendamento hitss_load_weekdays" in alert.text
    assert alert.system == "hitss"


SECRET = "segredo-do-alerta-4711"


def failed_context(
    instance: dg.DagsterInstance, problem: Exception, name: str = "hitss_load"
) -> dg.RunFailureSensorContext:
    """What the daemon hands to the sensor after a run whose only step raised `problem`."""

    @dg.op
    def work() -> None:
        raise problem

    @dg.job(name=name)
    def job() -> None:
        work()

    result = job.execute_in_process(instance=instance, raise_on_error=False)
    return dg.build_run_status_sensor_context(
        sensor_name="failed_run_alert",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    ).for_run_failure()


def test_the_same_sentence_of_a_job_is_sent_once_a_day(new_database: Callable[[str | None], str]) -> None:
    sent: list[Alert] = []
    with dg.DagsterInstance.ephemeral() as instance:
        sensor = failure_alert(Alerting([collect(sent)], ops_url=new_database("ops")), on=False)
        for sentence in ("2025-08 waits for a person.", "2025-08 waits for a person.", "Another one."):
            sensor(failed_context(instance, dg.Failure(sentence)))
    assert ["waits" in alert.text for alert in sent] == [True, False]


def test_a_step_that_notifies_by_itself_is_not_sent_twice() -> None:
    sent: list[Alert] = []
    with dg.DagsterInstance.ephemeral() as instance:
        sensor = failure_alert(Alerting([collect(sent)], notified_elsewhere={"work"}), on=False)
        sensor(failed_context(instance, dg.Failure("Some sentence.")))
    assert sent == []


def test_a_failed_run_sends_one_alert_with_its_sentence() -> None:
    sent: list[Alert] = []
    sentence = "2 of 8 partitions failed, the others are done: 2025-03-01: a closed month changed."
    with dg.DagsterInstance.ephemeral() as instance:
        failure_alert(Alerting([collect(sent)]), on=False)(
            failed_context(instance, dg.Failure(sentence, allow_retries=False))
        )
    (alert,) = sent
    assert sentence in alert.text
    assert (alert.system, alert.title) == ("hitss", "execução falhou: hitss_load")


def test_an_alert_holds_no_stack_and_no_internal_name() -> None:
    sent: list[Alert] = []
    with dg.DagsterInstance.ephemeral() as instance:
        failure_alert(Alerting([collect(sent)]), on=False)(
            failed_context(instance, dg.Failure("Some sentence."))
        )
    assert 'File "' not in sent[0].text
    assert "dagster._core" not in sent[0].text


def test_no_secret_leaves_in_an_alert(caplog: pytest.LogCaptureFixture) -> None:
    register(SECRET)
    with dg.DagsterInstance.ephemeral() as instance:
        failure_alert(Alerting(), on=False)(
            failed_context(instance, RuntimeError(f"login with {SECRET} refused"))
        )
    (alert,) = alerts(caplog)
    assert "login with *** refused" in alert
    assert all(
        SECRET not in record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR
    )
