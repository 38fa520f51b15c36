"""The receiver on a socket over a migrated ops database, and a project that publishes its keys."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_pipelines.lib.http.endpoints import FUNCTIONS_PATH, SIGNED_IN, Answer, Endpoint
from sync_pipelines.lib.http.key_set import PATH
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.scouter.endpoints import AT_ONCE, WEBHOOK, endpoints
from sync_pipelines.settings import read_as
from sync_pipelines.settings.scouter import ScouterSettings

NOW = datetime(2025, 10, 21, 12, tzinfo=UTC)
WEBHOOK_SECRET = "um-segredo-so-do-webhook-7f3a"
SIGNING_SECRET = "o-segredo-com-que-o-projeto-assina-os-seus-tokens"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signed(key: Any = SIGNING_SECRET, algorithm: str = "HS256", kid: str | None = None, **claims: Any) -> str:
    """A token; claims that are None are left out."""
    whole = {"role": "service_role", "exp": int((NOW + timedelta(hours=1)).timestamp())} | claims
    kept = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(kept, key, algorithm, headers={"kid": kid} if kid else None)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


#: A function that a signed-in person calls, beside the endpoints of the system that has a webhook.
FUNCTION_PATH = f"{FUNCTIONS_PATH}uma-funcao"
WEBHOOK_PATH = WEBHOOK.path
OWN = {"x-webhook-secret": WEBHOOK_SECRET}


def lead(**fields: Any) -> dict[str, Any]:
    return {"lead": {"id": 600_001, "nome": "Ana Exemplo", **fields}, "source": "gestao_scouter"}


class Project:
    """TabuladorMax's key set on a socket. `keys` are what it publishes; `status` other than 200 is a fault."""

    def __init__(self) -> None:
        self.keys = [
            public("ec-1", EC_KEY, jwt.algorithms.ECAlgorithm),
            public("rsa-1", RSA_KEY, jwt.algorithms.RSAAlgorithm),
            {"kty": "oct", "kid": "shared", "alg": "HS256", "k": "c2hhcmVk"},
        ]
        self.status, self.fetched = 200, 0
        self.server = BackgroundServer(Starlette(routes=[Route(PATH, self._answer)]))

    async def _answer(self, _: Request) -> Response:
        self.fetched += 1
        return JSONResponse({"keys": self.keys}, self.status)


def public(kid: str, key: Any, algorithm: Any) -> dict[str, Any]:
    return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}


@dataclass
class RunningReceiver:
    """A receiver that is up, and what it stored."""

    url: str
    ops_url: str
    ops: psycopg.Connection[Any]
    client: httpx.Client
    moments: list[float] = field(default_factory=lambda: [1000.0])

    def post(self, body: Any = None, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        content = {"content": body} if isinstance(body, bytes) else {"json": lead() if body is None else body}
        given = {"Content-Type": "application/json", **(OWN if headers is None else headers)}
        return self.client.post(WEBHOOK_PATH, headers=given, **(content | more))

    def pass_seconds(self, seconds: float) -> None:
        self.moments[0] += seconds

    @property
    def stored(self) -> list[tuple[int, str, Any]]:
        return self.ops.execute("select key::bigint, source, payload from ops.inbox order by id").fetchall()


@pytest.fixture(scope="session")
def project_server() -> Iterator[Project]:
    project = Project()
    with project.server:
        yield project


@pytest.fixture
def project(project_server: Project) -> Iterator[Project]:
    keys = list(project_server.keys)
    project_server.fetched = 0
    yield project_server
    project_server.keys, project_server.status = keys, 200


NewReceiver = Callable[..., RunningReceiver]
HIDDEN = (WEBHOOK_SECRET, SIGNING_SECRET, "eyJ", "Ana Exemplo", "600001")


def function(answer: Callable[[Any], Answer]) -> Endpoint:
    """An endpoint as those of the old screen are, with another answer to a document."""
    return Endpoint(
        FUNCTION_PATH,
        handler=lambda call: answer(call.document),
        roles=SIGNED_IN,
        may_be_empty=True,
        at_once=AT_ONCE,
    )


def started(
    stack: ExitStack, ops_url: str, *, options: Any = None, added: Sequence[Endpoint] = (), **given: Any
) -> RunningReceiver:
    """Serve a webhook and what is `added` until the stack is left; other names are settings."""
    given = {"scouter_webhook_secret": WEBHOOK_SECRET} | given
    settings = read_as(ScouterSettings, None, ops_database_url=ops_url, scouter_way_back=True, **given)
    mount = endpoints(settings)
    moments = [1000.0]
    application = build(
        settings,
        [replace(mount, endpoints=[*mount.endpoints, *added])],
        options=options,
        inbox=stack.enter_context(closing(InboxPool(ops_url))),
        clock=lambda: NOW,
        monotonic=lambda: moments[0],
    )
    server = stack.enter_context(BackgroundServer(application))
    client = stack.enter_context(httpx.Client(base_url=server.url))
    reader = stack.enter_context(psycopg.connect(ops_url, autocommit=True))
    return RunningReceiver(url=server.url, ops_url=ops_url, ops=reader, client=client, moments=moments)


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a test does, no secret, token or lead is in a log afterwards."""
    caplog.set_level(logging.INFO)
    yield
    said = "\n".join(record.getMessage() for record in caplog.get_records("call"))
    assert [text for text in HIDDEN if text in said] == []


@pytest.fixture
def new_receiver(new_database: Callable[[str | None], str]) -> Iterator[NewReceiver]:
    with ExitStack() as stack:

        def make(**given: Any) -> RunningReceiver:
            return started(stack, new_database("ops"), **given)

        yield make


@pytest.fixture(scope="session")
def session_receiver(
    postgres_server: PostgresServer, templates: dict[str, str], project_server: Project
) -> Iterator[RunningReceiver]:
    ops_url = postgres_server.create_database("receiver", template=templates["ops"])
    with ExitStack() as stack:
        yield started(
            stack,
            ops_url,
            tabuladormax_jwt_secret=SIGNING_SECRET,
            tabuladormax_project_url=project_server.server.url,
        )


@pytest.fixture
def receiver(session_receiver: RunningReceiver) -> RunningReceiver:
    """The receiver of the session with an empty inbox, to which every way in is open, and full buckets."""
    session_receiver.ops.execute("truncate ops.inbox")
    session_receiver.pass_seconds(1000)
    return session_receiver
