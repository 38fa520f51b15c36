"""Both projects' databases against the contract of the lead push, sections 1 to 4 and 10."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import psycopg
import pytest

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.scouter import database
from sync_pipelines.sandbox.scouter.database import Shape

NewDatabase = Callable[[str | None], str]
NEWEST = datetime(2025, 10, 21, 15, tzinfo=UTC)
_ONLY_TABULADORMAX = """
    address bitrix_telemarketing_id data_agendamento data_criacao_agendamento data_retorno_ligacao funil_fichas
    gerenciamento_funil gestao_scouter name photo_url sync_error
"""
ONLY_TABULADORMAX = set(_ONLY_TABULADORMAX.split())
_ONLY_GESTAO = """
    analisado_em analisado_por aprovado deleted email foto latitude local_da_abordagem localizacao longitude nome
    projeto scouter_id supervisor telefone
"""
ONLY_GESTAO = set(_ONLY_GESTAO.split())
#: The destination's columns in their order, by the contract's table.
_IN_ORDER = """
    id nome age telefone email scouter scouter_id commercial_project_id criado updated_at valor_ficha
    aprovado deleted etapa local_abordagem ficha_confirmada presenca_confirmada compareceu supervisor
    sync_source sync_status last_sync_at analisado_por analisado_em latitude longitude localizacao foto
    projeto local_da_abordagem raw celular telefone_casa telefone_trabalho etapa_fluxo etapa_funil
    status_fluxo status_tabulacao cadastro_existe_foto data_criacao_ficha data_confirmacao_ficha
    horario_agendamento fonte nome_modelo op_telemarketing maxsystem_id_ficha responsible
    responsible_user_id date_modify
"""
ORDER = _IN_ORDER.split()


def columns(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Names and types of leads in the order of the table."""
    return dict(
        connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = 'public.leads'::regclass and attnum > 0 and not attisdropped order by attnum"
        ).fetchall()
    )


