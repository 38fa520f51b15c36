"""What watches over all systems: failed runs become alerts, and dead runs leave no row `running`."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import dagster as dg

from sync_pipelines.lib import executions, postgres
from sync_pipelines.lib.executions import ExecutionTables, Swept
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.partition_runs import failure_sentence
from sync_pipelines.operations.alerts import Alert, Channel, once, send_alert


class WatchedProject(NamedTuple):
    """A project database whose execution rows are swept."""

    system: str
    what: str
    url: str
    tables: ExecutionTables


def sweep_all(
    projects: Sequence[WatchedProject], tell: Callable[[WatchedProject, Swept], None] = lambda *_: None
) -> list[tuple[WatchedProject, Swept]]:
    """Close the rows that dead processes left open, in every project; one unreachable stops no other.

    `tell` is called for each, so that what was closed is told though another project fails. Raises SyncError,
    after the last project, when one could not be swept.
    """
    swept: list[tuple[WatchedProject, Swept]] = []
    unreachable: list[str] = []
    for project in projects:
        try:
            with postgres.connect(project.url, what=project.what) as connection:
                closed = executions.sweep(connection, project.tables)
        except SyncError as error:
            unreachable.append(str(error))
            continue
        for row in closed:
            tell(project, row)
        swept += [(project, row) for row in closed]
    if unreachable:
        raise TransientError(" ".join(unreachable))
    return swept


def sweeper(
    projects: Sequence[WatchedProject], status: dg.DefaultSensorStatus, channels: Sequence[Channel] = ()
) -> dg.SensorDefinition:
    """A sensor that sweeps every minute and tells a person what it found."""

    @dg.sensor(
        name="dead_run_sweeper",
        minimum_interval_seconds=60,
        default_status=status,
        description="Closes execution rows whose worker is gone. It trusts the lock a worker holds, not a status.",
    )
    def dead_run_sweeper() -> dg.SkipReason:
        found = sweep_all(projects, teller(channels))
        return dg.SkipReason(f"{len(found)} dead executions were closed." if found else "No dead execution.")

    return dead_run_sweeper


def teller(channels: Sequence[Channel]) -> Callable[[WatchedProject, Swept], None]:
    """What tells a person of an execution that was closed."""

    def tell(project: WatchedProject, row: Swept) -> None:
        text = (
            f"A execução {row.id} terminou sem concluir. Os meses gravados estão provados; o próximo"
            " agendamento continua. Para repetir agora, use Materialize na interface do Dagster."
        )
        send_alert(Alert(project.system, "execução interrompida", text), channels)

    return tell


def failure_alert(
    status: dg.DefaultSensorStatus,
    channels: Sequence[Channel] = (),
    *,
    own: Collection[str] = (),
    ops_url: str | None = None,
) -> dg.SensorDefinition:
    """A sensor that turns failed runs into alerts, but for steps that tell of their failures themselves.

    With our own database the same sentence of a job is told once a day: a month that waits for a person fails
    every two hours.
    """

    @dg.run_failure_sensor(
        name="failed_run_alert",
        default_status=status,
        description="An alert for a failed run, with the sentence of its failure; the same one once a day.",
    )
    def failed_run_alert(context: dg.RunFailureSensorContext) -> None:
        failures = context.get_step_failure_events()
        if failures and all(event.step_key in own for event in failures):
            return
        sentences = [failure_sentence(event.step_failure_data) for event in failures]
        job = context.dagster_run.job_name
        text = " ".join(sentences) or context.failure_event.message or "sem mensagem"
        alert = Alert(job, "execução falhou", text)
        if ops_url is None:
            send_alert(alert, channels)
            return
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        kind = hashlib.sha256(text.encode()).hexdigest()[:16]
        with once(ops_url, f"job/{job}", day, kind, context.dagster_run.run_id) as told:
            if told.due:
                told.done = send_alert(alert, channels)

    return failed_run_alert
