"""The tables with their rights and triggers, and the project's other functions: sections 3 and 4 of the contract."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from sync_pipelines.sandbox.aimindset.database import build
from sync_pipelines_tests.sandbox.aimindset.conftest import Box

NewBox = Callable[..., Box]
PG_CRON = """
    create schema cron;
    create table cron.job (jobname text, schedule text, command text, active boolean);
    insert into cron.job values
        ('auto-backup-daily', '0 6 * * *', '', true), ('auto-backup-secondary', '0 18 * * *', '', true),
        ('outro', '* * * * *', '', true);
"""


def as_role(box: Box, role: str) -> None:
    box.run(f"set role {role}")


def test_the_log_takes_no_automatic_backup_until_its_check_is_widened(box: Box) -> None:
    insert = "insert into backup_logs (action_type) values ('auto_backup')"
    with pytest.raises(psycopg.errors.CheckViolation):
        box.run(insert)
    box.run("alter table backup_logs drop constraint backup_logs_action_type_check")
    box.run(insert)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("insert into app_logs (level) values ('warning')", psycopg.errors.CheckViolation),
        ("insert into app_logs (level) values ('debug')", psycopg.errors.CheckViolation),
        ("update comments set user_name = 'x' where true", psycopg.errors.CheckViolation),
        ("update comments set content = 'curto' where true", psycopg.errors.CheckViolation),
        (
            "insert into system_logs (type, message, level) values ('a', 'b', 'c')",
            psycopg.errors.UndefinedColumn,
        ),
        ("select email from alert_subscriptions where active", psycopg.errors.UndefinedColumn),
        ("update articles set slug = 'x' where true", psycopg.errors.UniqueViolation),
    ],
)
def test_what_the_tables_refuse(box: Box, statement: str, error: type[psycopg.Error]) -> None:
    with pytest.raises(error):
        box.run(statement)


def test_an_article_takes_its_comments_and_feedbacks_along(box: Box) -> None:
    box.run("delete from articles where true")
    assert box.value("select (select count(*) from comments) + (select count(*) from feedbacks)") == 0


def test_anonymous_callers_can_back_up_and_delete_the_copies(box: Box) -> None:
    as_role(box, "anon")
    assert box.backup()["success"] is True
    box.run("delete from backup_articles where true")
    assert box.value("select count(*) from backup_articles") == 0


def test_a_wrong_key_reads_nothing_instead_of_an_error(box: Box) -> None:
    box.backup()
    as_role(box, "anon")
    assert box.value("select count(*) from backup_logs") == 0
    assert box.value("select count(*) from alert_subscriptions") == 0
    assert box.value("select count(*) from app_logs_backup") == 0
    assert box.value("select count(*) from system_logs") > 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        box.run("insert into system_logs (type, message) values ('backup', 'x')")
    as_role(box, "authenticated")
    assert box.value("select count(*) from backup_logs") > 0
    as_role(box, "service_role")
    assert box.value("select count(*) from alert_subscriptions") == 1
    box.run("insert into system_logs (type, message) values ('auto_backup', 'x')")


@pytest.mark.parametrize("kind", ["security", "database", "api", "error"])
def test_four_types_of_the_system_log_fire_the_alert_trigger(box: Box, kind: str) -> None:
    box.run(f"insert into system_logs (type, message) values ('{kind}', 'x')")
    assert box.values("select type from system_logs order by id desc limit 2") == ["alert_generated", kind]


@pytest.mark.parametrize("kind", ["auto_backup", "auto_backup_error", "backup_success", "ERROR"])
def test_no_other_type_fires_it(box: Box, kind: str) -> None:
    box.run(f"insert into system_logs (type, message) values ('{kind}', 'x')")
    assert box.value("select type from system_logs order by id desc limit 1") == kind


def test_the_consolidated_trigger_queues_mails_and_raises_on_the_application_log(new_box: NewBox) -> None:
    live, consolidated = new_box(), new_box("consolidated")
    error = "insert into app_logs (level, action) values ('error', 'x')"
    live.run(error)
    assert live.value("select count(*) from system_logs where type = 'alert_generated'") == 1
    with pytest.raises(psycopg.errors.UndefinedColumn):
        consolidated.run(error)
    consolidated.run("insert into system_logs (type, message) values ('error', 'x')")
    newest = consolidated.values("select type from system_logs order by id desc limit 4")
    assert sorted(newest) == ["auto_alert", "email_alert", "email_alert", "error"]
    with pytest.raises(psycopg.errors.StringDataRightTruncation):
        consolidated.run("insert into system_logs (type, message) values (repeat('a', 51), 'x')")


def test_the_log_is_no_inventory_and_a_button_claims_a_backup(box: Box) -> None:
    assert box.value("select count(distinct backup_id) from backup_articles") == 3
    assert box.value("select count(*) from backup_logs where action_type = 'backup' and success") == 2
    assert box.value("select count(*) from system_logs where type = 'backup' and context is null") == 1
    assert box.value("select max(backup_created_at) < now() - interval '6 days' from backup_articles") is True


def test_subscribers_of_the_wrong_table_are_more(box: Box) -> None:
    assert box.value("select count(*) from alert_subscribers") == 3
    assert box.value("select count(*) from alert_subscriptions") == 1


def test_the_content_is_the_same_for_the_same_seed(new_database: Callable[[str | None], str]) -> None:
    found = []
    for seed in (1, 1, 2):
        with psycopg.connect(new_database(None)) as connection:
            build(connection, articles=5, seed=seed)
            digest = "select md5(string_agg(a::text, '' order by id)) from (select id, title, content from {}) as a"
            found.append(connection.execute(digest.format("articles").encode()).fetchone())
    assert found[0] == found[1] != found[2]


def test_the_older_restore_loses_threads_likes_and_later_columns_and_floods_the_audit(box: Box) -> None:
    box.backup()
    assert box.value("select count(*) from comments where parent_id is not null") > 0
    audited = box.value("select count(*) from backend_logs")
    answer = box.value("select restore_from_backup()")

    assert set(answer) == {"success", "records_affected", "details"}
    assert box.value("select count(*) from articles") == 12
    assert box.value("select count(*) from comments where parent_id is not null or likes > 0") == 0
    assert box.value("select count(*) from articles where scheduled_for is not null") == 0
    assert box.value("select count(*) from backend_logs") >= audited + 2 * answer["records_affected"]


def test_a_restore_after_an_empty_backup_silently_takes_an_older_one(box: Box) -> None:
    box.run("delete from articles where true")
    empty = box.backup()
    assert (empty["success"], empty["articles_count"]) == (True, 0)
    answer = box.value("select restore_from_backup()")
    assert answer["success"] is True
    assert answer["details"]["backup_id"] != empty["backup_id"]
    assert box.value("select count(*) from articles") == 12


def test_the_restore_at_head_can_never_succeed(new_box: NewBox) -> None:
    box = new_box("head")
    answer = box.value("select restore_from_backup()")
    assert (answer["success"], answer["error_code"]) == (False, "42883")
    assert "uuid" in answer["error"]
    assert box.value("select count(*) from articles") == 12

    box.run(
        "do $$ begin execute replace(pg_get_functiondef('restore_from_backup'::regproc), 'id > 0', 'id is not null');"
        " end $$"
    )
    assert box.value("select restore_from_backup()")["error_code"] == "42703"
    nothing = new_box("head", articles=0).value("select restore_from_backup()")
    assert set(nothing) == {"success", "message"}


def test_the_list_of_backups_multiplies_its_joins_and_is_absent_live(new_box: NewBox) -> None:
    box = new_box("head")
    (first, *_) = listed = box.value("select list_backups()")
    content = "select (select count(*) from articles) * (select count(*) from comments)"
    assert len(listed) == 3
    assert first["articles_count"] == box.value(f"{content} * (select count(*) from feedbacks)")
    box.run("delete from articles where true")
    box.backup()
    assert len(box.value("select list_backups()")) == 3
    with pytest.raises(psycopg.errors.UndefinedFunction):
        new_box().value("select list_backups()")


def test_the_log_is_read_as_rows_live_and_as_an_array_where_consolidated(new_box: NewBox) -> None:
    box = new_box()
    assert box.value("select count(*) from get_backup_logs(1)") == 1
    assert box.value("select bool_and(success) from get_backup_logs()") is True
    assert new_box("consolidated").value("select get_backup_logs()") == []


def test_a_log_row_is_answered_by_its_number_live_and_by_nothing_at_head(new_box: NewBox) -> None:
    log = "select insert_system_log('x', 'y')::text"
    live = new_box()
    assert live.value(log) == str(live.value("select max(id) from system_logs"))
    assert new_box("head").value(log) is None


def test_the_health_function_knows_another_type_and_adds_a_row_each_time(box: Box) -> None:
    box.run("insert into system_logs (type, message) values ('auto_backup', 'x')")
    for _ in range(2):
        health = box.value("select check_backup_health()")
    assert (health["backup_overdue"], health["hours_since_backup"], health["last_backup_time"]) == (
        True,
        999,
        None,
    )
    assert box.value("select count(*) from system_logs where type = 'backup_overdue_alert'") == 2

    box.run("insert into system_logs (type, message) values ('backup_success', 'x')")
    health = box.value("select check_backup_health()")
    assert (health["backup_overdue"], health["system_healthy"]) == (False, False)
    assert (health["cron_jobs_active"], health["cron_jobs_expected"]) == (0, 2)


def test_only_two_active_cron_jobs_are_healthy(box: Box) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        box.run("select * from get_backup_cron_status()")
    box.run(PG_CRON)
    box.run("insert into system_logs (type, message) values ('backup_success', 'x')")
    assert box.value("select check_backup_health()")["system_healthy"] is True
    box.run("update cron.job set active = false where jobname = 'auto-backup-secondary'")
    assert box.value("select count(*) from get_backup_cron_status() where active") == 1
    assert box.value("select check_backup_health()")["system_healthy"] is False


def test_the_cleanup_deletes_log_rows_only_and_the_automatic_ones_first(box: Box) -> None:
    box.run(
        "insert into system_logs (type, message, created_at) select kind, days::text, now() - days * interval '1 day'"
        " from unnest(array['backup_success', 'auto_backup', 'auto_backup_error']) as kind, unnest(array[29, 31, 91])"
        " as days"
    )
    generations = "select count(*) from backup_articles"
    before = box.value(generations)
    box.run("select cleanup_old_backups()")

    left = "select message from system_logs where type = '{}' order by message"
    assert box.values(left.format("backup_success")) == ["29", "31"]
    assert box.values(left.format("auto_backup")) == box.values(left.format("auto_backup_error")) == ["29"]
    assert box.value(generations) == before


def test_only_sessions_of_the_api_need_a_where(box: Box) -> None:
    box.run(
        "create function empty(name text) returns void language plpgsql security definer as $$ begin"
        " if name = 'static' then delete from backup_feedbacks; else execute 'delete from ' || name; end if; end $$"
    )
    box.run("delete from backup_comments")
    box.run("set sandbox.safeupdate = on")
    for statement in (
        "delete from backup_articles",
        "update articles set excerpt = 'x'",
        "select empty('backup_articles')",
        "select empty('static')",
    ):
        with pytest.raises(psycopg.errors.CardinalityViolation, match="requires a WHERE clause"):
            box.run(statement)
    box.run("delete from backup_articles where true")
    box.run("select restore_from_backup()")
    assert box.value("select count(*) from backup_feedbacks") > 0
