"""The sweeper of dead executions, and the alert of failed runs."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from sync_pipelines.hitss.dre.tables import EXECUTIONS
from sync_pipelines.lib.alerts import Alert
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records.orphaned_runs import WatchedProject, reap_all
from sync_pipelines.lib.records.run_log import open_execution
from sync_pipelines.lib.redaction import register
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.operations.defs.sensors import failure_alert, sweeper, teller
from sync_pipelines.systems import read_settings

STOPPED = dg.DefaultSensorStatus.STOPPED
SECRET = "segredo-do-alerta-4711"
NOWHERE = WatchedProject(
    system="erp", what="the erp database", url=f"postgresql://u:{SECRET}@127.0.0.1:1/erp", run_log=EXECUTIONS
)


@pytest.fixture
def project(new_database: Callable[[str | None], str]) -> WatchedProject:
    return WatchedProject(
        system="hitss", what="the fabricio database", url=new_database("fabricio"), run_log=EXECUTIONS
    )


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


def tick(sensor: dg.SensorDefinition) -> str:
    """What a sensor that requests nothing says."""
    with dg.DagsterInstance.ephemeral() as instance:
        answer = sensor(dg.build_sensor_context(instance=instance))
    if isinstance(answer, dg.SensorResult):
        answer = answer.skip_reason
    assert isinstance(answer, dg.SkipReason)
    return answer.skip_message or ""


def test_only_rows_of_the_dead_are_closed(project: WatchedProject) -> None:
    dead = leave_open(project, "1 minute", "sync_pipelines")
    foreign, old = leave_open(project, "50 minutes", None), leave_open(project, "2 hours", None)
    with open_execution(
        project.url, EXECUTIONS, run_id="alive", what="the database", started="Começo.", details={}
    ) as alive:
        swept = {row.id for _, row in reap_all([project])}
        found = states(project)
    assert swept >= {dead, old}
    assert (found[dead], found[old]) == ("failed", "failed")
    assert (found[alive.id], found[foreign]) == ("running", "running")
    assert states(project)[alive.id] == "completed"


def test_a_swept_row_says_what_happened_in_the_applications_own_log(project: WatchedProject) -> None:
    dead = leave_open(project, "1 minute", "sync_pipelines")
    reap_all([project])
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
    reap_all([project])  # what the application left behind itself
    dead = leave_open(project, "1 minute", "sync_pipelines")
    told = [tick(sweeper([project], STOPPED)) for _ in range(2)]
    assert told == ["1 dead executions were closed.", "No dead execution."]
    (alert,) = alerts(caplog)
    assert "hitss: execução interrompida" in alert
    assert dead in alert


def test_an_unreachable_project_does_not_keep_the_others_from_being_swept(project: WatchedProject) -> None:
    dead = leave_open(project, "1 minute", "sync_pipelines")
    with pytest.raises(SyncError, match="the erp database") as caught:
        reap_all([NOWHERE, project])
    assert states(project)[dead] == "failed"
    assert SECRET not in str(caught.value)


def test_a_row_swept_beside_an_unreachable_project_is_told_all_the_same(
    project: WatchedProject, caplog: pytest.LogCaptureFixture
) -> None:
    reap_all([project])
    dead = leave_open(project, "1 minute", "sync_pipelines")
    with pytest.raises(SyncError, match="the erp database"):
        tick(sweeper([NOWHERE, project], STOPPED))
    assert [dead in alert for alert in alerts(caplog)] == [True]


def test_many_rows_of_another_program_are_one_message_that_claims_nothing_of_them(
    project: WatchedProject,
) -> None:
    reap_all([project])
    for _ in range(10):
        leave_open(project, "40 days", None)
    sent: list[Alert] = []
    reap_all([project], teller([collect(sent)]))
    (alert,) = sent
    assert (alert.system, alert.title, alert.severity) == ("hitss", "10 execuções interrompidas", "aviso")
    assert "outro programa" in alert.text
    assert "Não sabemos o que elas gravaram" in alert.text
    assert "provad" not in alert.text
    with psycopg.connect(project.url) as connection:
        errors = connection.execute(
            "select distinct error_message from automation_executions where status = 'failed'"
            " and started_at < now() - interval '30 days' and started_at > now() - interval '50 days'"
        ).fetchall()
    assert [error.startswith("Encerrada como abandonada: outro programa") for (error,) in errors] == [True]


def test_ours_and_others_are_told_apart_in_one_message(project: WatchedProject) -> None:
    reap_all([project])
    ours, other = leave_open(project, "1 minute", "sync_pipelines"), leave_open(project, "2 hours", None)
    sent: list[Alert] = []
    reap_all([project], teller([collect(sent)]))
    (alert,) = sent
    about_ours, about_other = alert.text.split("\n\n")
    assert ours in about_ours
    assert other in about_other
    assert alert.severity == "erro"


def test_the_demo_tells_nothing_of_the_old_rows_that_it_brings(project: WatchedProject) -> None:
    reap_all([project])
    leave_open(project, "2 hours", None)
    sent: list[Alert] = []
    assert len(reap_all([project], teller([collect(sent)], demo=True))) == 1
    assert sent == []
    leave_open(project, "1 minute", "sync_pipelines")
    reap_all([project], teller([collect(sent)], demo=True))
    assert len(sent) == 1


def test_the_sensor_removes_what_a_killed_download_left(tmp_path: Path) -> None:
    left = tmp_path / "hitss" / "incoming" / "tmp1"
    left.mkdir(parents=True)
    os.utime(left, (1, 1))
    told = tick(sweeper([], STOPPED, store=FolderStore(tmp_path)))
    assert told == "No dead execution. 1 unfinished downloads were removed."
    assert not left.exists()


def test_the_daemon_says_that_everything_is_switched_off(caplog: pytest.LogCaptureFixture) -> None:
    off = definitions_of(sync_env="development").sensors or ()
    (sensor,) = [one for one in off if one.name == "automation_is_switched_off"]
    assert isinstance(sensor, dg.SensorDefinition)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert "Set SYNC_ENV=production" in tick(sensor)
    assert "Set SYNC_ENV=production" in caplog.text
    on = definitions_of(sync_env="production").sensors or ()
    assert "automation_is_switched_off" not in {one.name for one in on}


def definitions_of(**values: str) -> dg.Definitions:
    from sync_pipelines.definitions import build

    return build(read_settings(None, **values))


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
    assert (alert.system, alert.title) == ("hitss", "execução falhou: hitss_load")


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
