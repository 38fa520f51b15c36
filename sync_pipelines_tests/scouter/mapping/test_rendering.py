"""Bodies and hashes of leads: exact, complete, and the same when the destination gives them back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import SESSION, body_sql, hash_sql, payload_hash_sql
from sync_pipelines_tests.scouter.mapping.conftest import Database, columns

NewDatabase = Callable[[str | None], str]
STAMPS = {
    "sync_source": "tabuladormax",
    "sync_status": "synced",
    "last_sync_at": datetime(2025, 10, 21, 16, 43, tzinfo=UTC),
}
LEAD = 9_007_199_254_740_993  # one more than a float can hold


def put(source: Database, **values: object) -> None:
    """The one lead of the source."""
    source.execute("truncate public.leads cascade")
    names = ["id", *values]
    source.execute(
        sql.SQL("insert into public.leads ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join(sql.Placeholder() * len(names))
        ),
        [LEAD, *values.values()],
    )


def rendered(source: Database, mapping: FieldMapping) -> tuple[str, UUID]:
    query = sql.SQL("select {}, {} from public.leads as lead").format(body_sql(mapping), hash_sql(mapping))
    row = source.execute(query, STAMPS).fetchone()
    assert row
    return row


def body(source: Database, mapping: FieldMapping) -> dict[str, Any]:
    text, _ = rendered(source, mapping)
    return json.loads(text, parse_float=Decimal)


def stored(destination: Database, mapping: FieldMapping, text: str) -> str:
    """What the destination's trigger would send back of a body, taken as PostgREST takes it."""
    destination.execute("truncate public.leads cascade")
    names = sql.SQL(", ").join(map(sql.Identifier, mapping.columns))
    destination.execute(
        sql.SQL(
            "insert into public.leads ({0}) select {0} from json_populate_recordset(null::public.leads, %s::json)"
        ).format(names),
        [f"[{text}]"],
    )
    row = destination.execute("select row_to_json(leads)::text from public.leads").fetchone()
    assert row
    return str(row[0])


def hash_of_payload(source: Database, mapping: FieldMapping, payload: str) -> UUID | None:
    query = sql.SQL("select {}").format(payload_hash_sql(mapping, columns(source)))
    row = source.execute(query, {"payload": payload}).fetchone()
    assert row
    return row[0]


texts = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
moments = st.none() | st.datetimes(
    datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone(timedelta(hours=-3)))
)
leads = st.fixed_dictionaries(
    {
        "name": texts,
        "celular": texts,
        "telefone_casa": texts,
        "age": st.none() | st.integers(-(2**31), 2**31 - 1),
        "valor_ficha": st.none() | st.decimals(-99999999, 99999999, places=2),
        "ficha_confirmada": st.none() | st.booleans(),
        "compareceu": st.none() | st.booleans(),
        "commercial_project_id": st.none() | st.sampled_from(["a", "b"]),
        "raw": st.none()
        | st.dictionaries(st.text('aé"\\ %', max_size=3), st.integers() | st.floats(-1e9, 1e9)),
        "criado": moments,
        "data_criacao_ficha": moments,
    }
)


@given(lead=leads)
@example(
    lead={"age": 0, "ficha_confirmada": False, "name": "", "celular": "", "valor_ficha": Decimal("0.00")}
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_echo_of_what_was_sent_has_the_hash_of_what_was_sent(
    source: Database, destination: Database, mapping: FieldMapping, lead: dict[str, Any]
) -> None:
    projects = {"a": None, "b": None} | dict(
        zip(
            "ab",
            (row[0] for row in source.execute("select id from public.commercial_projects order by 1")),
            strict=False,
        )
    )
    given_values = lead | {
        "raw": Jsonb(lead["raw"]) if lead.get("raw") is not None else None,
        "commercial_project_id": projects.get(lead.get("commercial_project_id") or ""),
    }
    put(source, **given_values)
    text, content = rendered(source, mapping)
    assert hash_of_payload(source, mapping, stored(destination, mapping, text)) == content


def test_every_seeded_lead_comes_back_with_its_own_hash(
    source: Database, destination: Database, mapping: FieldMapping
) -> None:
    query = sql.SQL("select {}, {} from public.leads as lead limit 60").format(
        body_sql(mapping), hash_sql(mapping)
    )
    rows = source.execute(query, STAMPS).fetchall()
    assert len({content for _, content in rows}) == 60
    for text, content in rows:
        assert hash_of_payload(source, mapping, stored(destination, mapping, text)) == content


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ficha_confirmada", "Sim"),
        ("age", 37),
        ("age", 1e30),
        ("age", "quarenta"),
        ("nome", "Outra"),
        ("commercial_project_id", "não é um uuid"),
        ("data_criacao_ficha", "2025-02-31T00:00:00"),
        ("data_criacao_ficha", "amanhã"),
        ("valor_ficha", 10**20),
        ("telefone", None),
    ],
)
def test_an_edit_of_any_kind_is_no_echo_and_no_error(
    source: Database, destination: Database, mapping: FieldMapping, column: str, value: object
) -> None:
    put(source, name="Ana", age=36, celular="11 90000-0001", ficha_confirmada=True)
    text, content = rendered(source, mapping)
    payload = stored(destination, mapping, text)
    assert hash_of_payload(source, mapping, payload) == content
    edited = json.dumps(json.loads(payload) | {column: value})
    assert hash_of_payload(source, mapping, edited) != content


