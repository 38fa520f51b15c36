"""The log rows that the project's panel reads."""

from __future__ import annotations

from sync_pipelines.aimindset import assets
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.aimindset.project_states import (
    problem,
    rename_function,
)


def test_a_log_row_that_says_backup_proves_nothing(project: Project) -> None:
    """Trap 20: the panel's test button writes a row that claims a completed backup."""
    project.database.execute(
        "insert into system_logs (type, message) values ('backup', 'Backup automático concluído')"
    )
    assert project.catalog.newest_proved(assets.BACKUP) is None


def test_auto_backup_reaches_backup_logs_only_where_its_check_was_widened(project: Project) -> None:
    """Trap 10."""
    project.day()
    assert project.value("select count(*) from backup_logs where action_type = 'auto_backup'") == 0
    project.database.execute(
        "alter table backup_logs drop constraint backup_logs_action_type_check;"
        " alter table backup_logs add constraint backup_logs_action_type_check"
        " check (action_type in ('backup', 'restore', 'auto_backup'))"
    )
    total = project.value("select sum(records_affected) from backup_logs")
    day = project.day(force=True)

    assert day.backup is not None
    found = project.database.execute(
        "select details, success from backup_logs where action_type = 'auto_backup'"
    ).fetchall()
    assert found == [
        (f"Backup ID: {day.backup.answer.backup_id} (registros contados na linha do backup)", True)
    ]
    assert project.value("select sum(records_affected) from backup_logs") == total + day.backup.answer.total


def test_the_panels_own_types_are_written_when_asked_for(project: Project) -> None:
    project.with_(aimindset_panel_log_types=True).day()
    assert len(project.logged("backup_success")) == 1
    assert project.value("select (check_backup_health() ->> 'backup_overdue')") == "false"


def test_without_them_the_projects_health_function_stays_overdue(project: Project) -> None:
    """Trap 17: it looks at backup_success only, and adds a row at each call."""
    project.day()
    assert project.value("select (check_backup_health() ->> 'backup_overdue')") == "true"
    assert len(project.logged("backup_overdue_alert")) == 1


def test_no_row_of_ours_fires_the_projects_alert_trigger(project: Project) -> None:
    """Trap 13."""
    generated = "select count(*) from system_logs where type = 'alert_generated'"
    project.day()
    rename_function(project, "", before="raise sqlstate '57014';")
    before = project.value(generated)
    project.day(force=True)
    assert project.value(generated) == before


def test_a_log_that_takes_no_row_does_not_cost_the_proof(project: Project) -> None:
    project.database.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$begin if new.type like 'auto%' then raise 'não'; end if; return new; end$$;"
        " create trigger refuse before insert on system_logs for each row execute function refuse()"
    )
    assert "system_logs" in problem(project, wanted=[assets.BACKUP])
    assert project.catalog.newest_proved(assets.BACKUP) is not None
    assert len(project.fake.alerts) == 1