def value(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def digest(connection: psycopg.Connection[Any]) -> str:
    return str(value(connection, "select md5(string_agg(l::text, '' order by id)) from public.leads as l"))


@pytest.fixture(scope="module")
def urls(postgres_server: PostgresServer) -> Iterator[dict[str, str]]:
    """Both databases, which every test leaves as it found them."""
    names = {name: f"sandbox_{name}" for name in ("tabuladormax", "gestao")}
    made = {name: postgres_server.create_database(database) for name, database in names.items()}
    with psycopg.connect(made["tabuladormax"]) as source, psycopg.connect(made["gestao"]) as destination:
        database.build_tabuladormax(source, newest=NEWEST)
        database.build_gestao_scouter(destination)
    yield made
    postgres_server.drop_database(*names.values())


@pytest.fixture
def tabuladormax(urls: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(urls["tabuladormax"]) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def gestao(urls: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(urls["gestao"]) as connection:
        yield connection
        connection.rollback()


def test_the_two_tables_are_those_of_the_contract(
    tabuladormax: psycopg.Connection[Any], gestao: psycopg.Connection[Any]
) -> None:
    source, destination = columns(tabuladormax), columns(gestao)
    both = source.keys() & destination.keys()
    assert (len(source), len(destination), len(both)) == (45, 49, 34)
    assert list(destination) == ORDER
    assert source.keys() - both == ONLY_TABULADORMAX
    assert destination.keys() - both == ONLY_GESTAO
    assert {
        name: (source[name], destination[name]) for name in both if source[name] != destination[name]
    } == {
        "ficha_confirmada": ("boolean", "text"),
        "commercial_project_id": ("uuid", "text"),
    }
    assert source["valor_ficha"] == destination["valor_ficha"] == "numeric(10,2)"
    assert source["data_agendamento"] == "date"


def test_only_the_number_is_required_and_only_the_destination_draws_it(
    tabuladormax: psycopg.Connection[Any], gestao: psycopg.Connection[Any]
) -> None:
    required = (
        "select string_agg(column_name, ',') from information_schema.columns where table_schema = 'public'"
    )
    for connection in (tabuladormax, gestao):
        assert value(connection, f"{required} and table_name = 'leads' and is_nullable = 'NO'") == "id"
    assert value(tabuladormax, "select pg_get_serial_sequence('public.leads', 'id')") is None
    assert value(gestao, "insert into public.leads default values returning id") >= 7
    with pytest.raises(psycopg.errors.NotNullViolation):
        tabuladormax.execute("insert into public.leads default values")


def test_the_tables_that_steer_the_export_have_the_columns_of_the_contract(
    tabuladormax: psycopg.Connection[Any],
) -> None:
    counted = dict(
        tabuladormax.execute(
            "select table_name, count(*)::int from information_schema.columns where table_schema = 'public'"
            " group by 1"
        ).fetchall()
    )
    assert counted["gestao_scouter_export_jobs"] == 18
    assert counted["gestao_scouter_export_errors"] == 11
    assert counted["gestao_scouter_config"] == counted["gestao_scouter_field_mappings"] == 7
    assert counted["sync_events"] == 10


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("update leads set sync_source = 'tabuladormax'", psycopg.errors.CheckViolation),
        ("update leads set sync_status = 'done'", psycopg.errors.CheckViolation),
        ("update leads set commercial_project_id = gen_random_uuid()", psycopg.errors.ForeignKeyViolation),
        ("update leads set responsible_user_id = gen_random_uuid()", psycopg.errors.ForeignKeyViolation),
        (
            "insert into gestao_scouter_export_jobs (start_date, status) values ('2025-10-21', 'cancelled')",
            psycopg.errors.CheckViolation,
        ),
        ("insert into gestao_scouter_export_jobs (end_date) values (now())", psycopg.errors.NotNullViolation),
        (
            "insert into sync_events (event_type, direction, lead_id, status)"
            " values ('insert', 'supabase_to_gestao_scouter', 1, 'success')",
            psycopg.errors.CheckViolation,
        ),
        (
            "insert into sync_events (event_type, direction, status)"
            " values ('create', 'gestao_scouter_to_supabase', 'success')",
            psycopg.errors.NotNullViolation,
        ),
    ],
)
def test_what_tabuladormax_refuses(
    tabuladormax: psycopg.Connection[Any], statement: str, error: type[psycopg.Error]
) -> None:
    with pytest.raises(error):
        tabuladormax.execute(statement.encode())


def test_any_update_dates_a_lead_anew(tabuladormax: psycopg.Connection[Any]) -> None:
    tabuladormax.execute("update leads set updated_at = '2020-01-01' where id = 558001")
    assert value(tabuladormax, "select updated_at = now() from leads where id = 558001") is True


def test_errors_go_with_their_job_and_a_lead_may_be_unknown(tabuladormax: psycopg.Connection[Any]) -> None:
    job = value(
        tabuladormax, "insert into gestao_scouter_export_jobs (start_date) values (now()) returning id"
    )
    tabuladormax.execute(
        "insert into gestao_scouter_export_errors (job_id, lead_snapshot, fields_sent, error_message)"
        " values (%s, '{}', '{}', 'x')",
        [job],
    )
    tabuladormax.execute("delete from gestao_scouter_export_jobs")
    assert value(tabuladormax, "select count(*) from gestao_scouter_export_errors") == 0


def test_the_public_key_reads_the_service_key_and_the_jobs_as_found(
    tabuladormax: psycopg.Connection[Any],
) -> None:
    tabuladormax.execute(
        "insert into gestao_scouter_config (project_url, anon_key) values ('https://x.example.com', 'key')"
    )
    tabuladormax.execute("set role anon")
    assert value(tabuladormax, "select anon_key from gestao_scouter_config where anon_key = 'key'") == "key"
    assert value(tabuladormax, "select count(*) from leads") == 400
    tabuladormax.execute("insert into gestao_scouter_export_jobs (start_date) values (now())")
    assert tabuladormax.execute("update leads set age = 1").rowcount == 0


def test_the_applications_own_functions_answer_as_described(tabuladormax: psycopg.Connection[Any]) -> None:
    listed = tabuladormax.execute("select * from get_leads_table_columns()").fetchall()
    assert [row[0] for row in listed] == list(columns(tabuladormax))
    assert ("id", "bigint", "NO") in listed
    answer = value(tabuladormax, "select validate_leads_schema()")
    assert answer.keys() == {"valid", "missing_columns", "total_expected", "total_missing", "checked_at"}
    assert (answer["valid"], answer["missing_columns"]) == (False, ["data_sincronizacao"])


def test_nothing_helps_to_find_a_day_yet(tabuladormax: psycopg.Connection[Any]) -> None:
    assert value(tabuladormax, "select count(*) from pg_indexes where tablename = 'leads'") == 1


@pytest.mark.parametrize(
    "dirt",
    [
        "age = 0",
        "age is null",
        "name = ''",
        "name is null",
        "name ~ '[ãéçô]'",
        "name like '%👧🏽%'",
        "ficha_confirmada = false",
        "ficha_confirmada is null",
        "valor_ficha = 0",
        "data_agendamento > updated_at::date",
        "length(raw::text) > 100000",
        "celular = '' and telefone_trabalho <> ''",
        "updated_at is null",
        "criado is null",
        "sync_source is null",
        "sync_source = 'gestao_scouter'",
        "responsible_user_id is not null",
    ],
)
def test_the_leads_have_the_dirt_of_the_contract(tabuladormax: psycopg.Connection[Any], dirt: str) -> None:
    assert 0 < value(tabuladormax, f"select count(*) from leads where {dirt}") < 400


def test_days_have_borders_in_both_zones_and_one_day_is_heavy(tabuladormax: psycopg.Connection[Any]) -> None:
    for zone in ("America/Sao_Paulo", "UTC"):
        times = f"select count(*) from leads where (updated_at at time zone '{zone}')::time = '{{}}'"
        assert value(tabuladormax, times.format("23:59:59.9995")) == 2
        assert value(tabuladormax, times.format("00:00")) == 2
    assert value(tabuladormax, "select max(updated_at) from leads") == NEWEST
    same = (
        "select count(*) from leads where updated_at is not null group by updated_at order by 1 desc limit 1"
    )
    assert value(tabuladormax, same) == 50
    assert value(tabuladormax, "select count(distinct updated_at::date) from leads") > 50


def test_the_size_of_the_heavy_day_is_chosen(new_database: NewDatabase) -> None:
    with psycopg.connect(new_database(None)) as connection:
        database.build_tabuladormax(connection, leads=240, newest=NEWEST, heavy_day=101)
        heavy = "select updated_at from leads group by 1 having count(*) = 101"
        assert value(connection, heavy) == datetime(2025, 10, 18, 17, 3, 22, 123456, tzinfo=UTC)


def test_the_leads_are_the_same_for_the_same_seed(new_database: NewDatabase) -> None:
    found = []
    for seed in (1, 1, 2):
        with psycopg.connect(new_database(None)) as connection:
            database.build_tabuladormax(connection, leads=60, seed=seed, newest=NEWEST)
            found.append(digest(connection))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("shape", get_args(Shape))
def test_the_destination_drifts_from_any_shape_to_a_later_one(
    new_database: NewDatabase, shape: Shape
) -> None:
    with psycopg.connect(new_database(None)) as connection:
        database.build_gestao_scouter(connection, shape)
        found = columns(connection)
        assert len(found) == shape
        assert list(found)[:49] == ORDER
        database.drift(connection, 60)
        assert list(columns(connection))[:shape] == list(found)
        assert len(columns(connection)) == 60
        database.drop_column(connection, "cadastro_existe_foto")
        assert "cadastro_existe_foto" not in columns(connection)


def test_the_destination_has_leads_of_its_own_and_one_on_a_number_of_the_source(
    gestao: psycopg.Connection[Any], tabuladormax: psycopg.Connection[Any]
) -> None:
    spellings = gestao.execute("select distinct sync_source from leads order by 1").fetchall()
    assert [row[0] for row in spellings] == ["Gestao", "gestao-scouter", "gestao_scouter", "manual", None]
    ids = [row[0] for row in gestao.execute("select id from leads")]
    pushed = tabuladormax.execute("select id from leads where id = any(%s)", [ids]).fetchall()
    assert pushed == [(database.COLLISION,)]


def test_the_destination_lets_the_service_in_and_nobody_else(gestao: psycopg.Connection[Any]) -> None:
    gestao.execute("set role anon")
    assert value(gestao, "select count(*) from leads") == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege), gestao.transaction():
        gestao.execute("insert into leads (id) values (1000)")
    gestao.execute("set role service_role")
    assert value(gestao, "select count(*) from leads") == 7
    gestao.execute("insert into leads (id) values (1000)")


