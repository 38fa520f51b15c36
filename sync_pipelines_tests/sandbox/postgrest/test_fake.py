"""What the fake has beyond PostgREST: its gateway, its faults, its lag, its memory, and requests side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.http.postgrest import PostgrestClient, Problem
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.faults import FAULTS_PATH
from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter, drift

FIRST = 910_000
COLUMNS = ("id", "nome")


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer) -> Iterator[str]:
    made = postgres_server.create_database("fake")
    with psycopg.connect(made) as connection:
        build_gestao_scouter(connection)
    yield made
    postgres_server.drop_database("fake")


@pytest.fixture(scope="module")
def served(url: str) -> Iterator[PostgrestFake]:
    with PostgrestFake(url) as fake:
        yield fake


@pytest.fixture
def fake(served: PostgrestFake, database: psycopg.Connection[Any]) -> Iterator[PostgrestFake]:
    """The fake without faults, over a table without leads of ours."""
    database.execute("delete from public.leads where id >= 900000")
    yield served
    served.clear()
    served.reload_polls = 0


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def client(fake: PostgrestFake) -> Iterator[PostgrestClient]:
    with PostgrestClient(fake.url, fake.service_key, sleep=lambda _seconds: None) as opened:
        yield opened


def rows(*numbers: int) -> list[str]:
    return [json.dumps({"id": FIRST + number, "nome": f"Pessoa {number}"}) for number in numbers]


def upsert(client: PostgrestClient, *numbers: int) -> Problem | None:
    return client.upsert("leads", rows(*numbers), columns=COLUMNS, on_conflict="id")


def count(database: psycopg.Connection[Any]) -> int:
    row = database.execute("select count(*) from public.leads where id >= 900000").fetchone()
    assert row is not None
    return int(row[0])


def test_the_gateway_knows_its_keys_and_no_codes(fake: PostgrestFake) -> None:
    path = f"{fake.url}/rest/v1/leads?limit=1"
    for headers, message in (
        ({}, "No API key found in request"),
        ({"apikey": "outra", "Authorization": f"Bearer {fake.service_key}"}, "Invalid API key"),
    ):
        response = httpx.get(path, headers=headers)
        assert response.status_code == 401
        assert response.json()["message"] == message
        assert set(response.json()) == {"message", "hint"}
    keys = {"apikey": fake.anon_key, "Authorization": f"Bearer {fake.token('service_role')}"}
    assert httpx.get(path, headers=keys).status_code == 200


def test_our_client_pushes_reads_and_probes(
    fake: PostgrestFake, client: PostgrestClient, database: psycopg.Connection[Any]
) -> None:
    assert upsert(client, *range(50)) is None
    found = client.rows(
        "leads", (("select", "id,nome"), ("id", f"in.({FIRST},{FIRST + 49},1)"), ("order", "id"))
    )
    assert [row["id"] for row in found if row["id"] >= FIRST] == [FIRST, FIRST + 49]
    assert client.probe("leads", COLUMNS, on_conflict="id") is None
    problem = client.probe("leads", (*COLUMNS, "inexistente"), on_conflict="id")
    assert problem is not None
    assert problem.column == "inexistente"
    assert count(database) == 50
    assert [(one.method, one.objects, one.status) for one in fake.requests] == [
        ("POST", 50, 201),
        ("GET", 0, 200),
        ("POST", 0, 200),
        ("POST", 0, 400),
    ]


def test_requests_run_side_by_side(client: PostgrestClient, database: psycopg.Connection[Any]) -> None:
    """The first waits for a lock that we hold; the second would wait behind it if there were one line only."""
    upsert(client, 0, 1)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction():
            database.execute("select from public.leads where id = %s for update", [FIRST])
            waiting = pool.submit(upsert, client, 0)
            assert upsert(client, 1) is None
            assert not waiting.done()
        assert waiting.result() is None


@pytest.mark.parametrize(
    ("fault", "status", "code", "kind"),
    [
        ("throttled", 429, None, "transient"),
        ("bad_gateway", 502, None, "transient"),
        ("empty_503", 503, None, "transient"),
        ("gateway_504", 504, None, "transient"),
        ("statement_timeout", 500, "57014", "transient"),
        ("gateway_401", 401, None, "fatal"),
        ("expired_301", 401, "PGRST301", "fatal"),
        ("expired_303", 401, "PGRST303", "fatal"),
        ("forbidden", 403, "42501", "fatal"),
        ("bare_error", 400, "22P02", "data"),
        ("details_as_array", 300, "PGRST201", "schema"),
    ],
)
def test_a_fault_is_answered_and_nothing_done(
    fake: PostgrestFake,
    client: PostgrestClient,
    database: psycopg.Connection[Any],
    fault: str,
    status: int,
    code: str | None,
    kind: str,
) -> None:
    fake.fail(fault, 1)
    problem = upsert(client, 1)
    assert problem is not None
    assert (problem.status, problem.code, problem.kind) == (status, code, kind)
    assert problem.retry_after == (1.0 if fault == "throttled" else None)
    assert count(database) == 0
    assert upsert(client, 1) is None


@pytest.mark.parametrize(
    ("fault", "is_applied"), [("drop", False), ("applied_then_dropped", True), ("cut_body", True)]
)
def test_a_line_is_cut_before_or_after_the_work(
    fake: PostgrestFake,
    client: PostgrestClient,
    database: psycopg.Connection[Any],
    fault: str,
    is_applied: bool,
) -> None:
    fake.fail(fault, 1)
    with pytest.raises(TransientError):
        upsert(client, 1, 2)
    assert count(database) == (2 if is_applied else 0)
    assert upsert(client, 1, 2) is None


def test_an_answer_may_be_cut_in_the_middle_of_its_rows(fake: PostgrestFake, client: PostgrestClient) -> None:
    fake.fail("cut_body", 1)
    with pytest.raises(TransientError, match="cut"):
        client.request("GET", "/leads", params=(("limit", "5"),))


def test_a_request_that_hangs_ends_when_its_client_leaves(
    fake: PostgrestFake, client: PostgrestClient
) -> None:
    fake.fail("hang", 1)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{fake.url}/rest/v1/leads", timeout=0.05)
    assert upsert(client, 1) is None


def test_a_request_that_hangs_ends_with_the_fake(url: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        with PostgrestFake(url) as fake:
            fake.fail("hang", 1)
            asked = pool.submit(httpx.get, f"{fake.url}/rest/v1/leads", timeout=30.0)
            while httpx.get(fake.url + FAULTS_PATH).json()["on"]:
                pass  # it is on its way until the fault is used
        with pytest.raises(httpx.TransportError) as ended:
            asked.result()
    assert not isinstance(ended.value, httpx.TimeoutException)


def test_a_fault_may_wait_and_choose_its_lead(fake: PostgrestFake, client: PostgrestClient) -> None:
    fake.fail("statement_timeout", 1, after=2)
    assert [upsert(client, n) is None for n in range(4)] == [True, True, False, True]
    fake.fail("bare_error", lead_id=FIRST + 7)
    assert upsert(client, 1, 2) is None
    assert upsert(client, 6, 7, 8) is not None
    assert client.probe("leads", COLUMNS, on_conflict="id") is None


def test_faults_are_switched_by_http_too(fake: PostgrestFake, client: PostgrestClient) -> None:
    control = fake.url + FAULTS_PATH
    wanted = {"name": "forbidden", "times": 2, "lead_id": FIRST + 1}
    assert httpx.post(control, json=wanted).json() == {"on": {f"forbidden of {FIRST + 1}": 2}}
    assert upsert(client, 1) is not None
    assert httpx.get(control).json()["on"] == {f"forbidden of {FIRST + 1}": 1}
    assert "There is no fault 'x'" in httpx.post(control, json={"name": "x"}).json()["message"]
    assert httpx.delete(control).json() == {"on": {}}
    assert upsert(client, 1) is None


def test_the_document_may_be_forbidden_or_disabled(fake: PostgrestFake, client: PostgrestClient) -> None:
    for fault, status, code in (("openapi_forbidden", 401, None), ("openapi_disabled", 404, "PGRST126")):
        fake.fail(fault, 1)
        assert upsert(client, 1) is None  # it concerns the document only
        answer = client.request("GET", "/")
        assert (answer.status, answer.json().get("code")) == (status, code)
    assert client.request("GET", "/").status == 200


def test_the_reload_may_be_missing(fake: PostgrestFake, client: PostgrestClient) -> None:
    fake.fail("reload_missing", 1)
    answer = client.rpc("notify_pgrst_reload", {})
    assert (answer.status, answer.json()["code"]) == (404, "PGRST202")
    assert client.rpc("notify_pgrst_reload", {}).status == 204


@pytest.fixture
def new_column(client: PostgrestClient, database: psycopg.Connection[Any]) -> Iterator[Callable[[], bool]]:
    """Add the columns of the shape of 53; the fixture's value asks whether a write may use one of them."""

    def problem() -> Problem | None:
        return client.probe("leads", ("id", "funil_fichas"), on_conflict="id")

    # A NOTIFY of an earlier test is handled by this request at the latest, and not after the columns are there.
    assert problem() is not None
    drift(database, 53)
    yield lambda: problem() is None
    for name in ("data_criacao_agendamento", "data_retorno_ligacao", "funil_fichas", "gerenciamento_funil"):
        database.execute(f"alter table public.leads drop column {name}".encode())
    database.execute("notify pgrst, 'reload schema'")
    # A server that has not yet looked would find the columns of the next test.
    while (found := problem()) is None or found.code != "PGRST204":
        pass


