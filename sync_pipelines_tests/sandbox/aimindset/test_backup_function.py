"""`backup_all_data()` behaves as sections 3.1 to 3.4 of the contract say, failures and all."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from sync_pipelines_tests.sandbox.aimindset.conftest import Box, Call, call_backup

NewBox = Callable[..., Box]
COUNTS = ("articles", "comments", "feedbacks", "backend_logs", "app_logs", "system_logs")
ORPHANS = (
    "select count(*) from backup_comments as c where backup_id = '{}' and not exists ("
    " select from backup_articles as a where a.backup_id = c.backup_id and a.original_id = c.article_id)"
)


def test_a_success_has_exactly_these_keys_and_two_rows(box: Box) -> None:
    expected = {name: box.value(f"select count(*) from {name}") for name in COUNTS}
    before = box.traces()
    answer = box.backup()

    counts = {f"{name}_count" for name in COUNTS}
    assert set(answer) == {"success", "message", "backup_id", "total_records"} | counts
    assert answer["success"] is True
    # The row about this very backup is not in it.
    assert {name: answer[f"{name}_count"] for name in COUNTS} == expected
    assert answer["total_records"] == sum(expected.values())
    assert box.traces() == (before[0] + 1, before[1] + 1)
    context = box.value("select context from system_logs where type = 'backup' order by id desc limit 1")
    assert context == {
        "backup_id": answer["backup_id"],
        "total_records": answer["total_records"],
        **expected,
    }
    assert box.value(
        "select action_type || records_affected || success || (details like 'Backup ID: %')"
        f" from backup_logs where details like '%{answer['backup_id']}%'"
    ) == (f"backup{answer['total_records']}truetrue")


def test_content_is_appended_and_logs_are_replaced(box: Box) -> None:
    articles = box.value("select count(*) from backup_articles")
    box.run("insert into app_logs (level, created_at) values ('info', now() - interval '29 days 23 hours')")
    box.run("insert into app_logs (level, created_at) values ('warn', now() - interval '30 days 1 hour')")
    first = box.backup()
    box.run("delete from app_logs")
    second = box.backup()

    assert box.value("select count(*) from backup_articles") == articles + 24
    assert first["app_logs_count"] == 25
    assert second["app_logs_count"] == box.value("select count(*) from app_logs_backup") == 0


def test_columns_of_threads_and_likes_and_all_later_ones_are_in_no_copy(box: Box) -> None:
    box.run("alter table articles add column resumo text default 'x'")
    answer = box.backup()
    assert answer["success"] is True
    assert box.value("select count(*) from comments where parent_id is not null or likes > 0") > 0
    assert (
        box.value(
            "select count(*) from backup_comments where parent_id is not null or likes is distinct from 0"
        )
        == 0
    )
    columns = box.values(
        "select column_name from information_schema.columns where table_name = 'backup_articles'"
    )
    assert not {"resumo", "scheduled_for", "scheduled_by", "original_publish_date"} & set(columns)


def test_empty_sources_make_a_backup_of_nothing_that_says_success(new_box: NewBox) -> None:
    answer = new_box(articles=0).backup()
    assert answer["success"] is True
    assert answer["total_records"] == 0


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        ("alter table comments rename column user_name to autor", "user_name"),
        ("drop table feedbacks cascade", "feedbacks"),
        ("alter table backup_articles add check (title is null) not valid", "check constraint"),
        ("insert into feedbacks (article_id, type) values (null, 'positive')", "article_id"),
    ],
)
def test_a_failure_is_a_normal_return_and_leaves_rows(box: Box, cause: str, error: str) -> None:
    box.run(cause)
    copies = box.value("select count(*) from app_logs_backup")
    before = box.traces()
    answer = box.backup()

    assert set(answer) == {"success", "message", "error", "backup_id"}
    assert answer["success"] is False
    assert error in answer["error"]
    # `error` and what its trigger adds; the truncation of the log copies is rolled back.
    assert box.traces() == (before[0] + 2, before[1] + 1)
    assert box.values("select type from system_logs order by id desc limit 2") == ["alert_generated", "error"]
    newest = "select success || ' ' || records_affected from backup_logs order by created_at desc limit 1"
    assert box.value(newest) == "false 0"
    assert box.value("select count(*) from app_logs_backup") == copies > 0
    assert box.value(f"select count(*) from backup_articles where backup_id = '{answer['backup_id']}'") == 0


def test_a_failure_that_nobody_commits_leaves_no_row_at_all(box: Box) -> None:
    box.run("insert into feedbacks (article_id, type) values (null, 'positive')")
    before = box.traces()
    with psycopg.connect(box.url) as forgetful:
        assert "false" in str(forgetful.execute("select backup_all_data()::text").fetchone())
        forgetful.rollback()
    assert box.traces() == before


def test_a_statement_timeout_raises_and_leaves_no_row(box: Box) -> None:
    """The function's own ten minutes do nothing on a direct connection."""
    before = box.traces()
    with box.locked("backup_comments"), pytest.raises(psycopg.errors.QueryCanceled):
        call_backup(box.url, "set local statement_timeout = '200ms'")
    assert box.traces() == before


