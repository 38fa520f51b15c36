"""A vendor that rotates refresh tokens, and the row of a connection to it."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import httpx
import psycopg

from sync_pipelines.erp.connections.credentials import milliseconds, open_stored
from sync_pipelines.erp.connections.tokens import BearerToken, ConnectionTokens, TokenEndpoint
from sync_pipelines.lib.http.budget import Window
from sync_pipelines.lib.sealed import seal

KEY = "segredo-de-teste-com-mais-de-32-caracteres"
START = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENDPOINT = TokenEndpoint(
    "Bling",
    url="https://auth.example/oauth/token",
    url_setting="BLING_AUTH_URL",
    windows=(Window(scope="bling:tokens", calls=15, seconds=60.0),),
    blocked_seconds=3600.0,
)
CLIENT = {"client_id": "client-0001", "client_secret": "client-secret-0001"}


@dataclass
class TokenVendor:
    """Gives `A2, R2` for R1 and so on; an old refresh token dies at once, unless it is kept."""

    number: int = 1
    keeps_old: bool = False
    calls: list[dict[str, str]] = field(default_factory=list)
    #: What happens at each call before the vendor rotates, and after.
    before: Callable[[], httpx.Response | None] = lambda: None
    after: Callable[[], httpx.Response | None] = lambda: None
    answer: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def access(self) -> str:
        return f"access-token-{self.number:04}"

    @property
    def refresh(self) -> str:
        return f"refresh-token-{self.number:04}"

    def handle(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
            user = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
            self.calls.append({**form, "client": user})
            if (scripted := self.before()) is not None:
                return scripted
            asked = form["refresh_token"]
            if asked != self.refresh and not (self.keeps_old and asked < self.refresh):
                return httpx.Response(
                    400, json={"error": {"type": "invalid_grant", "message": "invalid_grant"}}
                )
            self.number += 1
            if (scripted := self.after()) is not None:
                return scripted
            pair = {"access_token": self.access, "refresh_token": self.refresh}
            return httpx.Response(
                200, json={**pair, "expires_in": 21600, "token_type": "Bearer", **self.answer}
            )


@dataclass
class TokenWorld:
    """The vendor, the row, and workers that use its tokens."""

    erp: psycopg.Connection[Any]
    erp_url: str
    ops_url: str
    vendor: TokenVendor = field(default_factory=TokenVendor)
    now: datetime = START
    connection_id: UUID = field(default_factory=uuid4)
    #: Of the client that asks for tokens.
    options: dict[str, Any] = field(default_factory=dict)

    def connect(self, *, key: str | None = KEY, **more: Any) -> None:
        """Write the row: a pair of the vendor's that ends in a minute."""
        pair = {"access_token": self.vendor.access, "refresh_token": self.vendor.refresh}
        values = {**CLIENT, **pair, "expires_at": milliseconds(self.now + timedelta(minutes=1)), **more}
        stored = {name: value for name, value in values.items() if value is not None}
        self.erp.execute("delete from erp_connections where id = %s", (self.connection_id,))
        self.erp.execute(
            "insert into erp_connections (id, user_id, erp_type, connection_name, credentials)"
            " values (%s, %s, 'bling', 'Loja', %s)",
            (self.connection_id, uuid4(), json.dumps(seal(json.dumps(stored), key) if key else stored)),
        )

    def row(self, key: str | None = KEY) -> dict[str, Any]:
        return dict(open_stored(self.raw, key, what="They").values)

    @property
    def raw(self) -> Any:
        found = self.erp.execute(
            "select credentials from erp_connections where id = %s", (self.connection_id,)
        )
        return (found.fetchone() or (None,))[0]

    @property
    def mark(self) -> Any:
        query = "select metadata -> 'token_refresh' from erp_connections where id = %s"
        return (self.erp.execute(query, (self.connection_id,)).fetchone() or (None,))[0]

    def tokens(self, key: str | None = KEY) -> ConnectionTokens:
        return ConnectionTokens(
            connection_id=self.connection_id,
            what="Bling (bling_1a2b3c4d)",
            endpoint=ENDPOINT,
            url=self.erp_url,
            ops_url=self.ops_url,
            key=key,
            party="bling_1a2b3c4d",
            clock=lambda: self.now,
            options={
                "transport": httpx.MockTransport(self.vendor.handle),
                "sleep": self.sleep,
                "jitter": lambda: 0.0,
                **self.options,
            },
            budget_options={"clock": lambda: self.now, "sleep": self.sleep},
        )

    def worker(self, key: str | None = KEY) -> BearerToken:
        """A worker that has read the row just now."""
        return BearerToken(open_stored(self.raw, key, what="They"), self.tokens(key))

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
