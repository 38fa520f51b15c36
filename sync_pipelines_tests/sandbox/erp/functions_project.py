"""A project whose Edge Functions are on a socket: a user, the database behind them, and calls of theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg

from sync_pipelines.sandbox.erp.functions import FunctionsFake

NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


@dataclass
class Project:
    fake: FunctionsFake
    database: psycopg.Connection[Any]
    http: httpx.Client
    user_id: UUID = field(default_factory=uuid4)

    def call(self, body: Any, function: str = "analyze-credits", token: str | None = None) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {token or self.fake.service_key}"}
        return self.http.post(f"/functions/v1/{function}", json=body, headers=bearer)

    def signed_in(self, function: str, body: Any = None) -> httpx.Response:
        """A call of the user; without a body where that is None."""
        bearer = {"Authorization": f"Bearer {self.fake.token(self.user_id)}"}
        content = {} if body is None else {"json": body}
        return self.http.post(f"/functions/v1/{function}", headers=bearer, **content)

    def analyse(self, *documents: dict[str, Any], **fields: object) -> httpx.Response:
        return self.call({"parsed_xmls": list(documents), "user_id": str(self.user_id), **fields})

    def rows(self, query: str) -> list[Any]:
        return self.database.execute(query.encode()).fetchall()

    def add(self, table: str, **columns: object) -> UUID:
        """A row of the user; its id."""
        values = {"user_id": self.user_id, **columns}
        names, given = ", ".join(values), ", ".join(f"%({name})s" for name in values)
        statement = f"insert into {table} ({names}) values ({given}) returning id"
        row = self.database.execute(statement.encode(), values).fetchone()
        assert row is not None
        return UUID(str(row[0]))

    def add_import(self) -> UUID:
        return self.add("xml_imports", file_name="a", file_size=1, file_path="a")
