"""The index of landed files: where each lies, whether it is usable, and what it holds by partition.

Grain: one row a landed file in `ops.landed_files`, one row a file and partition in `ops.landed_partitions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.records.connection import OpsDatabase
from sync_pipelines.lib.storage.landing import LandedFile


@dataclass(frozen=True)
class Landing:
    """A row of the landing index."""

    id: int
    asset: str
    path: str
    sha256: str
    bytes: int
    status: str
    reason: str | None
    content_digest: str | None
    sheet_digest: str | None
    details: dict[str, Any]
    run_id: str
    landed_at: datetime


_LANDING = (
    "id, asset, path, sha256, bytes, status, reason, content_digest, sheet_digest, details, run_id, landed_at"
)


@dataclass(frozen=True)
class LandingIndex:
    """The landed files of all assets, in the ops database."""

    database: OpsDatabase

    def record(self, asset: str, file: LandedFile, *, run_id: str, details: Mapping[str, object]) -> int:
        """Record a landed file before anything looks at it; returns its number."""
        row = self.database.one(
            "insert into ops.landed_files (asset, path, sha256, bytes, status, details, run_id)"
            " values (%s, %s, %s, %s, 'landed', %s, %s) returning id",
            (asset, file.path, file.sha256, file.bytes, Jsonb(details), run_id),
        )
        assert row is not None
        return int(row[0])

    def mark_usable(
        self,
        landed_id: int,
        *,
        content_digest: str,
        sheet_digest: str,
        details: Mapping[str, object],
        contents: Mapping[str, Mapping[str, object]],
    ) -> None:
        """Record that a file was read and passed its guards, and its content by partition."""

        def write(connection: postgres.Connection) -> None:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute(
                    "update ops.landed_files set status = 'usable', content_digest = %s, sheet_digest = %s,"
                    " details = details || %s where id = %s",
                    (content_digest, sheet_digest, Jsonb(details), landed_id),
                )
                cursor.executemany(
                    "insert into ops.landed_partitions values (%s, %s, %s)",
                    [(landed_id, key, Jsonb(content)) for key, content in contents.items()],
                )

        self.database.do(write)

    def mark_refused(self, landed_id: int, reason: str) -> None:
        """Record that a file cannot be used, and why."""
        self.database.change(
            "update ops.landed_files set status = 'refused', reason = %s where id = %s", (reason, landed_id)
        )

    def newest(
        self, asset: str, *, path: str | None = None, sheet_digest: str | None = None
    ) -> Landing | None:
        """The newest usable file of an asset; with `path`, that file whatever its status."""
        condition = "path = %(path)s" if path else "status = 'usable'"
        if sheet_digest:
            condition += " and sheet_digest = %(sheet_digest)s"

        def read(connection: postgres.Connection) -> dict[str, Any] | None:
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(
                    f"select {_LANDING} from ops.landed_files where asset = %(asset)s and {condition}"
                    " order by id desc limit 1",
                    {"asset": asset, "path": path, "sheet_digest": sheet_digest},
                ).fetchone()

        row = self.database.do(read)
        return Landing(**row) if row else None

    def contents(self, landed_id: int) -> dict[str, dict[str, Any]]:
        """The content of a usable file by partition key."""
        return dict(
            self.database.all(
                "select partition_key, content from ops.landed_partitions where landed_id = %s", (landed_id,)
            )
        )
