"""A day of the project, over real databases and sockets: the traps of the contract of the backup, section 12."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from sync_pipelines.aimindset.archive import pipeline as archives
from sync_pipelines.aimindset.backup.answer import FunctionFailedError
from sync_pipelines.aimindset.backup.load import BusyError, Moment, UnprovedError
from sync_pipelines.aimindset.pipeline import ASSET
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, NewProject, Project

NewHouse = Callable[..., Project]
FAILURES = "select count(*) from backup_logs where not success"


def problem(house: Project, **options: Any) -> str:
    return str(house.day(**options).problems[ASSET])


def replace_function(house: Project, body: str, returns: str = "json") -> None:
    """Put another function in the place of the project's."""
    house.database.execute("drop function backup_all_data()")
    house.database.execute(
        f"create function public.backup_all_data() returns {returns} language plpgsql security definer"
        f" as $body$ {body} $body$".encode()
    )


def rename_function(house: Project, after: str, before: str = "") -> None:
    """Keep the project's function and let something happen around it, in the same transaction."""
    house.database.execute("alter function backup_all_data() rename to original_backup")
    house.database.execute(
        "create function public.backup_all_data() returns json language plpgsql as $body$ declare answer json;"
        f" begin {before} answer := original_backup(); {after} return answer; end $body$".encode()
    )


def test_a_good_day_is_proved_archived_and_logged_once(house: Project) -> None:
    rows_before = house.value("select count(*) from backup_logs")
    day = house.day()

    assert day.problems == {}
    assert day.backup is not None
    assert day.backup.proof.holds
    assert day.backup.locked_seconds > 0
    backup_id = day.backup.answer.backup_id
    assert house.value(f"select count(*) from backup_articles where backup_id = '{backup_id}'") == 12
    assert house.logged("auto_backup") == [
        f"Backup automático concluído e comprovado: {day.backup.answer.total} registros."
    ]
    # The function's own row is the one that counts (trap 10).
    assert house.value("select count(*) from backup_logs") == rows_before + 1
    assert house.catalog.newest_proved(ASSET) is not None
    assert house.catalog.newest_proved(archives.ASSET) is not None
    assert house.fake.alerts == []
    assert house.mail.messages == []


def test_uncovered_columns_are_told_and_are_in_the_archive(house: Project) -> None:
    """Trap 6: a column that joins later is in no copy while the answer says success."""
    house.database.execute("alter table articles add column resumo_ia text default 'x'")
    day = house.day()

    assert day.look is not None
    assert "resumo_ia" in day.look.uncovered["public.articles"]
    assert {"parent_id", "likes"} <= set(day.look.uncovered["public.comments"])
    assert day.archive is not None
    (articles,) = [table for table in day.archive.tables if table.name == "public.articles"]
    assert "resumo_ia" in [column.name for column in articles.columns]


def test_success_false_is_committed_and_a_failure(house: Project) -> None:
    """Traps 1 and 6: one feedback without an article fails the whole backup, with a normal return."""
    house.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    logs = house.value("select count(*) from system_logs_backup")
    failures = house.value(FAILURES)
    day = house.day()

    assert isinstance(day.problems[ASSET], FunctionFailedError)
    assert "article_id" in str(day.problems[ASSET])
    # The function's own rows stay, and so do the earlier copies of the logs (trap 9).
    assert house.value(FAILURES) == failures + 1
    assert house.value("select count(*) from system_logs_backup") == logs
    assert house.logged("auto_backup") == []
    assert len(house.logged("auto_backup_error")) == 1
    # The archive has what the function could not copy.
    assert archives.ASSET not in day.problems


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
def test_odd_answers_are_failures(house: Project, body: str, returns: str, said: str) -> None:
    """Trap 2."""
    replace_function(house, body, returns)
    day = house.day()

    assert said in str(day.problems[ASSET])
    assert house.catalog.newest_proved(ASSET) is None
    assert house.logged("auto_backup") == []
    assert len(house.fake.alerts) == 1
    assert house.fake.alerts[0]["message"]