def test_a_reload_is_seen_so_many_requests_later(
    fake: PostgrestFake, client: PostgrestClient, new_column: Callable[[], bool]
) -> None:
    fake.reload_polls = 3
    assert not new_column()
    assert client.rpc("notify_pgrst_reload", {}).status == 204
    assert [new_column() for _ in range(5)] == [False, False, False, True, True]


def test_a_reload_may_not_be_heard(
    fake: PostgrestFake, client: PostgrestClient, new_column: Callable[[], bool]
) -> None:
    fake.fail("stale_cache", 1)
    client.rpc("notify_pgrst_reload", {})
    assert not new_column()
    client.rpc("notify_pgrst_reload", {})
    assert new_column()


def test_a_cap_holds_and_paging_by_what_came_finds_all(url: str) -> None:
    with PostgrestFake(url, max_rows=20) as fake, PostgrestClient(fake.url, fake.service_key) as client:
        assert client.upsert("leads", rows(*range(50)), columns=COLUMNS, on_conflict="id") is None
        found: list[int] = []
        while page := client.rows(
            "leads", (("select", "id"), ("id", f"gt.{found[-1] if found else FIRST - 1}"), ("order", "id"))
        ):
            assert len(page) <= 20
            found += [row["id"] for row in page]
        assert found == [FIRST + n for n in range(50)]


def test_a_connection_that_the_database_ended_is_replaced(
    fake: PostgrestFake, client: PostgrestClient, database: psycopg.Connection[Any]
) -> None:
    assert upsert(client, 1) is None
    database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    answers = [upsert(client, 1) for _ in range(30)]
    assert all(one is None or (one.kind, one.status) == ("transient", 503) for one in answers)
    assert answers[-1] is None
