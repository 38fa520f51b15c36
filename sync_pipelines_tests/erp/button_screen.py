"""The old screen in front of a receiver on a socket; what its button starts is a sync without an ERP."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import psycopg

from sync_pipelines.erp.button import SyncButton
from sync_pipelines.erp.button_processes import SyncProcesses
from sync_pipelines.erp.endpoints import NAME, endpoints, mounted
from sync_pipelines.lib.http.endpoints import FUNCTIONS_PATH
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.erp.database import add_connection
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings

SECRET = "o-segredo-com-que-o-projeto-assina-os-seus-tokens"
SCREEN = "https://tela.example"
PATH = FUNCTIONS_PATH + NAME
#: What the started process waits for where a test says so.
GATE = 77


def token(user_id: object, role: str = "authenticated") -> dict[str, str]:
    claims = {"role": role, "exp": datetime.now(UTC) + timedelta(hours=1), "sub": str(user_id)}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}


@dataclass
class Screen:
    """A person's screen and the receiver that it calls; what is started does `how` says."""

    erp_url: str
    ops_url: str
    erp: psycopg.Connection[Any]
    stack: ExitStack = field(repr=False)
    user_id: UUID = field(default_factory=uuid4)
    processes: SyncProcesses = field(init=False)
    client: httpx.Client = field(init=False)

    def serve(self, how: str | int = "fine", *, wait_seconds: float = 60.0, **options: Any) -> Screen:
        command = [sys.executable, "-m", "sync_pipelines_tests.erp.pressed_sync", self.erp_url, self.ops_url]
        self.processes = SyncProcesses(self.erp_url, command=[*command, str(how)], **options)
        button = SyncButton(self.erp_url, self.processes, served=["omie"], wait_seconds=wait_seconds)
        settings = self.settings()
        mount = mounted(button, endpoints(settings).credentials, settings)
        self.stack.callback(mount.on_stop)
        server = self.stack.enter_context(BackgroundServer(build(settings, [mount])))
        self.client = self.stack.enter_context(httpx.Client(base_url=server.url, timeout=60))
        return self

    def settings(self, **given: Any) -> ErpSettings:
        usual = {
            "erp_database_url": self.erp_url,
            "ops_database_url": self.ops_url,
            "erp_functions_jwt_secret": SECRET,
            "erp_screen_origins": SCREEN,
        }
        return read_as(ErpSettings, None, **(usual | given))

    def connect(self, erp_type: str = "omie", **columns: Any) -> UUID:
        return add_connection(
            self.erp, self.user_id, erp_type, credentials={"app_key": "uma-chave"}, **columns
        )

    def press(
        self, connection_id: object, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        body = {"connection_id": str(connection_id), **more}
        return self.client.post(PATH, json=body, headers=token(self.user_id) if headers is None else headers)

    def logs(self, columns: str = "status::text") -> list[tuple[Any, ...]]:
        query = f"select {columns} from public.erp_sync_logs order by started_at"
        return self.erp.execute(query.encode()).fetchall()

    def close_gate(self) -> None:
        self.erp.execute("select pg_advisory_lock(%s)", [GATE])
        self.erp.execute("listen pressed")

    def wait_at_gate(self, count: int = 1) -> None:
        """Until so many of the started processes have a row, and wait."""
        assert len(list(self.erp.notifies(timeout=60, stop_after=count))) >= count