@pytest.mark.parametrize("kind", ["jsonb", "text"])
def test_other_json_types_are_read(house: Project, kind: str) -> None:
    """Trap 2: the function has returned json, jsonb and text in one version or another."""
    house.database.execute("alter function backup_all_data() rename to original_backup")
    house.database.execute(
        f"create function public.backup_all_data() returns {kind} language sql as"
        f" 'select original_backup()::{kind}'".encode()
    )
    assert house.day().problems == {}


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
def test_a_copy_that_is_not_its_source_is_rolled_back(house: Project, damage: str) -> None:
    """Trap 19 from the side of the copy: missing, altered, doubled."""
    rename_function(house, damage)
    before = house.value("select count(*) from backup_articles")
    day = house.day()

    assert isinstance(day.problems[ASSET], UnprovedError)
    assert "was rolled back" in str(day.problems[ASSET])
    assert house.value("select count(*) from backup_articles") == before
    assert len(house.logged("auto_backup_error")) == 1


def test_a_log_row_that_says_backup_proves_nothing(house: Project) -> None:
    """Trap 20: the panel's test button writes a row that claims a completed backup."""
    house.database.execute(
        "insert into system_logs (type, message) values ('backup', 'Backup automático concluído')"
    )
    assert house.catalog.newest_proved(ASSET) is None


def test_nothing_to_copy_is_no_backup(new_house: NewHouse) -> None:
    """Trap 7."""
    house = new_house(articles=0)
    assert "[not_empty] There is no article" in problem(house)
    assert house.value("select count(*) from backup_logs") == 0
    accepted = house.day(accepted=["not_empty"])
    assert accepted.problems == {}


def test_a_collapse_is_no_backup_until_it_is_accepted(house: Project) -> None:
    """Trap 7: nine tenths of the comments are gone."""
    assert house.day().problems == {}
    house.database.execute("delete from comments where id in (select id from comments offset 1)")
    later = replace(house, backups=replace(house.backups, clock=lambda: NOW + timedelta(days=1)))

    assert "[not_collapsed] comments: 1 rows" in problem(later, partition_key="2026-11-25")
    # Its archive is kept, and takes the place of none: neither does the next run call it the day's.
    assert [(copy.partition_key, copy.proved) for copy in house.catalog.backups(archives.ASSET)] == [
        ("2026-11-25", False),
        (TODAY, True),
    ]
    again = replace(later, backups=replace(later.backups, clock=lambda: NOW + timedelta(days=1, minutes=1)))
    day = again.day("2026-11-25", accepted=["not_collapsed"])
    assert (day.problems, day.already) == ({}, {})


def test_a_writer_between_two_statements_leaves_no_orphan(house: Project) -> None:
    """Trap 8: under READ COMMITTED the comment would be copied without its article."""
    article = "5b8f2f0e-0000-4000-8000-000000000001"

    def write(moment: Moment, connection: Connection) -> None:
        if moment == "called":
            house.database.execute(
                "insert into articles (id, title, excerpt, content, slug) values (%s, 'n', 'n', 'n', 'novo')",
                (article,),
            )

    house.backups = replace(house.backups, at=write)
    day = house.day()

    assert day.problems == {}
    assert house.value(f"select count(*) from articles where id = '{article}'") == 1
    assert house.value(f"select count(*) from backup_articles where original_id = '{article}'") == 0
    assert day.archive is not None
    assert day.archive.tables[0].rows == 12


