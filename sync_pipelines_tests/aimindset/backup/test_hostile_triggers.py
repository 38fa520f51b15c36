"""Functions and triggers that do more than copy: nothing wrong is committed, and nothing wrong is called proved.

The project of each test has three earlier backups, logs, a subscriber, and a table `shop` of somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import psycopg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.backup.answer import AnswerError
from sync_pipelines.aimindset.backup.failures import SideEffectError, UnprovedError
from sync_pipelines.aimindset.backup.load import BackupCall, Moment
from sync_pipelines.aimindset.backup.side_effects import read_state
from sync_pipelines.lib.postgres import Connection
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.aimindset.project_states import problem, rename_function, replace_function
from sync_pipelines_tests.conftest import NewProject

#: Tables on which the function leaves rows, from its first statement to its last.
WRITTEN = ("backup_articles", "app_logs_backup", "system_logs", "backup_logs")
TIMINGS = {
    "before": "create trigger hostile before insert on {} for each row execute function hostile()",
    "after": "create trigger hostile after insert on {} for each row execute function hostile()",
    "statement": "create trigger hostile after insert on {} for each statement execute function hostile()",
    "deferred": "create constraint trigger hostile after insert on {} deferrable initially deferred"
    " for each row execute function hostile()",
}
#: What a trigger or a function does, and what is said of it.
DEEDS = {
    "rewrite a source": ("update articles set title = upper(title) || '.'", "public.articles"),
    "rewrite an uncopied column": ("update comments set likes = likes + 1", "public.comments"),
    "delete a source": ("delete from feedbacks", "public.feedbacks"),
    "add to a source": (
        "insert into articles (title, excerpt, content, slug) values ('n', 'n', 'n', gen_random_uuid()::text)",
        "public.articles",
    ),
    "rewrite earlier copies": ("update backup_articles set title = 'x'", "public.backup_articles"),
    "delete earlier copies": (
        "delete from backup_comments where backup_created_at < now() - interval '1 day'",
        "public.backup_comments",
    ),
    "delete logs": ("delete from system_logs where created_at < now() - interval '1 day'", "system_logs"),
    "truncate what it never reads": ("delete from alert_subscriptions", "public.alert_subscriptions"),
    "rewrite somebody else's": ("update shop set price = 0", "public.shop"),
    "empty somebody else's": ("truncate shop", "public.shop"),
}
EVERYTHING = (
    "articles",
    "comments",
    "feedbacks",
    "backup_articles",
    "backup_comments",
    "backup_feedbacks",
    "alert_subscriptions",
    "shop",
    "backend_logs",
    "app_logs",
    "app_logs_backup",
)


@pytest.fixture
def shop(project: Project) -> Project:
    project.database.execute(
        "create table shop (price int); insert into shop values (7);"
        " insert into app_logs (level) values ('info'), ('warn');"
        " insert into alert_subscriptions (email) values ('assinante@example.com') on conflict do nothing"
    )
    return project


def everything(project: Project) -> tuple[str, ...]:
    digests = ", ".join(
        f"(select md5(string_agg(md5(t::text), '' order by md5(t::text))) from {name} as t)"
        for name in EVERYTHING
    )
    row = project.database.execute(f"select {digests}".encode()).fetchone()
    return row or ()


def hostile(project: Project, table: str, timing: str, deed: str, returned: str = "new") -> None:
    project.database.execute(
        "create or replace function hostile() returns trigger language plpgsql security definer as"
        f" $body$ begin if pg_trigger_depth() = 1 then {deed}; end if; return {returned}; end $body$".encode()
    )
    project.database.execute(f"drop trigger if exists hostile on {table}".encode())
    project.database.execute(TIMINGS[timing].format(table).encode())


def misjudged(shop: Project, deed: str, places: Iterable[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """The tables and kinds of trigger by which the deed was not said, or not rolled back."""
    before = everything(shop)
    statement, said = DEEDS[deed]
    wrong = []
    for table, timing in places:
        hostile(shop, table, timing, deed=statement)
        try:
            BackupCall(shop.url).run()
            wrong.append((table, timing, "was called proved"))
        except SideEffectError as error:
            if said not in str(error):
                wrong.append((table, timing, str(error)))
        if everything(shop) != before:
            wrong.append((table, timing, "was committed"))
        shop.database.execute(f"drop trigger hostile on {table}".encode())
    return wrong


@pytest.mark.parametrize("deed", DEEDS)
def test_whatever_a_trigger_does_beside_the_copies_is_said_and_rolled_back(shop: Project, deed: str) -> None:
    """By each kind of trigger, on another table for each deed."""
    turn = list(DEEDS).index(deed) % len(WRITTEN)
    assert misjudged(shop, deed, zip(WRITTEN[turn:] + WRITTEN[:turn], TIMINGS, strict=True)) == []


@pytest.mark.slow
@pytest.mark.parametrize("deed", DEEDS)
def test_by_every_kind_of_trigger_on_every_table_that_the_function_fills(shop: Project, deed: str) -> None:
    assert misjudged(shop, deed, product(WRITTEN, TIMINGS)) == []


@pytest.mark.parametrize(
    ("timing", "deed"),
    [
        ("before", "new.{column} = upper(new.{column}) || '.'"),
        ("before", "return null"),
        ("after", "update {table} set {column} = 'outro texto' where id = new.id"),
        ("after", "delete from {table} where id = new.id"),
        ("deferred", "update {table} set {column} = 'outro texto' where id = new.id"),
        ("deferred", "delete from {table} where id = new.id"),
        ("statement", "delete from {table} where {column} is not null"),
    ],
)
def test_copies_that_a_trigger_alters_or_swallows_are_rolled_back(
    shop: Project, timing: str, deed: str
) -> None:
    before = everything(shop)
    columns = {"backup_articles": "title", "backup_comments": "content", "backup_feedbacks": "type"}
    for table, column in (columns | {"app_logs_backup": "level", "system_logs_backup": "message"}).items():
        hostile(shop, table, timing, deed=deed.format(table=table, column=column))
        with pytest.raises(UnprovedError, match="rolled back"):
            BackupCall(shop.url).run()
        assert everything(shop) == before
        shop.database.execute(f"drop trigger hostile on {table}".encode())


def test_a_trigger_that_puts_off_another_till_the_commit_can_write_nothing(shop: Project) -> None:
    """All constraints are made immediate before the proof, and a trigger makes them deferred again."""
    before = everything(shop)
    shop.database.execute(
        "create table chain (n int); create function last() returns trigger language plpgsql as"
        " $$ begin delete from public.feedbacks; return new; end $$;"
        " create constraint trigger last after insert on chain deferrable initially deferred"
        " for each row execute function last()"
    )
    hostile(
        shop, "backup_logs", "deferred", deed="set constraints all deferred; insert into chain values (1)"
    )
    with pytest.raises(UnprovedError, match="wanted to write at the COMMIT"):
        BackupCall(shop.url).run()
    assert everything(shop) == before


@pytest.mark.parametrize("deed", DEEDS)
def test_a_function_that_does_more_than_copy_is_rolled_back(shop: Project, deed: str) -> None:
    before = everything(shop)
    statement, said = DEEDS[deed]
    rename_function(shop, f"{statement};")
    with pytest.raises(SideEffectError, match=said):
        BackupCall(shop.url).run()
    assert everything(shop) == before


@pytest.mark.parametrize(
    "change",
    [
        "alter table shop rename column price to cost",
        "alter table shop add column note text default 'x'",
        "drop table shop",
        "alter table shop rename to old_shop; create table shop as table old_shop",
        "alter table comments drop column user_avatar_url",
        "alter table articles rename excerpt to e; alter table articles rename content to excerpt;"
        " alter table articles rename e to content",
    ],
)
def test_a_function_that_changes_a_table_is_rolled_back(shop: Project, change: str) -> None:
    before = everything(shop)
    rename_function(shop, f"{change};")
    with pytest.raises(SideEffectError, match=r"other columns|is gone"):
        BackupCall(shop.url).run()
    assert everything(shop) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("drop trigger looks on shop", "1 of .* triggers"),
        ("alter table shop disable trigger looks", "1 of .* triggers"),
        ("drop policy seen on shop", "1 of .* policies"),
        ("drop view cheap", "of .* relations were .*; 1 of .* rules and views"),
        ("create or replace view cheap as select price from shop where price < 0", "1 of .* rules and views"),
        ("refresh materialized view dear with no data", "1 of .* relations"),
        ("alter table shop disable row level security", "1 of .* relations"),
        ("grant all on shop to public", "1 of .* relations"),
        ("alter table shop drop constraint positive", "1 of .* constraints"),
        ("drop function looks()cascade", "of .* functions"),
        ("perform setval('numbers', 1)", "the sequence public.numbers was set back"),
    ],
)
def test_a_function_that_changes_what_belongs_to_tables_is_rolled_back(
    shop: Project, change: str, said: str
) -> None:
    shop.database.execute(
        "create function looks() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger looks before insert on shop for each row execute function looks();"
        "alter table shop enable row level security; create policy seen on shop using (true);"
        "alter table shop add constraint positive check (price > 0);"
        "create view cheap as select price from shop where price < 9;"
        "create materialized view dear as select price from shop;"
        "create sequence numbers; select setval('numbers', 40)"
    )
    rename_function(shop, f"{change};")
    with pytest.raises(SideEffectError, match=said):
        BackupCall(shop.url).run()


def test_a_failure_that_destroyed_something_is_not_committed(shop: Project) -> None:
    """`success=false` is committed for the sake of its log rows, but not with what else was done."""
    before = everything(shop)
    rename_function(shop, 'answer := \'{"success": false, "error": "x"}\';', before="delete from feedbacks;")
    day = shop.day(wanted=[assets.BACKUP])
    assert isinstance(day.problems[assets.BACKUP], SideEffectError)
    assert "rows of public.feedbacks were deleted" in str(day.problems[assets.BACKUP])
    assert "backup_all_data() failed: x." in str(day.problems[assets.BACKUP])
    assert everything(shop) == before
    assert len(shop.logged("auto_backup_error")) == len(shop.fake.alerts) == 1


def test_an_earlier_backup_id_is_no_new_backup(shop: Project) -> None:
    """Nothing changed since, so the older copy equals the sources to the last byte."""
    assert shop.day(wanted=[assets.BACKUP]).problems == {}
    first = shop.value("select backup_id from backup_articles order by backup_created_at desc limit 1")
    rename_function(shop, f"answer := (answer::jsonb || jsonb_build_object('backup_id', '{first}'))::json;")
    said = problem(shop, force=True, wanted=[assets.BACKUP])
    assert "articles: rows older than the call: 0 in the source, 12 in the destination" in said
    assert [copy.name for copy in shop.catalog.backups(assets.BACKUP)] == [str(first)]


def test_an_earlier_backup_id_by_rpc_is_no_new_backup(shop: Project) -> None:
    first = shop.value("select backup_id from backup_articles limit 1")
    answer = shop.value("select original::text from (select backup_all_data() as original) as called")
    replace_function(
        shop, f"begin return ($a${answer}$a$::jsonb || jsonb_build_object('backup_id', '{first}'))::json; end"
    )
    rpc = shop.with_(aimindset_backup_by="rpc")
    day = rpc.day(wanted=[assets.BACKUP])
    assert isinstance(day.problems[assets.BACKUP], AnswerError)
    assert "was there before the call" in str(day.problems[assets.BACKUP])


def test_a_functions_own_settings_do_not_decide_how_its_copy_reads(shop: Project) -> None:
    """A session in which numbers are rounded and `md5` is another function would find anything equal."""
    shop.database.execute(
        "create schema deceit; create function deceit.md5(text) returns text language sql as"
        " $$select repeat('0', 32)$$"
    )
    rename_function(
        shop,
        "perform set_config('search_path', 'deceit, pg_catalog, public', false);"
        " update public.backup_articles set title = 'x' where backup_id = (answer ->> 'backup_id')::uuid;",
    )
    with pytest.raises(UnprovedError, match="The copy is not its source"):
        BackupCall(shop.url).run()


def test_a_table_that_the_project_counts_in_may_be_named(shop: Project) -> None:
    hostile(shop, "backup_logs", "after", deed="update shop set price = price + 1")
    assert "public.shop" in problem(shop, wanted=[assets.BACKUP])
    allowed = shop.with_(aimindset_backup_may_change="shop, public.articles")
    assert allowed.day(wanted=[assets.BACKUP]).problems == {}
    assert shop.value("select price from shop") == 8
    # What the backup is of can never be named.
    hostile(shop, "backup_logs", "after", deed="update articles set title = 'x'")
    assert "public.articles" in problem(allowed, force=True, wanted=[assets.BACKUP])


def test_a_table_that_somebody_holds_is_not_waited_for(shop: Project) -> None:
    with psycopg.connect(shop.url) as other:
        other.execute("lock table shop in access exclusive mode")
        day = shop.day(wanted=[assets.BACKUP])
    assert day.problems == {}
    assert day.backup is not None
    looked_at = day.backup.tables_unchanged
    again = shop.day(wanted=[assets.BACKUP], force=True)
    assert again.backup is not None
    assert again.backup.tables_unchanged == looked_at + 1


def test_a_table_of_another_database_with_the_same_number_hides_none(
    shop: Project, new_project: NewProject
) -> None:
    """Both databases are copies of one: their tables have the same numbers."""
    numbers = "select 'backup_articles'::regclass::oid::bigint"
    with psycopg.connect(new_project()) as other:
        assert other.execute(numbers).fetchone() == shop.database.execute(numbers).fetchone()
        looked_at = read_state(shop.database).tables
        other.execute("lock table backup_articles in access exclusive mode")
        assert read_state(shop.database).tables == looked_at


def test_a_table_of_which_a_vacuum_cuts_the_end_off_is_waited_for(shop: Project) -> None:
    """A plain VACUUM gives way to who waits for it; a table that was left out would be changed unseen."""
    with psycopg.connect(shop.url) as vacuum:
        vacuum.execute("lock table backup_articles in share update exclusive mode")
        vacuum.execute("lock table backup_articles in access exclusive mode")
        with shop.database.transaction(), pytest.raises(psycopg.errors.LockNotAvailable):
            shop.database.execute("set local lock_timeout = 1")
            read_state(shop.database)


def test_a_writer_beside_the_call_is_no_side_effect(shop: Project) -> None:
    """What others commit meanwhile is not in the snapshot: neither a difference nor a reason to roll back."""

    def write(moment: Moment, connection: Connection) -> None:
        if moment == "called":
            shop.database.execute("delete from feedbacks; update shop set price = 1; delete from app_logs")

    done = BackupCall(shop.url, probe=write).run()
    assert done.proof.holds
    assert done.answer.counts["feedbacks_count"] > 0
    assert shop.value("select count(*) from feedbacks") == 0


def test_a_role_that_may_not_read_the_subscribers_backs_up_all_the_same(shop: Project) -> None:
    """What our role cannot read is not compared; what the backup is of, it can."""
    info = shop.database.info
    shop.database.execute(
        "drop role if exists narrow; create role narrow login bypassrls password 'uma-senha-longa';"
        " grant usage on schema public to narrow; grant all on all tables in schema public to narrow;"
        " grant execute on all functions in schema public to narrow;"
        " revoke all on alert_subscriptions, shop from narrow"
    )
    try:
        done = BackupCall(f"postgresql://narrow:uma-senha-longa@127.0.0.1:{info.port}/{info.dbname}").run()
        assert done.proof.holds
        rename_function(shop, "delete from feedbacks;")
        with pytest.raises(SideEffectError, match="feedbacks"):
            BackupCall(f"postgresql://narrow:uma-senha-longa@127.0.0.1:{info.port}/{info.dbname}").run()
    finally:
        shop.database.execute("drop owned by narrow; drop role narrow")
