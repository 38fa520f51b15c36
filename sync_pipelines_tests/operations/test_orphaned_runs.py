"""What a person reads about orphaned runs, in one message for each project."""

from __future__ import annotations

import psycopg

from sync_pipelines.lib.alerts import Alert
from sync_pipelines.lib.records.orphaned_runs import WatchedProject, reap_all
from sync_pipelines.operations.orphaned_runs import OrphanNotifier
from sync_pipelines_tests.operations.conftest import collect, leave_open


def test_many_rows_of_another_program_are_one_message_that_claims_nothing_of_them(
    project: WatchedProject,
) -> None:
    reap_all([project])
    for _ in range(10):
        leave_open(project, "40 days", None)
    sent: list[Alert] = []
    reap_all([project], OrphanNotifier([collect(sent)]))
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


def test_ours_and_others_are_kept_apart_in_one_message(project: WatchedProject) -> None:
    reap_all([project])
    ours, other = leave_open(project, "1 minute", "sync_pipelines"), leave_open(project, "2 hours", None)
    sent: list[Alert] = []
    reap_all([project], OrphanNotifier([collect(sent)]))
    (alert,) = sent
    about_ours, about_other = alert.text.split("\n\n")
    assert ours in about_ours
    assert other in about_other
    assert alert.severity == "erro"


def test_the_demo_notifies_nobody_of_the_old_rows_that_it_brings(project: WatchedProject) -> None:
    reap_all([project])
    leave_open(project, "2 hours", None)
    sent: list[Alert] = []
    assert len(reap_all([project], OrphanNotifier([collect(sent)], is_demo=True))) == 1
    assert sent == []
    leave_open(project, "1 minute", "sync_pipelines")
    reap_all([project], OrphanNotifier([collect(sent)], is_demo=True))
    assert len(sent) == 1