def end(connection: Connection, house: Project) -> None:
    house.database.execute("select pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))


def test_a_connection_cut_before_the_commit_is_a_failure_with_its_rows(house: Project) -> None:
    """Trap 9."""

    def cut(moment: Moment, connection: Connection) -> None:
        if moment == "compared":
            end(connection, house)

    generations = house.value("select count(distinct backup_id) from backup_articles")
    house.backups = replace(house.backups, at=cut)
    day = house.day()

    assert ASSET in day.problems
    assert house.value("select count(distinct backup_id) from backup_articles") == generations
    assert len(house.logged("auto_backup_error")) == 1
    assert house.catalog.newest_proved(ASSET) is None


def test_a_connection_cut_after_the_commit_is_a_success_found_by_its_id(house: Project) -> None:
    """Trap 9: the answer to COMMIT never came, but the backup is there."""

    def cut(moment: Moment, connection: Connection) -> None:
        if moment == "committed":
            end(connection, house)
            connection.execute("select 1")

    house.backups = replace(house.backups, at=cut)
    day = house.day()

    assert day.problems == {}
    assert day.backup is not None
    assert "lost at the COMMIT" in day.backup.note
    assert len(house.logged("auto_backup")) == 1


class KilledError(BaseException):
    """What ends a process at once: nobody catches it."""


@pytest.mark.parametrize(("moment", "committed"), [("compared", False), ("committed", True)])
def test_a_process_killed_around_the_commit_is_settled_by_the_next(
    house: Project, moment: Moment, committed: bool
) -> None:
    """A copy that was committed is not made a second time; one that was not is."""

    def kill(reached: Moment, connection: Connection) -> None:
        if reached == moment:
            raise KilledError

    generations = house.value("select count(distinct backup_id) from backup_articles")
    killed = replace(house, backups=replace(house.backups, at=kill))
    with pytest.raises(KilledError):
        killed.day(wanted=[ASSET])
    assert house.value("select count(distinct backup_id) from backup_articles") == generations + committed

    day = house.day(wanted=[ASSET])

    assert day.problems == {}
    assert (ASSET in day.already) is committed
    assert house.value("select count(distinct backup_id) from backup_articles") == generations + 1
    assert [copy.proved for copy in house.catalog.backups(ASSET)] == [True]


def test_an_archive_that_a_crash_kept_out_of_the_book_is_entered(house: Project) -> None:
    house.day()
    house.ops.execute(
        """update ops.copies set proved = false, details = details || '{"begun": true}' where asset = %s""",
        (archives.ASSET,),
    )
    said: list[str] = []
    later = replace(house, backups=replace(house.backups, clock=lambda: NOW + timedelta(days=1)))
    later.day("2026-11-25", tell=said.append)

    assert len([line for line in said if "which a crash kept out of the catalog" in line]) == 1
    assert {copy.partition_key: copy.proved for copy in house.catalog.backups(archives.ASSET)} == {
        "2026-11-24": True,
        "2026-11-25": True,
    }


def test_a_statement_timeout_raises_and_is_logged_by_us(house: Project) -> None:
    """Trap 3: 57014 passes the function's own handler, and nobody else would log it."""
    rename_function(house, "", before="raise sqlstate '57014' using message = 'canceling statement';")
    failures = house.value(FAILURES)
    day = house.day()

    assert ASSET in day.problems
    assert house.value(FAILURES) == failures
    assert len(house.logged("auto_backup_error")) == 1
    assert len(house.fake.alerts) == 1


def test_a_lock_on_a_copy_table_ends_in_success_false(house: Project) -> None:
    """Trap 4: the function's own lock_timeout overrides ours."""
    house.database.execute("alter function backup_all_data() set lock_timeout = '200ms'")
    with psycopg.connect(house.url) as other:
        other.execute("lock table backup_articles in access exclusive mode")
        day = house.day(wanted=[ASSET])
    assert isinstance(day.problems[ASSET], FunctionFailedError)


def test_a_handler_that_fails_raises_and_is_told(house: Project) -> None:
    """Trap 5: a trigger that refuses the type `error`."""
    house.database.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$begin if new.type = 'error' then raise 'não'; end if; return new; end$$;"
        " create trigger refuse before insert on system_logs for each row execute function refuse();"
        " insert into feedbacks (article_id, type) values (null, 'x')"
    )
    day = house.day()
    assert ASSET in day.problems
    assert len(house.logged("auto_backup_error")) == 1


def test_a_search_path_without_public_does_not_matter_to_us(house: Project) -> None:
    """Trap 5: with it even the function's handler fails."""
    name = house.database.info.dbname
    house.database.execute(f"alter database {name} set search_path = pg_catalog".encode())
    assert house.day().problems == {}


