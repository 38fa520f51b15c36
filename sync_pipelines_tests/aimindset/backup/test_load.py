"""A call of the function: its answers, its proof and its COMMIT (contract of the backup, section 12)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.backup.answer import FunctionFailedError
from sync_pipelines.aimindset.backup.failures import UnprovedError
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres import Connection
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project
from sync_pipelines_tests.aimindset.project_states import (
    MakeProject,
    problem,
    rename_function,
    replace_function,
)

FAILURES = "select count(*) from backup_logs where not success"


def end(connection: Connection, project: Project) -> None:
    project.database.execute("select pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))


def test_success_false_is_committed_and_a_failure(project: Project) -> None:
    """Traps 1 and 6: one feedback without an article fails the whole backup, with a normal return."""
    project.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    logs = project.value("select count(*) from system_logs_backup")
    failures = project.value(FAILURES)
    day = project.day()

    assert isinstance(day.problems[assets.BACKUP], FunctionFailedError)
    assert "article_id" in str(day.problems[assets.BACKUP])
    # The function's own rows stay, and so do the earlier copies of the logs (trap 9).
    assert project.value(FAILURES) == failures + 1
    assert project.value("select count(*) from system_logs_backup") == logs
    assert project.logged("auto_backup") == []
    assert len(project.logged("auto_backup_error")) == 1
    # The archive has what the function could not copy.
    assert assets.ARCHIVE not in day.problems


@pytest.mark.parametrize(
    ("body", "returns", "said"),
    [
        ("begin return json_build_object('message', 'ok'); end", "json", "says nothing where success"),
        ("begin return json_build_object('success', null); end", "json", "says None"),
        ("begin return json_build_object('success', 'true'); end", "json", "says 'true'"),
        ("begin return '[1]'::json; end", "json", "returned list"),
        ("begin return null; end", "json", "returned NoneType"),
        ("begin return 'Backup criado'; end", "text", "returned str"),
        (
            "begin return json_build_object('success', true, 'backup_id', 'x'); end",
            "jsonb",
            "no whole number",
        ),
        ("begin return 1; end", "integer", "returns integer and not json"),
        ("begin raise exception ''; end", "json", "backup_all_data()"),
    ],
)
def test_odd_answers_are_failures(project: Project, body: str, returns: str, said: str) -> None:
    """Trap 2."""
    replace_function(project, body, returns)
    day = project.day()

    assert said in str(day.problems[assets.BACKUP])
    assert project.catalog.newest_proved(assets.BACKUP) is None
    assert project.logged("auto_backup") == []
    assert len(project.fake.alerts) == 1
    assert project.fake.alerts[0]["message"]


@pytest.mark.parametrize("kind", ["jsonb", "text"])
def test_other_json_types_are_read(project: Project, kind: str) -> None:
    """Trap 2: the function has returned json, jsonb and text in one version or another."""
    project.database.execute("alter function backup_all_data() rename to original_backup")
    project.database.execute(
        f"create function public.backup_all_data() returns {kind} language sql as"
        f" 'select original_backup()::{kind}'".encode()
    )
    assert project.day().problems == {}


@pytest.mark.parametrize(
    "damage",
    [
        "delete from backup_articles where id = (select max(id::text)::uuid from backup_articles"
        " where backup_id = (answer ->> 'backup_id')::uuid);",
        "update backup_comments set content = 'outro comentário qualquer'"
        " where backup_id = (answer ->> 'backup_id')::uuid;",
        "insert into backup_feedbacks (backup_id, original_id, article_id, type) select backup_id, original_id,"
        " article_id, type from backup_feedbacks where backup_id = (answer ->> 'backup_id')::uuid limit 1;",
        "delete from app_logs_backup where id = (select max(id) from app_logs_backup);",
        "update system_logs_backup set message = 'x' where id = (select max(id) from system_logs_backup);",
        "update backup_articles set title = upper(title);",
    ],
)
def test_a_copy_that_is_not_its_source_is_rolled_back(project: Project, damage: str) -> None:
    """Trap 19 from the side of the copy: missing, altered, doubled."""
    rename_function(project, damage)
    before = project.value("select count(*) from backup_articles")
    day = project.day()

    assert isinstance(day.problems[assets.BACKUP], UnprovedError)
    assert "was rolled back" in str(day.problems[assets.BACKUP])
    assert project.value("select count(*) from backup_articles") == before
    assert len(project.logged("auto_backup_error")) == 1


def test_nothing_to_copy_is_no_backup(make_project: MakeProject) -> None:
    """Trap 7."""
    project = make_project(articles=0)
    assert "[not_empty] There is no article" in problem(project)
    assert project.value("select count(*) from backup_logs") == 0
    accepted = project.day(accepted=["not_empty"])
    assert accepted.problems == {}


def test_a_collapse_is_no_backup_until_it_is_accepted(project: Project) -> None:
    """Trap 7: nine tenths of the comments are gone."""
    assert project.day().problems == {}
    project.database.execute("delete from comments where id in (select id from comments offset 1)")
    later = project.with_clock(lambda: NOW + timedelta(days=1))

    assert "[not_collapsed] comments: 1 rows" in problem(later, partition_key="2026-11-25")
    # Its archive is kept, and takes the place of none: neither does the next run call it the day's.
    assert [(copy.partition_key, copy.proved) for copy in project.catalog.backups(assets.ARCHIVE)] == [
        ("2026-11-25", False),
        (TODAY, True),
    ]
    again = later.with_clock(lambda: NOW + timedelta(days=1, minutes=1))
    day = again.day("2026-11-25", accepted=["not_collapsed"])
    assert (day.problems, day.existing) == ({}, {})


def test_a_writer_between_two_statements_leaves_no_orphan(project: Project) -> None:
    """Trap 8: under READ COMMITTED the comment would be copied without its article."""
    article = "5b8f2f0e-0000-4000-8000-000000000001"

    def write(moment: Moment, connection: Connection) -> None:
        if moment == "called":
            project.database.execute(
                "insert into articles (id, title, excerpt, content, slug) values (%s, 'n', 'n', 'n', 'novo')",
                (article,),
            )

    project = project.with_probe(write)
    day = project.day()

    assert day.problems == {}
    assert project.value(f"select count(*) from articles where id = '{article}'") == 1
    assert project.value(f"select count(*) from backup_articles where original_id = '{article}'") == 0
    assert day.archive is not None
    assert day.archive.tables[0].rows == 12


def test_a_connection_cut_before_the_commit_is_a_failure_with_its_rows(project: Project) -> None:
    """Trap 9."""

    def cut(moment: Moment, connection: Connection) -> None:
        if moment == "compared":
            end(connection, project)

    generations = project.value("select count(distinct backup_id) from backup_articles")
    project = project.with_probe(cut)
    day = project.day()

    assert assets.BACKUP in day.problems
    assert project.value("select count(distinct backup_id) from backup_articles") == generations
    assert len(project.logged("auto_backup_error")) == 1
    assert project.catalog.newest_proved(assets.BACKUP) is None


def test_a_connection_cut_after_the_commit_is_a_success_found_by_its_id(project: Project) -> None:
    """Trap 9: the answer to COMMIT never came, but the backup is there."""

    def cut(moment: Moment, connection: Connection) -> None:
        if moment == "committed":
            end(connection, project)
            connection.execute("select 1")

    project = project.with_probe(cut)
    day = project.day()

    assert day.problems == {}
    assert day.backup is not None
    assert "lost at the COMMIT" in day.backup.note
    assert len(project.logged("auto_backup")) == 1


def test_a_statement_timeout_raises_and_is_logged_by_us(project: Project) -> None:
    """Trap 3: 57014 passes the function's own handler, and nobody else would log it."""
    rename_function(project, "", before="raise sqlstate '57014' using message = 'canceling statement';")
    failures = project.value(FAILURES)
    day = project.day()

    assert assets.BACKUP in day.problems
    assert project.value(FAILURES) == failures
    assert len(project.logged("auto_backup_error")) == 1
    assert len(project.fake.alerts) == 1


