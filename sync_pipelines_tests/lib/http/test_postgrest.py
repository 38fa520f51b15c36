"""What an answer of PostgREST means, and how a request is written (wire contract, sections 2 to 4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.postgrest import Answer, PostgrestClient, Problem, column_list, problem_of
from sync_pipelines.lib.retry import Backoff

KEY = "chave-de-servico-de-teste"


def problem(status: int, code: str | None = None, **body: Any) -> Any:
    text = json.dumps({"code": code, **body}) if code else "<html>502</html>"
    return problem_of(Answer(status, {}, text.encode()))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        *((400, code, "data") for code in ("22P02", "22001", "22003", "22007", "22P05", "23502", "23514")),
        *((409, code, "data") for code in ("23503", "23505")),
        (400, "P0001", "data"),
        (400, "PGRST102", "data"),
        (400, "PGRST204", "schema"),
        (404, "PGRST205", "schema"),
        (404, "42P01", "schema"),
        (400, "42703", "schema"),
        (400, "42P10", "schema"),
        (401, "PGRST301", "fatal"),
        (401, "PGRST303", "fatal"),
        (401, None, "fatal"),
        (403, "42501", "fatal"),
        (401, "42501", "fatal"),
        (405, "25006", "fatal"),
        (500, "21000", "fatal"),
        (400, "21000", "data"),
        (500, "PGRST300", "fatal"),
        *((500, code, "transient") for code in ("40001", "40P01", "57014", "55P03")),
        *((503, code, "transient") for code in ("53300", "57P01", "08006", "PGRST000", "PGRST001")),
        (504, "PGRST003", "transient"),
        *((status, None, "transient") for status in (429, 500, 502, 503, 504, 520, 544)),
        (404, None, "fatal"),
        (413, None, "fatal"),
    ],
)
def test_an_answer_asks_for_other_rows_another_schema_another_time_or_a_person(
    status: int, code: str | None, kind: str
) -> None:
    assert problem(status, code).kind == kind


@pytest.mark.parametrize("status", [200, 201, 204, 206])
def test_every_2xx_is_a_success(status: int) -> None:
    assert problem_of(Answer(status, {}, b"")) is None


def test_the_column_of_a_stale_cache_is_read_from_its_message_and_from_no_other() -> None:
    said = "Could not find the 'cadastro_existe_foto' column of 'leads' in the schema cache"
    assert problem(400, "PGRST204", message=said).column == "cadastro_existe_foto"
    older = "Column 'cadastro_existe_foto' of relation 'leads' does not exist"
    assert problem(400, "PGRST204", message=older).column == "cadastro_existe_foto"
    assert problem(400, "22P02", message=said).column is None


def test_no_sentence_quotes_what_the_server_said_of_a_row() -> None:
    found = problem(400, "22P02", message='invalid input syntax for type integer: "Maria"')
    assert "Maria" not in str(found) + str(found.error("X", setting="Y"))


def test_a_refusal_names_what_to_check_and_a_wait_is_kept() -> None:
    refused = problem(401, "PGRST301").error("X", setting="GESTAO_SCOUTER_SERVICE_KEY")
    assert isinstance(refused, RefusedError)
    assert "GESTAO_SCOUTER_SERVICE_KEY" in str(refused)
    later = problem_of(Answer(429, {}, b""), 7.0)
    assert later is not None
    error = later.error("X", setting="Y")
    assert isinstance(error, TransientError)
    assert error.retry_after == 7.0


def test_names_are_quoted_as_postgrest_reads_them() -> None:
    assert column_list(["id", 'a"b', "c,d"]) == '"id","a\\"b","c,d"'


Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def asked() -> list[httpx.Request]:
    return []


@pytest.fixture
def client_of(asked: list[httpx.Request]) -> Iterator[Callable[[Handler], PostgrestClient]]:
    opened: list[PostgrestClient] = []

    def make(handler: Handler) -> PostgrestClient:
        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return handler(request)

        opened.append(
            PostgrestClient(
                "http://127.0.0.1:9",
                KEY,
                transport=httpx.MockTransport(answer),
                timeouts=Timeouts(),
                backoff=Backoff(attempts=3),
                sleep=lambda _seconds: None,
            )
        )
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_an_upsert_names_its_columns_and_carries_the_key_in_both_headers(
    client_of: Callable[[Handler], PostgrestClient], asked: list[httpx.Request]
) -> None:
    client = client_of(lambda _request: httpx.Response(201))
    assert client.upsert("leads", ['{"id":1}', '{"id":2}'], columns=["id"], on_conflict="id") is None
    (request,) = asked
    assert request.url.path == "/rest/v1/leads"
    assert dict(request.url.params) == {"on_conflict": "id", "columns": '"id"'}
    assert request.content == b'[{"id":1},{"id":2}]'
    assert request.headers["prefer"] == "resolution=merge-duplicates,return=minimal"
    assert request.headers["apikey"] == KEY
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_a_probe_is_an_empty_upsert(
    client_of: Callable[[Handler], PostgrestClient], asked: list[httpx.Request]
) -> None:
    client_of(lambda _request: httpx.Response(200)).probe("leads", ["id", "nome"], on_conflict="id")
    assert asked[0].content == b"[]"


def test_a_plus_in_a_moment_does_not_arrive_as_a_space(
    client_of: Callable[[Handler], PostgrestClient], asked: list[httpx.Request]
) -> None:
    client = client_of(lambda _request: httpx.Response(200, json=[]))
    client.rows("leads", [("updated_at", "gte.2025-10-21T00:00:00+00:00")])
    assert b"%2B00:00" in asked[0].url.query
    assert asked[0].url.params["updated_at"] == "gte.2025-10-21T00:00:00+00:00"


def test_numbers_come_exact(client_of: Callable[[Handler], PostgrestClient]) -> None:
    client = client_of(lambda _request: httpx.Response(200, text='[{"id":9007199254740993,"v":0.10}]'))
    assert client.rows("leads", ()) == [{"id": 9007199254740993, "v": Decimal("0.10")}]


def test_a_read_is_asked_again_and_then_its_error_is_an_error(
    client_of: Callable[[Handler], PostgrestClient], asked: list[httpx.Request]
) -> None:
    client = client_of(lambda _request: httpx.Response(503))
    with pytest.raises(TransientError):
        client.rows("leads", ())
    assert len(asked) == 3


@pytest.mark.parametrize("text", ["{}", "null", "[1]", "<html>", ""])
def test_what_is_no_array_of_rows_is_never_an_empty_answer(
    client_of: Callable[[Handler], PostgrestClient], text: str
) -> None:
    with pytest.raises(PermanentError, match="not rows"):
        client_of(lambda _request: httpx.Response(200, text=text)).rows("leads", ())


def test_a_change_names_what_it_finds_writes_and_shows(
    client_of: Callable[[Handler], PostgrestClient], asked: list[httpx.Request]
) -> None:
    client = client_of(lambda _request: httpx.Response(200, text='[{"id":1, "v":0.10}]'))
    found = [("id", "eq.1"), ("updated_at", "eq.2025-10-21T16:43:00.123456+00:00")]
    assert client.patch("leads", found, '{"nome":"ção"}', columns=["nome"], select=["id", "v"]) == [
        b'{"id":1, "v":0.10}'
    ]
    (request,) = asked
    assert (request.method, request.url.path) == ("PATCH", "/rest/v1/leads")
    assert list(request.url.params.multi_items()) == [*found, ("columns", '"nome"'), ("select", '"id","v"')]
    assert b"%2B00:00" in request.url.query
    assert request.content == '{"nome":"ção"}'.encode()
    assert request.headers["prefer"] == "return=representation"


def test_a_change_is_one_attempt_and_its_problem_is_returned(
    client_of: Callable[[Handler], PostgrestClient], asked: list[httpx.Request]
) -> None:
    client = client_of(lambda _request: httpx.Response(503, headers={"Retry-After": "7"}))
    problem = client.patch("leads", [("id", "eq.1")], b"{}", columns=["nome"], select=["id"])
    assert isinstance(problem, Problem)
    assert (problem.kind, problem.retry_after, len(asked)) == ("transient", 7.0, 1)


@pytest.mark.parametrize("text", ["", "{}", "[1]"])
def test_a_change_that_shows_no_rows_is_not_one_that_found_none(
    client_of: Callable[[Handler], PostgrestClient], text: str
) -> None:
    client = client_of(lambda _request: httpx.Response(200 if text else 204, text=text))
    with pytest.raises(PermanentError, match="not rows"):
        client.patch("leads", [("id", "eq.1")], b"{}", columns=["nome"], select=["id"])


def test_a_change_of_the_whole_table_is_never_meant(
    client_of: Callable[[Handler], PostgrestClient], asked: list[httpx.Request]
) -> None:
    client = client_of(lambda _request: httpx.Response(200, json=[]))
    with pytest.raises(ValueError, match="filter"):
        client.patch("leads", [], b"{}", columns=["nome"], select=["id"])
    assert asked == []
