"""The tables of the segments' sync, in an `oficialmed` database as it may be found (contract of SprintHub, 5.1–5.4)."""

from __future__ import annotations

import re
from collections.abc import Callable

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.migrations import inspection, runner
from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.sprinthub.database import add_control, build_oficialmed
from sync_pipelines_tests.migrations.databases import connected, rows, run, wrong

OFICIALMED = History("oficialmed")
STRUCTURE = """
    select format('%s %s', table_schema || '.' || table_name, column_name || ' ' || data_type)
    from information_schema.columns where table_schema in ('api', 'public')
    union all select format('%s %s', schemaname || '.' || tablename, indexname) from pg_indexes
    where schemaname in ('api', 'public')
    union all select format('%s %s', tablename, policyname) from pg_policies
"""
NewDatabase = Callable[..., str]


@pytest.fixture
def as_found(new_database: NewDatabase) -> Callable[..., str]:
    """The application's database with some leads, changed by statements."""

    def make(*statements: str, segments: dict[int, list[int]] | None = None) -> str:
        url = new_database(None)
        with connected(url) as connection:
            build_oficialmed(connection, segments)
        run(url, *statements)
        return url

    return make


def structure(url: str) -> set[str]:
    return {row[0] for row in rows(url, STRUCTURE)}


def refusal(url: str) -> str:
    """What the plan says instead of steps; the migration says the same, and changes nothing."""
    before = structure(url)
    plan = inspection.plan(OFICIALMED, url)
    assert plan.refused is not None
    assert plan.steps == ()
    with pytest.raises(PermanentError) as refused:
        runner.upgrade(OFICIALMED, url)
    assert str(refused.value) == plan.refused
    assert plan.refused in wrong(OFICIALMED, url)
    assert structure(url) == before
    assert rows(url, "select to_regnamespace('sync_private')") == [(None,)]
    return plan.refused


def statements_in(sentence: str) -> list[str]:
    """The statements that a refusal advises."""
    return re.findall(r"^(?:alter|delete|drop|create) .*;$", sentence, flags=re.MULTILINE)


def test_the_applications_own_database_gets_what_it_lacks_and_nothing_else(
    as_found: Callable[..., str],
) -> None:
    url = as_found(segments={9: [2001, 2002, 2040]})
    content = rows(url, "select * from api.leads order by id")
    before = structure(url)
    plan = inspection.plan(OFICIALMED, url)
    assert plan.refused is None
    assert [step for step in plan.steps if "sync_private" not in step] == [
        "add column api.leads.extra jsonb",
        "create unique index uq_sync_segments_control_segment on public.sync_segments_control (segment_id)",
        "create index idx_sync_segments_logs_segment on public.sync_segments_logs"
        " (segment_id, execution_time desc, id desc)",
    ]

    for _ in range(2):
        runner.upgrade(OFICIALMED, url)
        assert structure(url) - before == {
            "api.leads extra jsonb",
            "public.sync_segments_control uq_sync_segments_control_segment",
            "public.sync_segments_logs idx_sync_segments_logs_segment",
        }
        assert before <= structure(url)
        assert wrong(OFICIALMED, url) == []
        assert inspection.plan(OFICIALMED, url).steps == ()
    assert [(*row, None) for row in content] == rows(url, "select * from api.leads order by id")


def test_rows_that_the_former_sync_left_are_noted(as_found: Callable[..., str]) -> None:
    url = as_found(
        "update public.sync_segments_control set status = 'ativo'", segments={9: [2001, 2002, 2040]}
    )
    notes = {note.sentence: note.ok for note in inspection.plan(OFICIALMED, url).notes}
    assert list(notes.values()) == [False, True, True]
    status, lists, policies = notes
    assert "has 1 rows whose status is none of active, paused and error" in status
    assert "api.leads holds 3 leads whose lists are text inside jsonb" in lists
    assert "api.leads holds 3 leads that whoever has the public key of the site can change" in policies

    run(
        url,
        "update public.sync_segments_control set status = 'paused'",
        "update api.leads set user_access = '[10]'",
        'drop policy "Permitir inserção de leads" on api.leads',
        'drop policy "Permitir atualização de leads" on api.leads',
    )
    assert inspection.plan(OFICIALMED, url).notes == ()