def test_a_body_has_every_mapped_column_and_keeps_false_zero_and_nothing(
    source: Database, mapping: FieldMapping
) -> None:
    moment = datetime(2025, 10, 21, 23, 59, 59, 999_500, timezone(timedelta(hours=-3)))
    put(
        source,
        name="Zélia ✨👧🏽",
        age=0,
        ficha_confirmada=False,
        etapa="",
        criado=moment,
        valor_ficha="12.50",
    )
    found = body(source, mapping)
    assert set(found) == set(mapping.columns)
    assert (found["id"], found["nome"], found["age"], found["etapa"]) == (LEAD, "Zélia ✨👧🏽", 0, "")
    assert (found["ficha_confirmada"], found["fonte"], found["valor_ficha"]) == (
        False,
        None,
        Decimal("12.50"),
    )
    assert found["criado"] == "2025-10-22T02:59:59.9995+00:00"
    assert (found["sync_source"], found["sync_status"]) == ("tabuladormax", "synced")
    assert found["last_sync_at"] == "2025-10-21T16:43:00+00:00"


def test_a_huge_raw_goes_as_json(source: Database, mapping: FieldMapping) -> None:
    put(source, raw=Jsonb({"historia": 'á"\\' * 400_000}))
    assert body(source, mapping)["raw"] == {"historia": 'á"\\' * 400_000}


def test_only_the_date_of_a_change_leaves_the_hash_alone(source: Database, mapping: FieldMapping) -> None:
    put(source, name="Ana", updated_at=datetime(2025, 10, 21, tzinfo=UTC))
    before = rendered(source, mapping)
    source.execute("update public.leads set name = name")
    dated = rendered(source, mapping)
    assert before[0] != dated[0]
    assert before[1] == dated[1]
    source.execute("update public.leads set name = 'Bia'")
    assert rendered(source, mapping)[1] != dated[1]


def test_the_stamps_may_be_left_out(source: Database, mapping: FieldMapping) -> None:
    query = sql.SQL("select {} from public.leads as lead limit 1").format(body_sql(mapping, ()))
    row = source.execute(query).fetchone()
    assert row
    assert set(json.loads(row[0])) == set(mapping.destinations)


@pytest.mark.parametrize(
    ("transform", "sent", "given_back"),
    [
        ("integer", " 012 ", 12),
        ("number", "12.50", 12.5),
        ("boolean", "yes", True),
        ("timestamp", "2025-10-21 13:43:00-03", "2025-10-21T16:43:00+00:00"),
    ],
)
def test_a_text_that_the_destination_reads_is_known_again_in_its_words(
    source: Database, transform: str, sent: str, given_back: object
) -> None:
    made = FieldMapping((Field("id", ("id",)), Field("campo", ("fonte",), transform)))
    put(source, fonte=sent)
    _, content = rendered(source, made)
    assert hash_of_payload(source, made, json.dumps({"id": LEAD, "campo": given_back})) == content


def postgres_text(value: object) -> str | None:
    """A value as Postgres writes it in a session of ours."""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        fraction = f".{moment.microsecond:06}".rstrip("0") if moment.microsecond else ""
        return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}+00"
    return None if value is None else str(value)


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def row_text(values: list[object]) -> str:
    """A row as Postgres writes it: what is not there is nothing, what is empty is quoted."""
    cells = []
    for text in map(postgres_text, values):
        is_quoted = text is not None and (text == "" or set(text) & set('"\\(), \t\n\r\v\f'))
        escaped = (text or "").replace("\\", "\\\\").replace('"', '""')
        cells.append(f'"{escaped}"' if is_quoted else escaped)
    return f"({','.join(cells)})"