def test_a_lock_that_is_held_too_long_is_a_normal_return(box: Box) -> None:
    box.run("alter function backup_all_data() set lock_timeout = '100ms'")  # 30 s as found
    with box.locked("backup_comments"):
        answer = call_backup(box.url)
    assert answer["success"] is False
    assert "lock timeout" in answer["error"]
    assert box.value("select count(*) from system_logs where type = 'error'") == 1


def test_the_lock_timeout_of_the_function_overrides_a_shorter_one(box: Box) -> None:
    assert "lock_timeout=30s" in box.value("select proconfig from pg_proc where proname = 'backup_all_data'")
    with box.locked("backup_comments"):
        call = Call(lambda: call_backup(box.url, "set local lock_timeout = '1ms'"))
        box.wait_for_a_waiter()
    assert call.outcome["success"] is True


def test_a_lock_on_the_log_itself_raises_in_the_handler(box: Box) -> None:
    box.run("alter function backup_all_data() set lock_timeout = '100ms'")
    before = box.traces()
    with box.locked("system_logs"), pytest.raises(psycopg.errors.LockNotAvailable):
        call_backup(box.url)
    assert box.traces() == before


def test_a_database_that_is_read_only_raises_and_cannot_log(box: Box) -> None:
    before = box.traces()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        call_backup(box.url, "set transaction read only")
    assert box.traces() == before


def test_a_session_whose_search_path_lacks_public_makes_the_handler_fail(box: Box) -> None:
    with psycopg.connect(box.url) as session:
        session.execute("set local search_path = pg_catalog")
        with pytest.raises(psycopg.errors.UndefinedTable):
            session.execute("select public.backup_all_data()")


def test_a_trigger_that_refuses_the_error_row_raises(box: Box) -> None:
    box.run("alter table system_logs add check (type <> 'error')")
    box.run("insert into feedbacks (article_id, type) values (null, 'positive')")
    before = box.traces()
    with pytest.raises(psycopg.errors.CheckViolation):
        box.backup()
    assert box.traces() == before


@pytest.mark.parametrize(("isolation", "orphans"), [("read committed", 1), ("repeatable read", 0)])
def test_a_writer_between_two_statements_tears_the_copy_unless_there_is_one_snapshot(
    box: Box, isolation: str, orphans: int
) -> None:
    with box.locked("backup_comments") as writer:
        call = Call(lambda: call_backup(box.url, f"set transaction isolation level {isolation}"))
        box.wait_for_a_waiter()
        writer.execute(
            "with one as (insert into articles (title, excerpt, content, slug) values ('a', 'b', 'c', 'novo')"
            " returning id) select set_config('box.article', id::text, false) from one"
        )
        writer.execute(
            "insert into comments (article_id, user_name, content)"
            " values (current_setting('box.article')::uuid, 'Pessoa', 'Um comentário novo.')"
        )
    assert box.value(ORPHANS.format(call.outcome["backup_id"])) == orphans


def test_two_calls_wait_for_each_other_and_make_two_copies(box: Box) -> None:
    with psycopg.connect(box.url) as first:
        first.execute("select backup_all_data()")
        call = Call(lambda: call_backup(box.url))
        box.wait_for_a_waiter()
    assert call.outcome["success"] is True
    assert box.value("select count(distinct backup_id) from backup_articles") == 3 + 2


def test_a_snapshot_from_before_the_call_sees_the_log_copies_empty(box: Box) -> None:
    with psycopg.connect(box.url) as reader:
        reader.execute("set transaction isolation level repeatable read")
        before = reader.execute("select count(*) from articles").fetchone()
        box.backup()
        assert before == reader.execute("select count(*) from articles").fetchone()
        assert reader.execute("select count(*) from app_logs_backup").fetchone() == (0,)


def test_every_lineage_fails_in_its_own_way(new_box: NewBox) -> None:
    consolidated = new_box("consolidated")
    for _ in range(2):
        answer = consolidated.backup()
        assert answer["success"] is False
        assert "backend_logs_backup" in answer["error"]
    assert consolidated.value("select count(*) from backup_articles") == 0
    with pytest.raises(psycopg.errors.UndefinedFunction):
        new_box("without_function").backup()
    revoked = new_box("without_execute")
    revoked.run("set role service_role")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        revoked.backup()
    assert new_box("head").backup()["success"] is True
