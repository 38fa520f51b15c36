"""Transactions as a role, on one connection for each worker thread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock, local
from typing import Any

import psycopg

from sync_pipelines.sandbox.postgrest.refusals import RefusalError
from sync_pipelines.sandbox.postgrest.tokens import ROLES

UNKNOWN_ROLE_IS_NOT_AUTHORIZED = 13
WORKERS = 10  # as many connections as PostgREST keeps by default
#: What Supabase gives the role that PostgREST logs in as.
STATEMENT_TIMEOUT = "8s"
_BEGIN = (
    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),"
    " set_config('request.method', %s, true), set_config('request.path', %s, true),"
    " set_config('search_path', %s, true), set_config('pgrst.inserted', '', true),"
    f" set_config('statement_timeout', '{STATEMENT_TIMEOUT}', true)"
)


class Sessions:
    """Runs work in threads that keep their connection."""

    def __init__(self, database_url: str, schema: str, version: int) -> None:
        self._database_url, self._schema, self._version = database_url, schema, version
        self.pool = ThreadPoolExecutor(WORKERS, "postgrest")
        self._own = local()
        self._opened: list[psycopg.Connection[Any]] = []
        self._lock = Lock()

    @contextmanager
    def transaction(
        self, claims: Mapping[str, Any], method: str, path: str, *, read_only: bool = False
    ) -> Iterator[psycopg.Connection[Any]]:
        """Lend this thread's connection, as the role of `claims`; what is done is kept unless an error leaves."""
        connection = self._connection()
        role = str(claims["role"])
        try:
            with connection.transaction():
                if read_only:
                    connection.execute("set transaction read only")
                if role not in ROLES:
                    self._refuse(connection, role)
                connection.execute(
                    _BEGIN, [role, json.dumps(claims), method, path, f"{self._schema}, extensions"]
                )
                yield connection
        except psycopg.OperationalError as error:
            if error.sqlstate is None or connection.closed:
                connection.close()
            raise

    def close(self) -> None:
        """Let the threads end and close what they had."""
        self.pool.shutdown()
        for connection in self._opened:
            connection.close()

    def _connection(self) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] | None = getattr(self._own, "connection", None)
        if connection is None or connection.closed:
            try:
                connection = psycopg.connect(self._database_url, autocommit=True)
            except psycopg.OperationalError:
                message = "Database connection error. Retrying the connection."
                raise RefusalError(503, "PGRST000", message) from None
            self._own.connection = connection
            with self._lock:
                self._opened = [*(one for one in self._opened if not one.closed), connection]
        return connection

    def _refuse(self, connection: psycopg.Connection[Any], role: str) -> None:
        """An authenticator may switch to three roles; the fake connects as the owner, which may switch to any."""
        known = connection.execute("select from pg_roles where rolname = %s", [role]).fetchone()
        if known is None:
            status = 401 if self._version >= UNKNOWN_ROLE_IS_NOT_AUTHORIZED else 400
            raise RefusalError(status, "22023", f'role "{role}" does not exist')
        raise RefusalError(403, "42501", f'permission denied to set role "{role}"')
