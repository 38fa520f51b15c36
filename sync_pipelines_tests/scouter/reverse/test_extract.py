"""Changes that Gestão Scouter wrote down itself, fetched over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import sync_pipelines.scouter
from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.lib.records.inbox import Inbox
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines.scouter.reverse.extract import FORGET, READ, collect
from sync_pipelines_tests.scouter.pair import LEAD, Pair

SQL = Path(sync_pipelines.scouter.__file__).parent / "sql"
KEY = "a-chave-de-servico-da-gestao"


class Rpc:
    """The two functions as PostgREST gives them; `broken` are those that answer with a status instead."""

    def __init__(self, url: str) -> None:
        self.broken: dict[str, int] = {}
        self.calls: list[str] = []
        self._url = url
        self.server = BackgroundServer(
            Starlette(routes=[Route("/rest/v1/rpc/{name}", self._answer, methods=["POST"])])
        )

    async def _answer(self, request: Request) -> Response:
        name, arguments = request.path_params["name"], await request.json()
        self.calls.append(name)
        if request.headers["apikey"] != KEY:
            return JSONResponse({"message": "Invalid API key"}, 401)
        if name in self.broken:
            code = {"code": "PGRST202"} if self.broken[name] == 404 else {}
            return JSONResponse({**code, "message": "no"}, self.broken[name])
        return Response(await run_in_threadpool(self._call, name, arguments), media_type="application/json")

    def _call(self, name: str, arguments: dict[str, Any]) -> str:
        parts = [sql.SQL("{} => {}").format(sql.Identifier(key), value) for key, value in arguments.items()]
        call = sql.SQL("{}({})").format(sql.Identifier(name), sql.SQL(", ").join(parts))
        query = (
            "select coalesce(json_agg(to_json(c)), '[]')::text from {} as c"
            if name == READ
            else "select {}::text"
        )
        with psycopg.connect(self._url) as connection:
            row = connection.execute(sql.SQL(query).format(call)).fetchone()
        return str(row[0]) if row else "null"


@pytest.fixture
def rpc(pair: Pair) -> Iterator[Rpc]:
    pair.push(LEAD, LEAD + 1)
    pair.gestao.execute((SQL / "outbox.sql").read_bytes())
    rpc = Rpc(pair.gestao.info.dsn + f" password={pair.gestao.info.password}")
    with rpc.server:
        yield rpc
    pair.gestao.execute("drop trigger sync_outbox on public.leads; drop schema sync_outbox cascade")


def client(rpc: Rpc, key: str = KEY) -> PostgrestClient:
    return PostgrestClient(rpc.server.url, key, name="Gestão Scouter")


def edit(pair: Pair, number: int = LEAD, **fields: Any) -> None:
    for name, value in fields.items():
        statement = sql.SQL("update public.leads set {} = %s where id = %s").format(sql.Identifier(name))
        pair.gestao.execute(statement, [value, number])


def left(pair: Pair) -> int:
    row = pair.gestao.execute("select count(*) from sync_outbox.lead_changes").fetchone()
    assert row is not None
    return int(row[0])


def test_changes_are_fetched_in_order_stored_exactly_and_forgotten(pair: Pair, rpc: Rpc) -> None:
    edit(pair, nome="Ana Um", valor_ficha="12345678.90")
    edit(pair, LEAD + 1, raw=json.dumps({"exato": 0.1}).replace("0.1", "1.000000000000000000001"))
    with client(rpc) as there:
        collected = collect(there, Inbox(pair.ops, TOPIC), page=2)
    assert collected == (3, True)
    assert left(pair) == 0
    rows = pair.ops.execute(
        "select key::bigint, payload #>> '{lead,raw,exato}', payload ->> 'operation' from ops.inbox order by id"
    ).fetchall()
    assert rows == [
        (LEAD, None, "update"),
        (LEAD, None, "update"),
        (LEAD + 1, "1.000000000000000000001", "update"),
    ]
    drained = pair.drain()
    assert (drained.read, drained.updated) == (3, 2)
    assert pair.here()["name"] == "Ana Um"
    assert rpc.calls == [READ, FORGET, READ, FORGET, READ]


def test_what_was_not_forgotten_comes_again_and_harms_nothing(pair: Pair, rpc: Rpc) -> None:
    edit(pair, nome="Ana Nova")
    rpc.broken[FORGET] = 503
    with client(rpc) as there:
        with pytest.raises(TransientError):
            collect(there, Inbox(pair.ops, TOPIC))
        pair.drain()
        after = pair.here()
        rpc.broken.clear()
        assert collect(there, Inbox(pair.ops, TOPIC)) == (1, True)
    pair.drain()
    assert pair.here() == after
    assert [status for status, _ in pair.decided] == ["applied", "ignored"]
    assert left(pair) == 0


def test_what_could_not_be_stored_is_not_forgotten(pair: Pair, rpc: Rpc) -> None:
    edit(pair, nome="Ana Nova")
    pair.ops.execute("alter table ops.inbox rename to elsewhere")
    with client(rpc) as there, pytest.raises(psycopg.errors.UndefinedTable):
        collect(there, Inbox(pair.ops, TOPIC))
    pair.ops.execute("alter table ops.elsewhere rename to inbox")
    assert left(pair) == 1


def test_our_own_push_is_not_in_it(pair: Pair, rpc: Rpc) -> None:
    pair.gestao.execute(
        "update public.leads set nome = 'Do push', last_sync_at = now(), sync_source = 'tabuladormax' where id = %s",
        [LEAD],
    )
    with client(rpc) as there:
        assert collect(there, Inbox(pair.ops, TOPIC)) == (0, True)


def test_a_poll_is_bounded(pair: Pair, rpc: Rpc) -> None:
    for number in range(5):
        edit(pair, nome=f"Ana {number}")
    with client(rpc) as there:
        assert collect(there, Inbox(pair.ops, TOPIC), page=2, pages=2) == (4, False)
    assert left(pair) == 1


def test_a_project_without_the_functions_or_another_key_is_told(pair: Pair, rpc: Rpc) -> None:
    rpc.broken[READ] = 404
    with client(rpc) as there, pytest.raises(PermanentError, match=r"outbox\.sql"):
        collect(there, Inbox(pair.ops, TOPIC))
    rpc.broken.clear()
    with (
        client(rpc, "uma-outra-chave") as there,
        pytest.raises(RefusedError, match="GESTAO_SCOUTER_SERVICE_KEY"),
    ):
        collect(there, Inbox(pair.ops, TOPIC))
