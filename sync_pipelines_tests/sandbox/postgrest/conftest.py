"""The server under test, thrice: the fake as a server of today, the fake as 12, and a real 12.0.2."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.sandbox.postgrest.tokens import Tokens
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter
from sync_pipelines_tests.sandbox.postgrest.differences import DIFFERENCES
from sync_pipelines_tests.sandbox.postgrest.server import PostgrestServer, binary

Kind = Literal["fake 16", "fake 12", "real 12"]
KINDS: tuple[Kind, ...] = ("fake 16", "fake 12", "real 12")
MAX_ROWS = 1000
SECRET = "a-secret-of-the-contract-suite-and-of-nothing-else"
PASSWORD = "only-for-the-contract-suite"
AUTHENTICATOR = "authenticator"


@dataclass
class Api:
    """A server's API by its root, spoken to as one of the roles."""

    kind: Kind
    web: httpx.Client
    tokens: Tokens
    connection: psycopg.Connection[Any]
    keys: Mapping[str, str]

    def differing(self, name: str) -> Any:
        """What this server does where 12.0.2 and today's differ."""
        of_12, of_today = DIFFERENCES[name]
        return of_12 if self.kind.endswith(" 12") else of_today

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        role: str | None = "service_role",
        prefer: str | None = None,
        headers: Mapping[str, str] | None = None,
        **claims: Any,
    ) -> httpx.Response:
        """One request; a `body` of text goes as it is. Without a role nobody's token is sent."""
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent |= {"Prefer": prefer} if prefer else {}
        # 12.0.2 hangs up after it, without a word: the next request would race with that.
        sent |= {"Connection": "close"} if method == "HEAD" else {}
        sent |= {"Authorization": f"Bearer {self.tokens.make(role, **claims)}"} if role else {}
        content = body if isinstance(body, str) or body is None else json.dumps(body)
        return self.web.request(
            method, path, content=content, headers={**self.keys, **sent, **(headers or {})}
        )

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: object, **options: Any) -> httpx.Response:
        return self.ask("POST", path, body, **options)

    def merge(self, path: str, body: object, prefer: str = "", **options: Any) -> httpx.Response:
        words = ",".join(filter(None, ("resolution=merge-duplicates", prefer)))
        return self.ask("POST", path, body, prefer=words, **options)

    def run(self, query: str) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []

    def value(self, query: str) -> Any:
        return self.run(query)[0][0]


def error(response: httpx.Response) -> tuple[int, str | None]:
    """Status and code of a refusal, which must be one of PostgREST's; no code where it says nothing at all."""
    body = response.json()
    if body == {}:
        return response.status_code, None
    assert set(body) == {"code", "message", "details", "hint"}, body
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    return response.status_code, body["code"]


@pytest.fixture(scope="session")
def contract_url(postgres_server: PostgresServer) -> str:
    """One database for all three."""
    url = postgres_server.create_database("contract")
    with psycopg.connect(url, autocommit=True) as connection:
        build_gestao_scouter(connection)
        connection.execute((Path(__file__).parent / "contract.sql").read_bytes())
        connection.execute(f"create role {AUTHENTICATOR} noinherit login password '{PASSWORD}'".encode())
        connection.execute(f"grant anon, authenticated, service_role to {AUTHENTICATOR}".encode())
    return url


def _real(stack: ExitStack, url: str, log: Path) -> str:
    path = binary()
    if path is None:
        pytest.skip("no PostgREST 12.0.2 on this machine; server.py says how npm brings it")
    settings = {
        "db_uri": make_conninfo(url, user=AUTHENTICATOR, password=PASSWORD),
        "db_schemas": "public",
        "db_anon_role": "anon",
        "db_max_rows": str(MAX_ROWS),
        "jwt_secret": SECRET,
    }
    return stack.enter_context(PostgrestServer(path, settings, log)).url


@pytest.fixture(scope="session")
def launch(contract_url: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[ExitStack, Kind], Api]:
    """Start a server of a kind, which ends with the stack."""

    def launched(stack: ExitStack, kind: Kind) -> Api:
        keys = {}
        if kind == "real 12":
            root = _real(stack, contract_url, tmp_path_factory.mktemp("postgrest") / "log")
        else:
            version = int(kind.split()[1])
            fake = PostgrestFake(contract_url, jwt_secret=SECRET, max_rows=MAX_ROWS, version=version)
            root = stack.enter_context(fake).url + "/rest/v1"
            keys = {"apikey": fake.anon_key}
        web = stack.enter_context(httpx.Client(base_url=root, trust_env=False))
        connection = stack.enter_context(psycopg.connect(contract_url, autocommit=True))
        return Api(kind=kind, web=web, tokens=Tokens(SECRET), connection=connection, keys=keys)

    return launched


@pytest.fixture(scope="session")
def start(launch: Callable[[ExitStack, Kind], Api]) -> Iterator[Callable[[Kind], Api]]:
    """Start each server once a session, when it is first asked for."""
    with ExitStack() as stack:
        started: dict[Kind, Api] = {}

        def make(kind: Kind) -> Api:
            if kind not in started:
                started[kind] = launch(stack, kind)
            return started[kind]

        yield make


@pytest.fixture(params=KINDS)
def fresh(request: pytest.FixtureRequest, launch: Callable[[ExitStack, Kind], Api]) -> Iterator[Api]:
    """The API of a server that has just looked at the schema, and has heard no NOTIFY that it might still follow."""
    with ExitStack() as stack:
        yield launch(stack, request.param)


@pytest.fixture(params=KINDS)
def api(request: pytest.FixtureRequest, start: Callable[[Kind], Api]) -> Api:
    """The API of one server, with its tables empty."""
    made = start(request.param)
    made.run(
        "truncate public.things, public.parts, public.keyless, public.hidden, public.guarded, public.partial"
    )
    made.run("delete from public.leads where id >= 900000")
    made.run("update public.touched set times = 0")
    return made
