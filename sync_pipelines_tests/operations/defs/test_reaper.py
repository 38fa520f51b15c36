"""The reaper closes what dead processes left open, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from sync_pipelines.hitss.dre.tables import EXECUTIONS
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records.orphaned_runs import WatchedProject, reap_all
from sync_pipelines.lib.records.run_log import open_execution
from sync_pipelines.lib.storage.folder_store import FolderStore
from sync_pipelines.operations.defs.reaper import reaper
from sync_pipelines.operations.orphaned_runs import OrphanNotifier
from sync_pipelines_tests.operations.conftest import alerts, leave_open, states, tick

#: The log alone takes its alerts.
NOBODY = OrphanNotifier([])
SECRET = "segredo-do-alerta-4711"
NOWHERE = WatchedProject(
    system="erp", what="the erp database", url=f"postgresql://u:{SECRET}@127.0.0.1:1/erp", run_log=EXECUTIONS
)


def test_only_rows_of_the_dead_are_closed(project: WatchedProject) -> None:
    dead = leave_open(project, "1 minute", "sync_pipelines")
    foreign, old = leave_open(project, "50 minutes", None), leave_open(project, "2 hours", None)
    with open_execution(
        project.url, EXECUTIONS, run_id="alive", what="the database", started="Começo.", details={}
    ) as alive:
        reaped = {row.id for _, row in reap_all([project])}
        found = states(project)
    assert reaped >= {dead, old}
    assert (found[dead], found[old]) == ("failed", "failed")
    assert (found[alive.id], found[foreign]) == ("running", "running")
    assert states(project)[alive.id] == "completed"


def test_a_reaped_row_says_what_happened_in_the_applications_own_log(project: WatchedProject) -> None:
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


def test_the_sensor_notifies_a_person_once_of_each_dead_execution(
    project: WatchedProject, caplog: pytest.LogCaptureFixture
) -> None:
    reap_all([project])  # what the application left behind itself
    dead = leave_open(project, "1 minute", "sync_pipelines")
    said = [tick(reaper([project], NOBODY, on=False)) for _ in range(2)]
    assert said == ["1 dead executions were closed.", "No dead execution."]
    (alert,) = alerts(caplog)
    assert "hitss: execução interrompida" in alert
    assert dead in alert


def test_an_unreachable_project_does_not_keep_the_others_from_being_reaped(project: WatchedProject) -> None:
    dead = leave_open(project, "1 minute", "sync_pipelines")
    with pytest.raises(SyncError, match="the erp database") as caught:
        reap_all([NOWHERE, project])
    assert states(project)[dead] == "failed"
    assert SECRET not in str(caught.value)


def test_a_row_reaped_beside_an_unreachable_project_is_notified_all_the_same(
    project: WatchedProject, caplog: pytest.LogCaptureFixture
) -> None:
    reap_all([project])
    dead = leave_open(project, "1 minute", "sync_pipelines")
    with pytest.raises(SyncError, match="the erp database"):
        tick(reaper([NOWHERE, project], NOBODY, on=False))
    assert [dead in alert for alert in alerts(caplog)] == [True]


def test_the_sensor_removes_what_a_killed_download_left(tmp_path: Path) -> None:
    left = tmp_path / "hitss" / "incoming" / "tmp1"
    left.mkdir(parents=True)
    os.utime(left, (1, 1))
    said = tick(reaper([], NOBODY, on=False, store=FolderStore(tmp_path)))
    assert said == "No dead execution. 1 unfinished downloads were removed."
    assert not left.exists()
