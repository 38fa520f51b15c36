"""PostgREST itself: one request to one transaction, by path and method."""

from __future__ import annotations

from urllib.parse import unquote

import psycopg
from starlette.responses import Response

from sync_pipelines.sandbox.postgrest import openapi, rpc
from sync_pipelines.sandbox.postgrest.cache import SchemaCache, Snapshot, Table
from sync_pipelines.sandbox.postgrest.changes import delete, update
from sync_pipelines.sandbox.postgrest.reading import read
from sync_pipelines.sandbox.postgrest.refusals import RefusalError, of_database
from sync_pipelines.sandbox.postgrest.request import Asked
from sync_pipelines.sandbox.postgrest.sessions import Sessions
from sync_pipelines.sandbox.postgrest.tokens import ANONYMOUS, Tokens
from sync_pipelines.sandbox.postgrest.upserts import upsert

#: From this version on the cache refuses a table that it does not know; earlier the database did.
CACHE_KNOWS_TABLES = 13
_READING = ("GET", "HEAD")
_METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")


class Service:
    """Answers requests below the API's root. Threads may share it; each keeps a connection."""

    def __init__(
        self,
        database_url: str,
        tokens: Tokens,
        *,
        max_rows: int | None,
        polls: int,
        schema: str,
        version: int,
    ) -> None:
        self.tokens, self.max_rows, self.schema, self.version = tokens, max_rows, schema, version
        self.sessions = Sessions(database_url, schema, version)
        self.cache = SchemaCache(database_url, schema, polls)

    def answer(self, asked: Asked) -> Response:
        """The answer to a request; no error leaves."""
        role = ANONYMOUS
        try:
            claims = self.tokens.claims(asked.headers.get("authorization"))
            role = str(claims["role"])
            self._check(asked)
            snapshot = self.cache.current()
            with self.sessions.transaction(
                claims, asked.method, asked.path, read_only=asked.reads
            ) as connection:
                response = self._dispatch(connection, asked, snapshot)
        except RefusalError as refusal:
            response = refusal.response(self.version)
        except psycopg.Error as error:
            message = of_database(error, version=self.version, anonymous=role == ANONYMOUS)
            response = message.response(self.version)
        if "accept-profile" in asked.headers and response.status_code < 400:
            response.headers["Content-Profile"] = self.schema
        return response

    def close(self) -> None:
        """End the threads and all connections."""
        self.sessions.close()
        self.cache.close()

    def _check(self, asked: Asked) -> None:
        if asked.method not in _METHODS:
            raise RefusalError(405, "PGRST117", f"Unsupported HTTP method: {asked.method}")
        name = "accept-profile" if asked.reads else "content-profile"
        profile = asked.headers.get(name)
        if profile not in (None, self.schema):
            message = f"The schema must be one of the following: {self.schema}"
            if self.version >= CACHE_KNOWS_TABLES:
                hint = f"Only the following schemas are exposed: {self.schema}"
                raise RefusalError(406, "PGRST106", f"Invalid schema: {profile}", hint=hint)
            raise RefusalError(406, "PGRST106", message)
        asked.prefer.check(self.version)
        asked.check_media(406 if self.version >= CACHE_KNOWS_TABLES else 415)

    def _dispatch(self, connection: psycopg.Connection[object], asked: Asked, snapshot: Snapshot) -> Response:
        parts = [unquote(part) for part in asked.path.strip("/").split("/")]
        if parts == [""]:
            return self._root(connection, asked, snapshot)
        if parts[0] == "rpc" and len(parts) == 2:
            return rpc.call(
                connection,
                asked,
                snapshot.functions,
                schema=self.schema,
                name=parts[1],
                cap=self.max_rows,
                version=self.version,
            )
        if len(parts) > 1:
            message = "Invalid path specified in request URL"
            raise RefusalError(404, "PGRST125", message, is_bare=self.version < CACHE_KNOWS_TABLES)
        table = self._table(snapshot, parts[0], asked.method)
        if asked.reads:
            return read(connection, asked, table, cap=self.max_rows, version=self.version)
        if asked.method == "POST":
            return upsert(connection, asked, table, version=self.version)
        work = update if asked.method == "PATCH" else delete
        return work(connection, asked, table, version=self.version)

    def _root(self, connection: psycopg.Connection[object], asked: Asked, snapshot: Snapshot) -> Response:
        if not asked.reads:
            is_bare = self.version < CACHE_KNOWS_TABLES
            message = f"Unsupported HTTP method: {asked.method}"
            raise RefusalError(404 if is_bare else 405, "PGRST117", message, is_bare=is_bare)
        document = openapi.document(connection, snapshot, self.version, host=asked.headers.get("host", ""))
        return Response(openapi.text(document), media_type=openapi.MEDIA)

    def _table(self, snapshot: Snapshot, name: str, method: str) -> Table:
        if name in snapshot.tables:
            return snapshot.tables[name]
        if self.version >= CACHE_KNOWS_TABLES:
            message = f"Could not find the table '{self.schema}.{name}' in the schema cache"
            raise RefusalError(404, "PGRST205", message)
        message = f'relation "{self.schema}.{name}" does not exist'
        # An old server learned it from the database's answer to a read; for a write it gave an empty body.
        raise RefusalError(404, "42P01", message, is_bare=method not in _READING)