def test_a_database_that_takes_no_writes_still_raises_the_alarm(house: Project) -> None:
    """Trap 5: nothing can be logged there; the alert goes out all the same."""
    name = house.database.info.dbname
    house.database.execute(f"alter database {name} set default_transaction_read_only = on".encode())
    day = house.day()

    assert "takes no writes" in str(day.problems[ASSET])
    assert len(house.fake.alerts) == 1
    assert house.value("select count(*) from system_logs where type like 'auto_backup%'") == 0


@pytest.mark.parametrize("lineage", ["consolidated", "without_function"])
def test_unhealthy_lineages_are_said(new_house: NewHouse, lineage: str) -> None:
    """Trap 11."""
    house = new_house(lineage)
    said = problem(house)
    assert ("does not exist" in said) if lineage == "consolidated" else ("has no function" in said)
    assert len(house.fake.alerts) == 1
    if lineage == "consolidated":
        assert house.value("select count(*) from backup_logs where not success") == 1


def test_a_role_without_execute_is_said(new_house: NewHouse) -> None:
    """Trap 11: EXECUTE revoked."""
    house = new_house("without_execute")
    house.database.execute("drop role if exists nobody_special")
    house.database.execute("create role nobody_special login password 'uma-senha-longa' noinherit")
    try:
        info = house.database.info
        url = f"postgresql://nobody_special:uma-senha-longa@127.0.0.1:{info.port}/{info.dbname}"
        assert "may not execute" in problem(house.with_(aimindset_database_url=url), wanted=[ASSET])
    finally:
        house.database.execute("drop owned by nobody_special")
        house.database.execute("drop role nobody_special")


def test_a_role_from_which_rows_are_hidden_neither_backs_up_nor_archives(house: Project) -> None:
    """Trap 12: a wrong key reads empty tables and no error."""
    info = house.database.info
    house.database.execute("drop role if exists half_blind")
    house.database.execute(
        "create role half_blind login password 'uma-senha-longa' in role authenticated;"
        " grant execute on all functions in schema public to half_blind"
    )
    try:
        url = f"postgresql://half_blind:uma-senha-longa@127.0.0.1:{info.port}/{info.dbname}"
        day = house.with_(aimindset_database_url=url).day()
        assert set(day.problems) == {ASSET, archives.ASSET}
        assert all("hides rows" in str(error) for error in day.problems.values())
    finally:
        house.database.execute("drop owned by half_blind")
        house.database.execute("drop role half_blind")


def test_auto_backup_reaches_backup_logs_only_where_its_check_was_widened(house: Project) -> None:
    """Trap 10."""
    house.day()
    assert house.value("select count(*) from backup_logs where action_type = 'auto_backup'") == 0
    house.database.execute(
        "alter table backup_logs drop constraint backup_logs_action_type_check;"
        " alter table backup_logs add constraint backup_logs_action_type_check"
        " check (action_type in ('backup', 'restore', 'auto_backup'))"
    )
    total = house.value("select sum(records_affected) from backup_logs")
    day = house.day(force=True)

    assert day.backup is not None
    found = house.database.execute(
        "select details, success from backup_logs where action_type = 'auto_backup'"
    ).fetchall()
    assert found == [
        (f"Backup ID: {day.backup.answer.backup_id} (registros contados na linha do backup)", True)
    ]
    assert house.value("select sum(records_affected) from backup_logs") == total + day.backup.answer.total


def test_the_panels_own_types_are_written_when_asked_for(house: Project) -> None:
    house.with_(aimindset_panel_log_types=True).day()
    assert len(house.logged("backup_success")) == 1
    assert house.value("select (check_backup_health() ->> 'backup_overdue')") == "false"


def test_without_them_the_projects_health_function_stays_overdue(house: Project) -> None:
    """Trap 17: it looks at backup_success only, and adds a row at each call."""
    house.day()
    assert house.value("select (check_backup_health() ->> 'backup_overdue')") == "true"
    assert len(house.logged("backup_overdue_alert")) == 1