def test_a_lock_on_a_copy_table_ends_in_success_false(project: Project) -> None:
    """Trap 4: the function's own lock_timeout overrides ours."""
    project.database.execute("alter function backup_all_data() set lock_timeout = '200ms'")
    with psycopg.connect(project.url) as other:
        other.execute("lock table backup_articles in access exclusive mode")
        day = project.day(wanted=[assets.BACKUP])
    assert isinstance(day.problems[assets.BACKUP], FunctionFailedError)


def test_a_handler_that_fails_raises_and_is_reported(project: Project) -> None:
    """Trap 5: a trigger that refuses the type `error`."""
    project.database.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$begin if new.type = 'error' then raise 'não'; end if; return new; end$$;"
        " create trigger refuse before insert on system_logs for each row execute function refuse();"
        " insert into feedbacks (article_id, type) values (null, 'x')"
    )
    day = project.day()
    assert assets.BACKUP in day.problems
    assert len(project.logged("auto_backup_error")) == 1


def test_a_search_path_without_public_does_not_matter_to_us(project: Project) -> None:
    """Trap 5: with it even the function's handler fails."""
    name = project.database.info.dbname
    project.database.execute(f"alter database {name} set search_path = pg_catalog".encode())
    assert project.day().problems == {}


def test_rows_at_the_edge_of_thirty_days_do_not_disturb(project: Project) -> None:
    """Trap 18."""
    project.database.execute(
        "insert into app_logs (level, created_at) select 'info', now() - interval '30 days' + n * interval '7 hours'"
        " from generate_series(-9, 9) as n"
    )
    assert project.day().problems == {}


