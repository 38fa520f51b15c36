"""What watches over all systems: failed runs become alerts, and dead processes leave nothing open."""

import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, tzinfo

import dagster as dg

from sync_pipelines.lib.alerts import Alert, Channel, once, send_alert
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration.dead_runs import DeadRuns, end_dead_runs
from sync_pipelines.lib.records.orphaned_runs import Orphan, WatchedProject, reap_all
from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.operations.defs.failed_runs import FailedRun, failed_partitions_of, sentences_of

logger = logging.getLogger(__name__)
#: How many executions a message names; of more it says how many.
NAMED = 5


def sweeper(
    projects: Sequence[WatchedProject],
    status: dg.DefaultSensorStatus,
    channels: Sequence[Channel] = (),
    *,
    ops_url: str | None = None,
    store: LandingStore | None = None,
    demo: bool = False,
) -> dg.SensorDefinition:
    """A sensor that closes every minute what dead processes left open, and tells a person what it found."""

    @dg.sensor(
        name="dead_run_sweeper",
        minimum_interval_seconds=60,
        default_status=status,
        description="Ends the runs and closes the execution rows whose worker is gone, and removes what it left of a"
        " download. It trusts the lock that a worker holds, not a status.",
    )
    def dead_run_sweeper(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        dead, problem = DeadRuns(), None
        try:
            suspects = context.cursor.split() if context.cursor else ()
            dead = end_dead_runs(context.instance, ops_url, suspects)
        except SyncError as error:
            problem = error
        left = store.remove_abandoned() if store else 0
        found = reap_all(projects, teller(channels, demo=demo))
        if problem:
            raise problem
        done = [
            f"{len(dead.ended)} runs of dead processes were ended." if dead.ended else "",
            f"{len(found)} dead executions were closed." if found else "No dead execution.",
            f"{left} unfinished downloads were removed." if left else "",
        ]
        return dg.SensorResult(
            skip_reason=" ".join(filter(None, done)), cursor=" ".join(dead.suspects) or None
        )

    return dead_run_sweeper


def teller(
    channels: Sequence[Channel], *, demo: bool = False
) -> Callable[[WatchedProject, Sequence[Orphan]], None]:
    """What tells a person, in one message, of the executions that were closed in a project.

    In the demo nothing is told of another program's: they are part of what it shows.
    """

    def tell(project: WatchedProject, rows: Sequence[Orphan]) -> None:
        ours = [row for row in rows if row.is_ours]
        foreign = [] if demo else [row for row in rows if not row.is_ours]
        texts = [_of_ours(ours)] if ours else []
        texts += [_of_others(foreign)] if foreign else []
        if not texts:
            return
        count = len(ours) + len(foreign)
        title = "execução interrompida" if count == 1 else f"{count} execuções interrompidas"
        text = "\n\n".join(texts)
        send_alert(
            Alert(system=project.system, title=title, text=text, severity="erro" if ours else "aviso"),
            channels,
        )

    return tell


def _of_ours(rows: Sequence[Orphan]) -> str:
    one = len(rows) == 1
    what = f"A execução {rows[0].id} terminou" if one else f"As execuções {_names(rows)} terminaram"
    return (
        f"{what} sem concluir: o processo que {'a' if one else 'as'} conduzia não existe mais. Nada ficou gravado pela"
        " metade, e o próximo agendamento faz o que falta. Para repetir agora, abra o ativo na interface do Dagster"
        " e use Materialize."
    )


def _of_others(rows: Sequence[Orphan]) -> str:
    oldest = min((row.started_at for row in rows if row.started_at), default=None)
    since = f", a mais antiga de {oldest:%d/%m/%Y}" if oldest else ""
    what = (
        f"A execução {rows[0].id} foi encerrada como abandonada"
        if len(rows) == 1
        else f"{len(rows)} execuções ({_names(rows)}) foram encerradas como abandonadas"
    )
    return (
        f"{what}{since}: outro programa as abriu há mais de uma hora e não as concluiu. Não sabemos o que elas"
        " gravaram; os dados que este projeto publica são comparados por conta própria, e não dependem delas."
    )


def _names(rows: Sequence[Orphan]) -> str:
    more = f" e mais {len(rows) - NAMED}" if len(rows) > NAMED else ""
    return ", ".join(row.id for row in rows[:NAMED]) + more


def switched_off(sync_env: str) -> dg.SensorDefinition:
    """What says in the daemon, where everything else is switched off, that it is, and why."""
    sentence = (
        f"SYNC_ENV is {sync_env}: all schedules and sensors start switched off, and nothing runs by itself."
        " Set SYNC_ENV=production and start the daemon and the webserver again, or switch on what you want in the UI."
    )

    @dg.sensor(
        name="automation_is_switched_off",
        minimum_interval_seconds=3600,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=sentence,
    )
    def automation_is_switched_off() -> dg.SkipReason:
        logger.warning(sentence)
        return dg.SkipReason(sentence)

    return automation_is_switched_off


def failure_alert(
    status: dg.DefaultSensorStatus,
    channels: Sequence[Channel] = (),
    *,
    own: Collection[str] = (),
    ops_url: str | None = None,
    ui_url: str = "http://127.0.0.1:3000",
    zone: tzinfo = UTC,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dg.SensorDefinition:
    """A sensor that turns failed runs into alerts, but for steps that tell of their failures themselves.

    With our own database the same sentence of a job is told once a day: a month that waits for a person fails
    every two hours.
    """

    @dg.run_failure_sensor(
        name="failed_run_alert",
        default_status=status,
        # A run of the command line, and so one that was killed there, belongs to no code location.
        monitor_all_code_locations=True,
        description="An alert for a failed run, with the sentence of its failure; the same one once a day.",
    )
    def failed_run_alert(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        failures = context.get_step_failure_events()
        if failures and all(event.step_key in own for event in failures):
            return dg.SkipReason("The step told of its failure by itself.")
        text = sentences_of(failures, context.failure_event)
        failed = FailedRun(
            run=context.dagster_run,
            instance=context.instance,
            repository=context.repository_def,
            detail=text,
            ui_url=ui_url,
            zone=zone,
            now=clock(),
            failed_partitions=failed_partitions_of(failures),
        )
        if ops_url is None:
            send_alert(failed.alert(), channels)
            return None
        day = f"{clock():%Y-%m-%d}"
        kind = hashlib.sha256(text.encode()).hexdigest()[:16]
        run = context.dagster_run
        with once(ops_url, f"job/{run.job_name}", day, kind=kind, run_id=run.run_id) as told:
            if not told.due:
                return dg.SkipReason("The same sentence of this job was told today already.")
            told.done = send_alert(failed.alert(), channels)
        return None

    return failed_run_alert
