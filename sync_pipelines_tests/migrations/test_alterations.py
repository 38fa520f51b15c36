"""The statements that a refusal gives: run as they stand, they make the table one that is migrated, rows and all."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.records import run_log
from sync_pipelines.migrations import inspection, runner
from sync_pipelines.migrations.history import History
from sync_pipelines_tests.migrations.databases import (
    FABRICIO,
    HITSS,
    LOGS_003,
    SEED_31,
    SEED_61,
    SHAPE_B,
    SHAPE_C,
    SHAPE_D,
    connected,
    rows,
    run,
    wrong,
)

FILLED = (
    f"{SEED_31} insert into dre_hitss (execution_id, conta, valor) values ('x', 'CLT', 1), ('x', 'CLT', 2);"
)
#: Two equal lines with everything empty that the export may leave empty, as the load and the mirror insert them.
TWO_LINES = """
    insert into dre_hitss (execution_id, conta, descricao, valor, tipo, periodo, empresa, competencia, ano, mes,
        natureza, valor_exato, tipo_comercial, cliente, linha_negocio, codigo_projeto, projeto,
        filial_faturamento, imposto, line_hash, occurrence, id_homs)
    select gen_random_uuid()::text, 'CLT', repeat('x', 139), -1234567890123.45, 'DESPESA', '10/2025', 'HITSS',
        '2025-10-01', 2025, 10, 'CUSTO', -1234567890123.456, null, null, null, null, null, null, null,
        '00000000-0000-0000-0000-000000000001', occurrence, null
    from generate_series(1, 2) as occurrence