def test_more_than_a_thousand_rows_are_compared(project: Project) -> None:
    """Trap 20: no page of an API lies between."""
    project.database.execute("insert into app_logs (level) select 'info' from generate_series(1, 2500)")
    day = project.day()
    assert day.backup is not None
    assert day.backup.answer.counts["app_logs_count"] > 2500


def test_the_lock_is_taken_without_waiting(project: Project) -> None:
    with psycopg.connect(project.url, autocommit=True) as other:
        postgres.try_lock(other, postgres.lock_key("aimindset", "backup"))
        assert "Another run" in problem(project, wanted=[assets.BACKUP])


def test_comments_without_an_article_are_named(project: Project) -> None:
    """Trap 7: zero articles but comments present."""
    with psycopg.connect(project.url, autocommit=True) as other:
        other.execute("set session_replication_role = replica")
        other.execute("delete from articles")
    assert "[not_empty] There is no article to back up, with 25 comments" in problem(project)


def test_a_functions_error_is_reported_without_the_values_that_it_quotes(project: Project) -> None:
    """SQLERRM quotes the value that it could not read, and this text goes into mails."""
    replace_function(
        project,
        "begin return json_build_object('success', false, 'backup_id', gen_random_uuid(), 'error',"
        " 'invalid input syntax for type uuid: \"Fulana de Tal\" fulana@example.com'); end",
    )
    said = problem(project)
    assert said == 'backup_all_data() failed: invalid input syntax for type uuid: "…" ….'
    assert "Fulana" not in str(project.fake.alerts)
    assert "Fulana" not in str(project.logged("auto_backup_error"))


def test_the_last_day_before_the_edge_of_thirty_is_compared(project: Project) -> None:
    """Trap 18: a function that copies fewer days than it says is found out."""
    project.database.execute(
        "insert into app_logs (level, created_at) values ('info', now() - interval '29 days 12 hours')"
    )
    rename_function(
        project,
        "delete from app_logs_backup where created_at < now() - interval '29 days';"
        " answer := (answer::jsonb || jsonb_build_object("
        "   'app_logs_count', (select count(*) from app_logs_backup),"
        "   'total_records', (answer ->> 'total_records')::int - (answer ->> 'app_logs_count')::int"
        "     + (select count(*) from app_logs_backup)))::json;",
    )
    assert "app_logs" in problem(project)
