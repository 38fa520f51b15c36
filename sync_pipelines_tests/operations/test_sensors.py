"""The sweeper of dead executions, and the alert of failed runs."""

import logging
from collections.abc import Callable

import dagster as dg
import psycopg
import pytest

from sync_pipelines.hitss.tables import EXECUTIONS
from sync_pipelines.lib.executions import execution
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.redaction import register
from sync_pipelines.operations.alerts import Alert
from sync_pipelines.operations.sensors import WatchedProject, failure_alert, sweep_all, sweeper

STOPPED = dg.DefaultSensorStatus.STOPPED
SECRET = "segredo-do-alerta-4711"
NOWHERE = WatchedProject("erp", "the erp database", f"postgresql://u:{SECRET}@127.0.0.1:1/erp", EXECUTIONS)


@pytest.fixture
def project(new_database: Callable[[str | None], str]) -> WatchedProject:
    return WatchedProject("hitss", "the fabricio database", new_database("fabricio"), EXECUTIONS)


def leave_open(project: WatchedProject, age: str, engine: str | None) -> str:
    """A row that says `running` and whose lock nobody holds."""
    with psycopg.connect(project.url, autocommit=True) as connection:
        row = connection.execute(
            "insert into automation_executions (status, started_at, execution_details)"
            " values ('running', now() - %s::interval, jsonb_strip_nulls(jsonb_build_object("
            "'engine', %s::text, 'run_id', 'dead'))) returning id::text",
            (age, engine),
        ).fetchone()
    assert row is not None
    return str(row[0])


def states(project: WatchedProject) -> dict[str, str]:
    with psycopg.connect(project.url) as connection:
        return dict(connection.execute("select id::text, status from automation_executions").fetchall())


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sync_pipelines.alerts"]


def test_only_rows_of_the_dead_are_closed(project: WatchedProject) -> None:
    dead = leave_open(project, "1 minute", "sync_pipelines")
    foreign, old = leave_open(project, "50 minutes", None), leave_open(project, "2 hours", None)
    with execution(
        project.url, EXECUTIONS, run_id="alive", what="the database", started="Começo.", details={}
    ) as alive:
        swept = {row.id for _, row in sweep_all([project])}
        found = states(project)
    assert swept >= {dead, old}
    assert (found[dead], found[old]) == ("failed", "failed")
    assert (found[alive.id], found[foreign]) == ("running", "running")
    assert states(project)[alive.id] == "completed"


def test_a_swept_row_says_what_happened_in_the_applications_own_log(project: WatchedProject) -> None:
    dead = leave_open(project, "1 minute", "sync_pipelines")
    sweep_all([project])
    with psycopg.connect(project.url) as connection:
        (sentence, completed) = connection.execute(
            "select error_message, completed_at is not null from automation_executions where id = %s", (dead,)
        ).fetchall()[0]
        lines = connection.execute(
            "select level, message from system_logs where execution_id = %s", (dead,)
        ).fetchall()
    assert sentence.startswith("O processo terminou sem concluir")
    assert completed
    assert lines == [("ERROR", "Execução encerrada: o processo que a conduzia não existe mais.")]


def test_the_sensor_tells_a_person_once_for_each_dead_execution(
    project: WatchedProject, caplog: pytest.LogCaptureFixture
) -> None:
    sweep_all([project])  # what the application left behind itself
    dead = leave_open(project, "1 minute", "sync_pipelines")
    sensor = sweeper([project], STOPPED)
    first, second = sensor(), sensor()
    assert isinstance(first, dg.SkipReason)
    assert isinstance(second, dg.SkipReason)
    assert (first.skip_message, second.skip_message) == (
        "1 dead executions were closed.",
        "No dead execution.",
    )
    (alert,) = alerts(caplog)
    assert "hitss: execução interrompida" in alert
    assert dead in alert


def test_an_unreachable_project_does_not_keep_the_others_from_being_swept(project: WatchedProject) -> None:
    dead = leave_open(project, "1 minute", "sync_pipelines")
    with pytest.raises(SyncError, match="the erp database") as caught:
        sweep_all([NOWHERE, project])
    assert states(project)[dead] == "failed"
    assert SECRET not in str(caught.value)


def test_a_row_swept_beside_an_unreachable_project_is_told_all_the_same(
    project: WatchedProject, caplog: pytest.LogCaptureFixture
) -> None:
    sweep_all([project])
    dead = leave_open(project, "1 minute", "sync_pipelines")
    with pytest.raises(SyncError, match="the erp database"):
        sweeper([NOWHERE, project], STOPPED)()
    assert [dead in alert for alert in alerts(caplog)] == [True]


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


def collect(sent: list[Alert]) -> Callable[[Alert], str]:
    """A channel that takes everything."""

    def take(alert: Alert) -> str:
        sent.append(alert)
        return "the test"

    return take


def test_the_same_sentence_of_a_job_is_told_once_a_day(new_database: Callable[[str | None], str]) -> None:
    sent: list[Alert] = []
    with dg.DagsterInstance.ephemeral() as instance:
        sensor = failure_alert(STOPPED, [collect(sent)], ops_url=new_database("ops"))
        for sentence in ("2025-08 waits for a person.", "2025-08 waits for a person.", "Another one."):
            sensor(failed_context(instance, dg.Failure(sentence)))
    assert ["waits" in alert.text for alert in sent] == [True, False]


def test_a_step_that_tells_by_itself_is_not_told_of_twice() -> None:
    sent: list[Alert] = []
    with dg.DagsterInstance.ephemeral() as instance:
        sensor = failure_alert(STOPPED, [collect(sent)], own={"work"})
        sensor(failed_context(instance, dg.Failure("Some sentence.")))
    assert sent == []


def test_a_failed_run_sends_one_alert_with_its_sentence() -> None:
    sent: list[Alert] = []
    sentence = "2 of 8 partitions failed, the others are done: 2025-03-01: a closed month changed."
    with dg.DagsterInstance.ephemeral() as instance:
        failure_alert(STOPPED, [collect(sent)])(
            failed_context(instance, dg.Failure(sentence, allow_retries=False))
        )
    (alert,) = sent
    assert sentence in alert.text
    assert (alert.system, alert.title) == ("hitss_load", "execução falhou")


def test_an_alert_holds_no_stack_and_no_internal_name() -> None:
    sent: list[Alert] = []
    with dg.DagsterInstance.ephemeral() as instance:
        failure_alert(STOPPED, [collect(sent)])(failed_context(instance, dg.Failure("Some sentence.")))
    assert 'File "' not in sent[0].text
    assert "dagster._core" not in sent[0].text


def test_no_secret_leaves_in_an_alert(caplog: pytest.LogCaptureFixture) -> None:
    register(SECRET)
    with dg.DagsterInstance.ephemeral() as instance:
        failure_alert(STOPPED)(failed_context(instance, RuntimeError(f"login with {SECRET} refused")))
    (alert,) = alerts(caplog)
    assert "login with *** refused" in alert
    assert all(
        SECRET not in record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR
    )