def test_segments_that_stand_there_twice_are_named_with_the_statement_that_ends_it(
    as_found: Callable[..., str],
) -> None:
    url = as_found()
    with connected(url) as connection:
        for segment, status in ((9, "active"), (21, "active"), (9, "paused"), (33, "active"), (9, "error")):
            add_control(connection, segment, status=status)
        add_control(connection, 33, status="paused")

    sentence = refusal(url)

    assert (
        "public.sync_segments_control in the oficialmed database has more than one row of the same"
        in sentence
    )
    assert "segment_id: 9 (3 rows), 33 (2 rows). Nothing was changed." in sentence
    [statement] = statements_in(sentence)
    run(url, statement)
    kept = rows(url, "select segment_id, status from sync_segments_control order by segment_id")
    assert kept == [(9, "error"), (21, "active"), (33, "paused")]
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == []
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(url, "insert into sync_segments_control (segment_id) values (21)")


def test_of_many_repeated_segments_some_are_named(as_found: Callable[..., str]) -> None:
    url = as_found(
        "insert into sync_segments_control (segment_id) select n / 2 from generate_series(0, 59) n"
    )
    sentence = refusal(url)
    assert "0 (2 rows), 1 (2 rows)," in sentence
    assert "19 (2 rows), and 10 more. Nothing was changed" in sentence


def test_leads_that_stand_there_twice_are_named(as_found: Callable[..., str]) -> None:
    url = as_found(
        "alter table api.leads drop constraint leads_pkey",
        "insert into api.leads (id, firstname, synced_at) values"
        " (5, 'nova', now()), (5, 'velha', null), (6, 'outra', null)",
    )
    [statement] = statements_in(refusal(url))
    run(url, statement)
    assert rows(url, "select id, firstname from api.leads order by id") == [(5, "nova"), (6, "outra")]
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == []


@pytest.mark.parametrize(
    "own",
    [
        "create unique index meu_indice on sync_segments_control (segment_id)",
        "alter table sync_segments_control add constraint um_por_segmento unique (segment_id)",
        "alter table sync_segments_control drop constraint sync_segments_control_pkey, add primary key (segment_id)",
    ],
)
def test_a_uniqueness_of_the_applications_own_is_enough(own: str, as_found: Callable[..., str]) -> None:
    url = as_found(own)
    assert not [step for step in inspection.plan(OFICIALMED, url).steps if "create unique index" in step]
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == []
    unique = (
        "select count(*) from pg_index where indrelid = 'sync_segments_control'::regclass and indisunique"
    )
    assert rows(url, f"{unique} and not indisprimary")[0][0] <= 1


def test_a_partial_uniqueness_is_not_enough(as_found: Callable[..., str]) -> None:
    url = as_found(
        "create unique index so_ativos on sync_segments_control (segment_id) where status = 'active'"
    )
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == []
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(url, "insert into sync_segments_control (segment_id, status) values (1, 'active'), (1, 'paused')")