@given(lead=leads)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_body_and_hash_are_those_of_an_independent_rendering(
    source: Database, mapping: FieldMapping, lead: dict[str, Any]
) -> None:
    values = {name: value for name, value in lead.items() if name not in ("raw", "commercial_project_id")}
    put(source, **values)
    text, content = rendered(source, mapping)
    held: dict[str, Any] = {"id": LEAD, **values}
    # The defaults of the table, where the lead says nothing.
    held |= dict.fromkeys(("cadastro_existe_foto", "presenca_confirmada"), False)
    phones = [held.get(name) for name in ("celular", "telefone_trabalho", "telefone_casa")]
    expected = {
        field.destination: next(filter(None, phones), None)
        if field.destination == "telefone"
        else held.get(field.sources[0])
        for field in mapping.fields
    }
    hashed = [expected[field.destination] for field in mapping.hashed]
    names = json.dumps([field.destination for field in mapping.hashed])
    assert content == UUID(md5(md5(names) + row_text(hashed)))
    told = json.loads(text, parse_float=Decimal)
    del told["updated_at"], expected["updated_at"]
    for name, value in expected.items():
        seen = datetime.fromisoformat(told[name]) if isinstance(value, datetime) else told[name]
        assert (seen, type(seen)) == (value, type(value)) or seen == value == Decimal(str(value)), name
    assert {name: told[name] for name in STAMPS} == {
        **STAMPS,
        "last_sync_at": "2025-10-21T16:43:00+00:00",
    }


def test_the_hash_is_the_same_in_sessions_of_other_habits(new_database: NewDatabase) -> None:
    url = new_database(None)
    names = ("id", "peso", "fator", "duracao", "selo", "dia", "criado", "raw", "valor")
    made = FieldMapping(tuple(Field(name, (name,)) for name in names))
    habits = {
        "DateStyle": "SQL, DMY",
        "TimeZone": "Asia/Tokyo",
        "IntervalStyle": "sql_standard",
        "extra_float_digits": "-10",
        "bytea_output": "escape",
    }
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            "create table public.leads as select 1::bigint as id, 0.1::double precision as peso, 1e-7::real as fator,"
            " '1 day 2:03'::interval as duracao, '\\x00ff'::bytea as selo, '2025-02-01'::date as dia,"
            " '2025-10-21 01:02:03.000456Z'::timestamptz as criado, '{\"b\": 1.50}'::jsonb as raw, 1.50 as valor"
        )
        with postgres.connect(url, what="TabuladorMax", session=SESSION) as ours:
            expected = rendered(ours, made)
        for name, value in habits.items():
            statement = sql.SQL("alter database {} set {} = {}")
            names_and_value = (sql.Identifier(owner.info.dbname), sql.Identifier(name), sql.Literal(value))
            owner.execute(statement.format(*names_and_value))
    with postgres.connect(url, what="TabuladorMax", session=SESSION) as ours:
        assert rendered(ours, made) == expected
    with psycopg.connect(url) as another:
        assert rendered(another, made)[1] != expected[1]


OTHERS = {
    "integer": ("0", None),
    "numeric(10,2)": ("0.00", None, "0.01"),
    "boolean": ("f", None, "t"),
    "text": ("", None, " ", "a", "A", "a,b", '"'),
    "jsonb": ("null", None, "{}", '{"a": null}', "0"),
    "timestamp with time zone": ("2025-10-21 00:00:00Z", None, "2025-10-21 00:00:00.000001Z"),
    "uuid": ("00000000-0000-4000-8000-000000000001", None),
}


def test_the_hash_tells_every_value_of_every_mapped_column_from_another(
    source: Database, mapping: FieldMapping
) -> None:
    source.execute("alter table public.leads drop constraint leads_commercial_project_id_fkey")
    source.execute("alter table public.leads drop constraint leads_responsible_user_id_fkey")
    kinds = columns(source)
    changed = sorted(mapping.sources - {"id", "updated_at"})
    assert len(changed) == 31
    for name in changed:
        seen = []
        for value in OTHERS[kinds[name]]:
            put(source, **{name: value})
            seen.append(rendered(source, mapping)[1])
        assert len(set(seen)) == len(seen), name


def test_the_hash_of_two_columns_is_not_that_of_their_values_the_other_way_round(
    source: Database, mapping: FieldMapping
) -> None:
    seen = []
    for name, responsible in (("a", None), (None, "a"), ("a,", ""), ("", ",a"), ("a", "a")):
        put(source, name=name, responsible=responsible)
        seen.append(rendered(source, mapping)[1])
    assert len(set(seen)) == len(seen)