def test_a_reload_is_announced_to_postgrest(gestao: psycopg.Connection[Any]) -> None:
    gestao.execute("listen pgrst")
    gestao.execute("select notify_pgrst_reload()")
    gestao.commit()
    (note,) = gestao.notifies(timeout=10, stop_after=1)
    assert note.payload == "reload schema"


@pytest.mark.parametrize(
    ("variant", "statement", "error"),
    [
        ({"reload_function": False}, "select notify_pgrst_reload()", psycopg.errors.UndefinedFunction),
        (
            {"required_column": True},
            "insert into leads (id) values (558045) on conflict (id) do update set nome = excluded.nome",
            psycopg.errors.NotNullViolation,
        ),
        (
            {"primary_key": False},
            "insert into leads (id) values (1) on conflict (id) do nothing",
            psycopg.errors.InvalidColumnReference,
        ),
    ],
)
def test_the_variants_fail_as_they_are_meant_to(
    new_database: NewDatabase, variant: dict[str, bool], statement: str, error: type[psycopg.Error]
) -> None:
    with psycopg.connect(new_database(None), autocommit=True) as connection:
        database.build_gestao_scouter(connection)
        if error is not psycopg.errors.UndefinedFunction:
            connection.execute(statement.encode())
    with psycopg.connect(new_database(None), autocommit=True) as connection:
        database.build_gestao_scouter(connection, **variant)  # type: ignore[arg-type]
        with pytest.raises(error):
            connection.execute(statement.encode())