"""


def given(refusal: str) -> list[str]:
    """The statements in a refusal, one a line."""
    return re.findall(r"^(?:alter table|drop index) .*;$", refusal, re.MULTILINE)


DRE_HITSS = {
    "B": SHAPE_B,
    "C": SHAPE_C,
    "D": SHAPE_D,
    "a key that does not count": FILLED.replace("id bigserial", "id bigint").replace(
        "(execution_id, conta, valor) values ('x', 'CLT', 1), ('x', 'CLT', 2)",
        "(id, execution_id, conta, valor) values (1, 'x', 'CLT', 1), (2, 'x', 'CLT', 2)",
    ),
    "a key of text without a default": FILLED.replace("id bigserial", "id text").replace(
        "(execution_id, conta, valor) values ('x', 'CLT', 1), ('x', 'CLT', 2)",
        "(id, execution_id, conta, valor) values ('a', 'x', 'CLT', 1), ('b', 'x', 'CLT', 2)",
    ),
    "no key": FILLED.replace("id bigserial primary key, execution_id", "execution_id", 1),
    "a column of its own": f"{FILLED} alter table dre_hitss add centro text not null default 'SP';"
    " alter table dre_hitss alter centro drop default",
    "a column of ours with another type": f"{FILLED} alter table dre_hitss add competencia text",
    "a unique index": f"{FILLED} create unique index por_conta on dre_hitss (execution_id, conta, valor)",
    "constraints": f"""{FILLED} create table projetos (codigo text primary key);
        alter table dre_hitss add unique (execution_id, conta, valor), add check (tipo in ('receita')),
            add codigo_projeto text references projetos""",
    "names to quote": f"""{FILLED} alter table dre_hitss add "Centro ""de"" custo" text not null default 'SP',
        add constraint "Só receita" check (tipo in ('receita'));
        alter table dre_hitss alter "Centro ""de"" custo" drop default""",
}


@pytest.mark.parametrize("history", [FABRICIO, HITSS])
@pytest.mark.parametrize("shape", DRE_HITSS)
def test_the_statements_of_a_refusal_make_room_for_our_lines_and_keep_the_rows(
    shape: str, history: History, found: Callable[[str], str]
) -> None:
    url = found(DRE_HITSS[shape])
    content = "select count(*), sum(valor), min(created_at) from dre_hitss"
    before = rows(url, content)
    with pytest.raises(PermanentError, match="Nothing was changed") as refused:
        runner.upgrade(history, url)

    run(url, *given(str(refused.value)))
    runner.upgrade(history, url)

    assert wrong(history, url) == []
    assert before[0][0] == 2
    assert rows(url, content) == before
    run(url, TWO_LINES)
    assert rows(url, "select count(*), count(distinct id) from dre_hitss") == [(4, 4)]


def test_the_values_of_a_key_that_was_renamed_stay(found: Callable[[str], str]) -> None:
    url = found(SHAPE_D)
    before = rows(url, "select id from dre_hitss order by id")

    with pytest.raises(PermanentError, match="shape D") as refused:
        runner.upgrade(HITSS, url)
    run(url, *given(str(refused.value)))

    assert rows(url, "select id_anterior from dre_hitss order by id_anterior") == before


@pytest.mark.parametrize(
    ("statements", "history"),
    [
        (f"{LOGS_003} insert into system_logs (level, message) values ('INFO', 'before')", FABRICIO),
        (LOGS_003, HITSS),
        (SEED_31.replace("'running', ", ""), FABRICIO),
        (f"{SEED_31} alter table automation_executions add user_id uuid not null", HITSS),
    ],
)
def test_the_statements_of_a_refusal_make_room_for_our_log(
    statements: str, history: History, found: Callable[[str], str]
) -> None:
    url = found(statements)
    with pytest.raises(PermanentError, match="Nothing was changed") as refused:
        runner.upgrade(history, url)

    run(url, *given(str(refused.value)))
    runner.upgrade(history, url)

    assert wrong(history, url) == []
    tables = run_log.RunLog("public.automation_executions", log_table="public.system_logs", source="test")
    with run_log.open_execution(url, tables, run_id="r", what="the database", started="Início", details={}):
        pass
    assert rows(url, "select status from automation_executions") == [("completed",)]


@pytest.mark.parametrize("seed", [SEED_31, SEED_61], ids=["3.1", "6.1"])
def test_the_requirements_own_shape_is_migrated_and_not_refused(
    seed: str, found: Callable[[str], str]
) -> None:
    url = found(f"{seed} insert into dre_hitss (execution_id, valor) values ('{uuid4()}', 4)")
    content = "select id, execution_id, conta, valor from dre_hitss order by id"
    before = rows(url, content)

    plan = inspection.plan(HITSS, url)
    assert plan.refused is None
    [note] = [note for note in plan.notes if "the mirror did not bring" in note.sentence]
    assert note.ok
    assert f"holds {len(before)} rows" in note.sentence

    runner.upgrade(HITSS, url)
    assert wrong(HITSS, url) == []
    assert rows(url, content) == before


@pytest.mark.parametrize(
    "statements",
    ["create view public.dre_hitss as select 1 as id", "create table public.monitor_health (id integer)"],
)
def test_where_no_statement_helps_the_refusal_says_to_move_it_aside(
    statements: str, found: Callable[[str], str]
) -> None:
    url = found(statements)
    with pytest.raises(PermanentError, match="Nothing was changed: move it aside") as refused:
        runner.upgrade(FABRICIO, url)
    assert given(str(refused.value)) == []

    [aside] = re.findall(r"\((create schema [^)]*)\)", str(refused.value))
    run(url, aside)
    runner.upgrade(FABRICIO, url)
    assert wrong(FABRICIO, url) == []


def test_a_database_of_another_structure_is_not_read(
    found: Callable[[str], str], new_database: Callable[[str | None], str]
) -> None:
    with connected(new_database("hitss")) as connection:
        inspection.require_newest(connection, HITSS)
    with (
        connected(found("")) as connection,
        pytest.raises(PermanentError, match="run `sync-pipelines migrate`"),
    ):
        inspection.require_newest(connection, HITSS)
    with connected(found(SHAPE_D)) as connection, pytest.raises(PermanentError, match="shape D") as refused:
        inspection.require_newest(connection, HITSS)
    assert 'alter table "public"."dre_hitss" rename column "id" to "id_anterior";' in given(
        str(refused.value)
    )
