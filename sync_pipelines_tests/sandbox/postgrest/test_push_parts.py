"""The parts of the lead push that speak to PostgREST, against the fake: sending, reading back, asking for marks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from sync_pipelines.lib.http.postgrest import PostgrestClient, Problem
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.sandbox.scouter.database import COLLISION, build_gestao_scouter, with_dirt_rules
from sync_pipelines.scouter.lead import Lead, Position
from sync_pipelines.scouter.push.batch import Batch
from sync_pipelines.scouter.push.load import SchemaChangedError, Sender
from sync_pipelines.scouter.push.prove import Comparison

COLUMNS = ("id", "nome", "age", "valor_ficha", "aprovado", "criado", "raw", "etapa")
FIRST = 700_000
NOW = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def fake(postgres_server: PostgresServer) -> Iterator[PostgrestFake]:
    url = postgres_server.create_database("push_parts")
    with psycopg.connect(url) as connection:
        build_gestao_scouter(connection)
        with_dirt_rules(connection)
    with PostgrestFake(url, max_rows=30) as opened:
        yield opened
    postgres_server.drop_database("push_parts")


@pytest.fixture
def client(fake: PostgrestFake) -> Iterator[PostgrestClient]:
    fake.clear()
    with PostgrestClient(fake.url, fake.service_key, sleep=lambda _seconds: None) as opened:
        yield opened


def lead(number: int, **more: object) -> Lead:
    row = {
        "id": FIRST + number,
        "nome": f"Pessoa {number} ção",
        "age": 20 + number % 30,
        "valor_ficha": 12.5,
        "aprovado": number % 2 == 0,
        "criado": "2025-10-21T12:43:00.5-03:00",
        "raw": {"a": [1, None]},
        "etapa": None,
        **more,
    }
    return Lead(id=FIRST + number, updated_at=NOW, content_hash=UUID(int=number), body=json.dumps(row))


def batch(*leads: Lead) -> Batch:
    return Batch(Position(NOW, leads[-1].id), clean=leads)


def types(client: PostgrestClient) -> dict[str, str]:
    definition = client.request("GET", "/").json()["definitions"]["leads"]
    whole = {"int32": "integer", "int64": "bigint"}
    return {name: whole.get(one["format"], one["format"]) for name, one in definition["properties"].items()}


def test_what_is_sent_is_read_back_though_answers_are_capped(client: PostgrestClient) -> None:
    leads = [lead(number) for number in range(50)]
    outcome = Sender(client, COLUMNS).send(batch(*leads))
    assert (len(outcome.accepted), outcome.requests) == (50, 1)
    found = Comparison(client, COLUMNS, types(client)).read_back([*leads, lead(999)])
    assert (found.compared, found.equal, found.missing) == (51, 50, [FIRST + 999])
    assert found.requests == 3


def test_the_bad_ones_are_found_and_the_rest_lands(client: PostgrestClient) -> None:
    bad = {103: {"age": 1999}, 131: {"valor_ficha": 1_234_567_890.5}}
    leads = [lead(number, **bad.get(number, {})) for number in range(100, 150)]
    outcome = Sender(client, COLUMNS).send(batch(*leads))
    rejected = {one.lead.id - FIRST: one.problem.code for one in outcome.rejected if one.problem}
    assert rejected == {103: "23514", 131: "22003"}
    assert len(outcome.accepted) == 48


def test_a_server_that_is_away_for_a_while_is_asked_again(
    fake: PostgrestFake, client: PostgrestClient
) -> None:
    for fault in ("bad_gateway", "applied_then_dropped"):
        fake.fail(fault, 1)
    outcome = Sender(client, COLUMNS).send(batch(lead(200), lead(201)))
    assert (len(outcome.accepted), outcome.requests) == (2, 3)


def test_a_column_that_went_is_a_changed_schema(client: PostgrestClient) -> None:
    with pytest.raises(SchemaChangedError) as changed:
        Sender(client, (*COLUMNS, "sumiu")).send(batch(lead(300)))
    assert changed.value.problem.column == "sumiu"


def test_a_lead_of_the_destinations_own_is_known_by_its_sync_source(client: PostgrestClient) -> None:
    assert Sender(client, COLUMNS).send(batch(lead(400))).rejected == []
    rows = client.rows(
        "leads",
        (
            ("select", "id,criado,sync_source"),
            ("id", f"in.({COLLISION},{FIRST + 400})"),
            ("or", "(sync_source.is.null,sync_source.neq.tabuladormax)"),
        ),
    )
    assert {row["id"]: row["sync_source"] for row in rows} == {COLLISION: "gestao-scouter", FIRST + 400: None}


MICROSECONDS = "2025-10-21T16:43:00.123456+00:00"


@pytest.mark.parametrize(
    ("stored", "condition"),
    [(MICROSECONDS, f"eq.{MICROSECONDS}"), (None, "is.null"), ("infinity", "eq.infinity")],
)
def test_a_change_finds_the_row_that_was_seen_and_no_later_one(
    client: PostgrestClient, stored: str | None, condition: str
) -> None:
    key = ("id", f"eq.{FIRST + 500}")
    send = Sender(client, (*COLUMNS, "updated_at")).send
    assert send(batch(lead(500, updated_at=stored, etapa="nova"))).rejected == []
    seen = [key, ("updated_at", condition)]
    shown = ("id", "nome", "etapa", "updated_at")
    body = f'{{"nome": "Outra ção", "updated_at": "{NOW.isoformat()}", "etapa": "não"}}'

    def change() -> list[dict[str, object]]:
        rows = client.patch("leads", seen, body, columns=("nome", "updated_at"), select=shown)
        assert isinstance(rows, list)
        return [json.loads(row) for row in rows]

    after = {
        "id": FIRST + 500,
        "nome": "Outra ção",
        "etapa": "nova",
        "updated_at": "2025-10-21T15:00:00+00:00",
    }
    assert change() == [after]
    assert change() == []
    assert client.rows("leads", [key, ("select", ",".join(shown))]) == [after]


def test_a_change_that_a_row_does_not_bear_is_a_problem(client: PostgrestClient) -> None:
    assert Sender(client, COLUMNS).send(batch(lead(501))).rejected == []
    key = [("id", f"eq.{FIRST + 501}")]
    old = client.patch("leads", key, '{"age": 1999}', columns=("age",), select=("id",))
    assert isinstance(old, Problem)
    assert (old.kind, old.code) == ("data", "23514")
    gone = client.patch("leads", key, '{"sumiu": 1}', columns=("sumiu",), select=("id",))
    assert isinstance(gone, Problem)
    assert (gone.kind, gone.column) == ("schema", "sumiu")
