"""The application's connections, which people edit and we obey: reading their rows, and writing what a sync found.

Written are only words that the enum `erp_connection_status` has. A write that the database rejects raises: the original
ignored that, and its rows said nothing (contract of the ERPs, section 1.2, items 3 and 4).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.mark import NAME, REQUEST, Mark
from sync_pipelines.erp.connections.tables import CONNECTIONS, ERP
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError

# A person may write infinity, which Python does not hold, nor years before 1. JSON travels as text: one row whose
# value Python does not read must not keep the others from being read.
_ROWS: LiteralString = """
    select id, user_id, company_id, erp_type::text, connection_name, status::text, status_message,
      credentials::text, sync_config::text, metadata::text,
      case when last_sync_at > '9999-12-30Z' then '9999-12-30Z'
        when last_sync_at < '0001-01-02Z' then '0001-01-02Z' else last_sync_at end,
      case when next_sync_at > '9999-12-30Z' then '9999-12-30Z'
        when next_sync_at < '0001-01-02Z' then '0001-01-02Z' else next_sync_at end,
      case when created_at > '9999-12-30Z' then '9999-12-30Z'
        when created_at < '0001-01-02Z' then '0001-01-02Z' else created_at end
    from public.erp_connections
"""
#: Whether the row is as it was written: a trigger may have swallowed or altered it.
_IS_WRITTEN: LiteralString = (
    "select (status::text, status_message, last_sync_at, next_sync_at) is not distinct from"
    " (%(status)s::text, %(status_message)s::text, %(last_sync_at)s::timestamptz, %(next_sync_at)s::timestamptz)"
    " from public.erp_connections where id = %(id)s"
)
#: `metadata` with another mark, or none, and no request. What is no object there is a person's: it stays beside.
_METADATA: LiteralString = """
    (case when jsonb_typeof(coalesce(metadata, 'null')) = 'object' then metadata
       when jsonb_typeof(coalesce(metadata, 'null')) = 'null' then '{}'
       else jsonb_build_object('previous', metadata) end - %(ours)s::text[]) || %(mark)s
"""


class Control:
    """The connections over an open session. A read that fails raises: it is never an empty list."""

    def __init__(self, connection: postgres.Connection) -> None:
        self.connection = connection

    def all(self) -> list[ErpConnection]:
        """Every connection in the order of its creation, whatever its status."""
        return self._rows(_ROWS + " order by created_at, id")

    def row(self, connection_id: UUID) -> ErpConnection | None:
        """None when the table does not have it (any more)."""
        return next(iter(self._rows(_ROWS + " where id = %s", connection_id)), None)

    def lock(self, connection_id: UUID) -> ErpConnection | None:
        """As `row`; until the transaction ends nobody else changes it."""
        return next(iter(self._rows(_ROWS + " where id = %s for update", connection_id)), None)

    def named(self, name: str) -> ErpConnection:
        """The connection that a person names by its UUID or its key. Raises PermanentError."""
        wanted = name.strip().lower()
        found = [one for one in self.all() if wanted in (one.key, str(one.id), one.id.hex)]
        if len(found) > 1:
            raise PermanentError(
                f"{wanted[:60]!r} is the key of {len(found)} connections: name one by its UUID."
            )
        if not found:
            raise PermanentError(
                f"No connection has the UUID or key {wanted[:60]!r}: `sync-pipelines erp list` shows them."
            )
        return found[0]

    def change(self, name: str) -> ErpConnection:
        """As `named`; until the transaction ends nobody else changes it."""
        found = self.lock(self.named(name).id)
        if found is None:
            raise PermanentError(f"Connection {name[:60]!r} was deleted at this moment.")
        return found

    def write(
        self,
        connection_id: UUID,
        *,
        status: str,
        status_message: str | None,
        last_sync_at: datetime | None,
        next_sync_at: datetime | None,
        mark: Mark | None,
        keeps_request: bool = False,
    ) -> None:
        """Write what a sync or a person decided; the caller has the row locked.

        A person's request for a sync is fulfilled by it, unless `keeps_request`. Raises PermanentError if the row is
        not as it was written.
        """
        given = {
            "id": connection_id,
            "status": status,
            "status_message": status_message,
            "last_sync_at": last_sync_at,
            "next_sync_at": next_sync_at,
            "ours": [NAME] if keeps_request else [NAME, REQUEST],
            "mark": Jsonb({NAME: mark.as_json()} if mark else {}),
        }
        self.connection.execute(
            "update public.erp_connections set status = %(status)s, status_message = %(status_message)s,"
            " last_sync_at = %(last_sync_at)s, next_sync_at = %(next_sync_at)s, metadata = "
            + _METADATA
            + " where id = %(id)s",
            given,
        )
        self.connection.execute("set constraints all immediate")
        if self.connection.execute(_IS_WRITTEN, given).fetchone() != (True,):
            raise PermanentError(
                f"The row of connection {connection_id} is not what was written: a trigger of {CONNECTIONS} swallows or"
                " alters it."
            )

    def request(self, connection_id: UUID, at: datetime) -> None:
        """Note that a person asked for a sync; the next one to end takes the note away."""
        noted = Jsonb({REQUEST: at.isoformat()})
        self.connection.execute(
            "update public.erp_connections set metadata = " + _METADATA + " where id = %(id)s",
            {"id": connection_id, "ours": [REQUEST], "mark": noted},
        )

    def _rows(self, query: LiteralString, *values: object) -> list[ErpConnection]:
        return [_connection(row) for row in self.connection.execute(query, values)]


def _connection(row: tuple[Any, ...]) -> ErpConnection:
    number, user_id, company_id, erp_type, name, status, message, *documents, last, due, created = row
    problems: list[str] = []
    credentials = _value("credentials", documents[0], problems)
    return ErpConnection(
        id=number,
        user_id=user_id,
        company_id=company_id,
        erp_type=erp_type,
        name=name,
        status=status,
        status_message=message,
        credentials=credentials,
        sync_config=_object("sync_config", documents[1], problems),
        # What a person keeps there is no reason to leave a connection alone.
        metadata=_object("metadata", documents[2], []),
        last_sync_at=last,
        next_sync_at=due,
        created_at=created,
        problem=problems[0] if problems else None,
    )


def _value(column: str, text: str | None, problems: list[str]) -> Any:
    try:
        return json.loads(text) if text is not None else None
    except (ValueError, RecursionError):
        problems.append(f"its {column} cannot be read")
        return None


def _object(column: str, text: str | None, problems: list[str]) -> dict[str, Any]:
    found = _value(column, text, problems)
    if isinstance(found, dict):
        return found
    if found is not None:
        problems.append(f"its {column} is no JSON object")
    return {}


def read_connections(url: str) -> list[ErpConnection]:
    """All rows, in a session that cannot write. Raises SyncError where they cannot be read."""
    with postgres.connect(url, what=ERP, read_only=True) as connection, postgres.errors_about(ERP):
        return Control(connection).all()
