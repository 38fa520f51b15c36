"""A day of the project, over real databases and sockets: the traps of the contract of the backup, section 12."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines_tests.aimindset.conftest import TODAY, NewProject, Project


def test_a_good_day_is_proved_archived_and_logged_once(project: Project) -> None:
    rows_before = project.value("select count(*) from backup_logs")
    day = project.day()

    assert day.problems == {}
    assert day.backup is not None
    assert day.backup.proof.holds
    assert day.backup.locked_seconds > 0
    backup_id = day.backup.answer.backup_id
    assert project.value(f"select count(*) from backup_articles where backup_id = '{backup_id}'") == 12
    assert project.logged("auto_backup") == [
        f"Backup automático concluído e comprovado: {day.backup.answer.total} registros."
    ]
    # The function's own row is the one that counts (trap 10).
    assert project.value("select count(*) from backup_logs") == rows_before + 1
    assert project.catalog.newest_proved(assets.BACKUP) is not None
    assert project.catalog.newest_proved(assets.ARCHIVE) is not None
    assert project.fake.alerts == []
    assert project.mail.messages == []


def test_a_finished_day_is_not_done_twice(project: Project) -> None:
    """Trap 16: a rerun of a finished date."""
    first = project.day()
    assert first.backup is not None
    again = project.day()

    assert again.backup is None
    assert again.existing[assets.BACKUP].name == first.backup.answer.backup_id
    assert project.value("select count(*) from system_logs where type = 'auto_backup'") == 1


@pytest.mark.parametrize("key", ["2026-11-23", "2026-11-25"])
def test_another_day_than_today_is_refused_before_anything_is_called(project: Project, key: str) -> None:
    calls = project.value("select count(*) from backup_logs")
    with pytest.raises(PermanentError, match="as it is now only"):
        project.day(key)
    assert project.value("select count(*) from backup_logs") == calls
    assert project.fake.alerts == []


def test_a_day_begins_in_brazil(project: Project) -> None:
    """Trap 16: at 01:30 UTC it is still yesterday in São Paulo."""
    project = project.with_clock(lambda: datetime(2026, 11, 25, 1, 30, tzinfo=UTC))
    assert project.pipeline.today().isoformat() == TODAY


def test_no_existing_object_of_the_project_is_changed(project: Project, new_project: NewProject) -> None:
    def shape(connection: psycopg.Connection[Any]) -> Any:
        return connection.execute(
            "select relname, relkind::text, relacl::text from pg_class where relnamespace = 'public'::regnamespace"
            " union all select proname, prosrc, proconfig::text from pg_proc"
            " where pronamespace = 'public'::regnamespace order by 1, 2"
        ).fetchall()

    before = shape(project.database)
    project.day()
    assert shape(project.database) == before