def test_no_row_of_ours_fires_the_projects_alert_trigger(house: Project) -> None:
    """Trap 13."""
    generated = "select count(*) from system_logs where type = 'alert_generated'"
    house.day()
    rename_function(house, "", before="raise sqlstate '57014';")
    before = house.value(generated)
    house.day(force=True)
    assert house.value(generated) == before


def test_a_finished_day_is_not_done_twice(house: Project) -> None:
    """Trap 16: a rerun of a finished date."""
    first = house.day()
    assert first.backup is not None
    again = house.day()

    assert again.backup is None
    assert again.already[ASSET].name == first.backup.answer.backup_id
    assert house.value("select count(*) from system_logs where type = 'auto_backup'") == 1


@pytest.mark.parametrize("key", ["2026-11-23", "2026-11-25"])
def test_another_day_than_today_is_refused_before_anything_is_called(house: Project, key: str) -> None:
    calls = house.value("select count(*) from backup_logs")
    with pytest.raises(PermanentError, match="as it is now only"):
        house.day(key)
    assert house.value("select count(*) from backup_logs") == calls
    assert house.fake.alerts == []


def test_a_day_begins_in_brazil(house: Project) -> None:
    """Trap 16: at 01:30 UTC it is still yesterday in São Paulo."""
    house.backups = replace(house.backups, clock=lambda: datetime(2026, 11, 25, 1, 30, tzinfo=UTC))
    assert house.backups.today().isoformat() == TODAY


def test_two_runs_at_once_make_one_backup_and_no_alarm(house: Project) -> None:
    """Trap 16."""
    inside, go = threading.Event(), threading.Event()

    def hold(moment: Moment, connection: Connection) -> None:
        if moment == "called":
            inside.set()
            go.wait(20)

    slow = replace(house, backups=replace(house.backups, at=hold))
    generations = house.value("select count(distinct backup_id) from backup_articles")
    thread = threading.Thread(target=lambda: slow.day(wanted=[ASSET]))
    thread.start()
    assert inside.wait(20)
    second = house.day(wanted=[ASSET])
    go.set()
    thread.join()

    assert isinstance(second.problems[ASSET], BusyError)
    assert house.fake.alerts == []
    assert house.value("select count(distinct backup_id) from backup_articles") == generations + 1


def test_pg_cron_jobs_left_on_are_told(house: Project) -> None:
    """Trap 16: with them there are three backups a day."""
    house.database.execute(
        "create schema cron; create table cron.job (jobname text, command text, active boolean);"
        " insert into cron.job values ('auto-backup-daily', 'select net.http_post()', true), ('x', 'select 1', true)"
    )
    day = house.day()
    assert day.look is not None
    assert "the pg_cron job auto-backup-daily is still active: disable it" in day.look.notes


def test_rows_at_the_edge_of_thirty_days_do_not_disturb(house: Project) -> None:
    """Trap 18."""
    house.database.execute(
        "insert into app_logs (level, created_at) select 'info', now() - interval '30 days' + n * interval '7 hours'"
        " from generate_series(-9, 9) as n"
    )
    assert house.day().problems == {}


def test_more_than_a_thousand_rows_are_compared(house: Project) -> None:
    """Trap 20: no page of an API lies between."""
    house.database.execute("insert into app_logs (level) select 'info' from generate_series(1, 2500)")
    day = house.day()
    assert day.backup is not None
    assert day.backup.answer.counts["app_logs_count"] > 2500


def test_the_rpc_way_is_reported_as_unproved(house: Project) -> None:
    day = house.with_(aimindset_backup_by="rpc").day()

    assert day.problems == {}
    assert day.backup is None
    assert day.unproved is not None
    assert house.catalog.newest_proved(ASSET) is None
    assert [copy.proved for copy in house.catalog.backups(ASSET)] == [False]
    assert house.logged("auto_backup") == ["Backup automático chamado por RPC: não comprovado."]