def push(source: psycopg.Connection[Any], destination: psycopg.Connection[Any], lead: int) -> None:
    """Carry what both tables have of a lead over, as an upsert would."""
    row = source.execute(
        "select id, age, responsible_user_id, horario_agendamento, valor_ficha, maxsystem_id_ficha from leads"
        " where id = %s",
        [lead],
    ).fetchone()
    destination.execute(
        "insert into leads (id, age, responsible_user_id, horario_agendamento, valor_ficha, maxsystem_id_ficha)"
        " values (%s, %s, %s, %s, %s, %s)",
        row,
    )


def test_a_strict_destination_refuses_the_spoilt_leads_and_no_other(
    tabuladormax: psycopg.Connection[Any], gestao: psycopg.Connection[Any]
) -> None:
    database.with_dirt_rules(gestao)
    gestao.execute("delete from leads where id = %s", [database.COLLISION])
    ids = [row[0] for row in tabuladormax.execute("select id from leads order by id")]
    days = "select md5(string_agg(updated_at::text, ',' order by id)) from leads"
    before = value(tabuladormax, days)
    spoilt = database.poison(tabuladormax, ids[20:27])
    assert value(tabuladormax, days) == before
    assert set(spoilt.values()) == {"23514", "23503", "22001", "22003", "23505"}
    refused = {}
    for lead in ids:
        try:
            with gestao.transaction():
                push(tabuladormax, gestao, lead)
        except psycopg.Error as error:
            refused[lead] = error.sqlstate
    assert refused == spoilt


def test_a_lead_that_is_not_there_cannot_be_spoilt(tabuladormax: psycopg.Connection[Any]) -> None:
    with pytest.raises(ValueError, match="no lead 1 "):
        database.poison(tabuladormax, [1])