def test_our_name_on_another_index_is_found(as_found: Callable[..., str]) -> None:
    url = as_found("create index uq_sync_segments_control_segment on sync_segments_control (segment_id)")
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == [
        "index uq_sync_segments_control_segment on public.sync_segments_control is (segment_id) instead of unique"
        " (segment_id): rename or drop index public.uq_sync_segments_control_segment of"
        " public.sync_segments_control, then run `sync-pipelines migrate`"
    ]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            "alter table api.leads alter points drop default, alter points type text",
            "points is text instead of integer",
        ),
        (
            "alter table api.leads alter create_date type timestamp",
            "create_date is timestamp without time zone instead of timestamp with time zone",
        ),
        ("alter table api.leads add extra text", "extra is text instead of jsonb"),
        ("alter table api.leads alter segmento type text", "segmento is text instead of integer"),
        ("alter table api.leads alter observacao type varchar(40)", "observacao is character varying(40)"),
        ("alter table api.leads alter data_recompra type text", "data_recompra is text instead of date"),
        ("alter table api.leads drop column firstname, drop column owner", "it lacks firstname, owner"),
        ("alter table api.leads alter email set not null", "column email must be filled"),
        ("alter table api.leads add loja integer not null", "column loja must be filled"),
        (
            "create unique index um_email on api.leads (email)",
            "the unique index um_email allows each email only once",
        ),
        (
            "alter table sync_segments_logs add check (status in ('success', 'error'))",
            "the check sync_segments_logs_status_check refuses running in status",
        ),
        (
            "alter table sync_segments_control add check (status in ('active', 'paused'))",
            "the check sync_segments_control_status_check refuses error in status",
        ),
        ("alter table sync_segments_logs alter stats type text", "stats is text instead of jsonb"),
        ("alter table sync_segments_logs alter id drop default", "id does not count by itself"),
    ],
)
def test_a_table_that_would_refuse_our_rows_is_refused_with_the_statements_that_end_it(
    statements: str, said: str, as_found: Callable[..., str]
) -> None:
    url = as_found(statements)
    sentence = refusal(url)
    assert said in sentence
    for statement in statements_in(sentence):
        run(url, statement)
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == []


def test_a_custom_field_that_the_table_lacks_is_added(as_found: Callable[..., str]) -> None:
    url = as_found("alter table api.leads drop column star_score, drop column data_do_contato")
    steps = inspection.plan(OFICIALMED, url).steps
    assert {"add column api.leads.star_score text", "add column api.leads.data_do_contato date"} <= set(steps)
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == []


@pytest.mark.parametrize(
    "wider",
    [
        "alter table api.leads alter owner type bigint, alter phone type varchar(255)",
        "alter table api.leads drop column segmento, drop column id_sprinthub, drop column qualificacao_callix",
        "alter table sync_segments_control alter id type bigint, alter segment_id type bigint",
    ],
)
def test_a_wider_or_poorer_table_is_taken_as_it_is(wider: str, as_found: Callable[..., str]) -> None:
    url = as_found(wider)
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == []


def test_without_the_control_tables_they_are_made_and_closed_to_the_api(as_found: Callable[..., str]) -> None:
    url = as_found("drop table sync_segments_control, sync_segments_logs")
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == []
    run(url, "insert into sync_segments_control (segment_id) values (9)")
    with connected(url) as connection:
        connection.execute("set role anon")
        assert connection.execute("select count(*) from sync_segments_control").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into sync_segments_logs (segment_id, status) values (9, 'success')")


def test_a_database_without_leads_is_another_one(new_database: NewDatabase) -> None:
    url = new_database(None)
    with pytest.raises(PermanentError, match=r"api\.leads is not there: OFICIALMED_DATABASE_URL has to name"):
        runner.upgrade(OFICIALMED, url)
    assert rows(url, "select to_regnamespace('sync_private')") == [(None,)]


def test_whoever_writes_leads_is_not_made_to_wait(as_found: Callable[..., str]) -> None:
    url = as_found()
    with connected(url) as user, user.transaction():
        user.execute("insert into api.leads (id) values (1)")
        with pytest.raises(TransientError, match="lock timeout"):
            runner.upgrade(OFICIALMED, url)
    assert rows(url, "select to_regnamespace('sync_private')") == [(None,)]
    runner.upgrade(OFICIALMED, url)
    assert wrong(OFICIALMED, url) == []


def test_nobody_of_the_api_sees_our_schema(as_found: Callable[..., str]) -> None:
    url = as_found()
    runner.upgrade(OFICIALMED, url)
    with connected(url) as connection:
        connection.execute("set role anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from sync_private.lead_details")