def test_the_rpc_way_reads_success_false_in_a_200(house: Project) -> None:
    """Trap 1 over HTTP."""
    house.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    rpc = house.with_(aimindset_backup_by="rpc")
    assert "backup_all_data() failed" in problem(rpc)


def test_the_rpc_way_names_a_missing_function(new_house: NewHouse) -> None:
    house = new_house("without_function").with_(aimindset_backup_by="rpc")
    assert "no function" in problem(house)


def test_a_failed_day_is_told_once_however_often_it_is_tried(house: Project) -> None:
    """Trap 14: duplicate alerts on retry."""
    house.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    for _ in range(3):
        assert ASSET in house.day(wanted=[ASSET]).problems
    assert len(house.fake.alerts) == 1
    assert len(house.logged("auto_backup_error")) == 1


def test_an_alert_that_nobody_takes_falls_back_to_mail_with_the_wanted_subject(house: Project) -> None:
    """Trap 14 and 15: alert-processor answers 200 without a subscriber."""
    house.database.execute("delete from alert_subscriptions")
    house.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    day = house.day()

    assert day.delivery is not None
    assert day.delivery.by == "e-mail (1 of 1 recipients)"
    assert "no subscriber" in day.delivery.reasons[0]
    (mail,) = house.mail.messages
    assert mail["Subject"] == "🚨 [AIMindset] Falha no Backup Automático"
    assert TODAY in mail.get_content()


def test_a_failed_alert_does_not_hide_the_failed_backup(house: Project) -> None:
    """Trap 14: both fail; the next try tells again, because nothing left."""
    house.fake.fail("bad_gateway")
    house.mail.broken = True
    house.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    day = house.day()
    assert ASSET in day.problems
    assert day.delivery is not None
    assert day.delivery.by is None
    assert len(day.delivery.reasons) == 2

    house.fake.clear()
    assert house.day(wanted=[ASSET]).delivery is not None
    assert len(house.fake.alerts) == 1
    assert len(house.logged("auto_backup_error")) == 1


def test_the_alert_leaves_without_our_own_database(house: Project) -> None:
    day = house.with_(ops_database_url="postgresql://x:uma-senha-longa@127.0.0.1:1/ops").day()
    assert ASSET in day.problems
    assert len(house.fake.alerts) == 1
    assert "uma-senha-longa" not in str(house.fake.alerts)


def test_the_alert_leaves_without_the_projects_database(house: Project) -> None:
    gone = house.with_(aimindset_database_url="postgresql://x:uma-senha-longa@127.0.0.1:1/projeto")
    day = gone.day()
    assert "aimindset database" in str(day.problems[ASSET])
    assert len(house.fake.alerts) == 1


def test_the_service_key_may_lie_in_the_vault(house: Project) -> None:
    key = house.fake.service_key
    house.database.execute(
        "create schema vault; create table vault.decrypted_secrets (name text, decrypted_secret text)"
    )
    house.database.execute(
        "insert into vault.decrypted_secrets values ('SUPABASE_SERVICE_ROLE_KEY', %s)", (key,)
    )
    vaulted = house.with_(aimindset_service_key=None, aimindset_secrets_from="vault")
    house.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")

    day = vaulted.day()
    assert day.delivery is not None
    assert day.delivery.by == "alert-processor (1 e-mails)"


def test_no_existing_object_of_the_project_is_changed(house: Project, new_project: NewProject) -> None:
    def shape(connection: psycopg.Connection[Any]) -> Any:
        return connection.execute(
            "select relname, relkind::text, relacl::text from pg_class where relnamespace = 'public'::regnamespace"
            " union all select proname, prosrc, proconfig::text from pg_proc"
            " where pronamespace = 'public'::regnamespace order by 1, 2"
        ).fetchall()

    before = shape(house.database)
    house.day()
    assert shape(house.database) == before


def test_the_lock_is_taken_without_waiting(house: Project) -> None:
    with psycopg.connect(house.url, autocommit=True) as other:
        postgres.try_lock(other, postgres.lock_key("aimindset", "backup"))
        assert "Another run" in problem(house, wanted=[ASSET])
