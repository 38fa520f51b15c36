"""Our own database: the index of landed files, the rejects, the proofs.

A proof belongs to an asset and a partition and says which version of the source it was made for, so that the
next run knows what it need not do again. Nothing here decides; it records and answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.landing import LandedFile
from sync_pipelines.lib.proof import Proof


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


@dataclass(frozen=True)
class RejectedRow:
    """A source row that could not be used, one entry a broken rule."""

    partition_key: str | None
    source_row: int
    column: str
    value: str | None
    rule: str
    reason: str
    raw: Mapping[str, object]


@dataclass(frozen=True)
class RecordedProof:
    """The newest proof of a partition."""

    source_version: str
    proof: Proof
    holds: bool
    run_id: str


#: Asset, partition key, source version, proof, and what prevented the load if something did.
RecordableProof = tuple[str, str, str, Proof, str | None]
_LANDING = (
    "id, asset, path, sha256, bytes, status, reason, content_digest, sheet_digest, details, run_id, landed_at"
)


@dataclass(frozen=True)
class Ledger:
    """The ops database, over one connection."""

    connection: postgres.Connection

    def land(self, asset: str, file: LandedFile, run_id: str, details: Mapping[str, object]) -> int:
        """Enter a landed file before it is looked at; returns its number."""
        row = self.connection.execute(
            "insert into ops.landed_files (asset, path, sha256, bytes, status, details, run_id)"
            " values (%s, %s, %s, %s, 'landed', %s, %s) returning id",
            (asset, file.path, file.sha256, file.bytes, Jsonb(details), run_id),
        ).fetchone()
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
        """Say that a landed file was read and passed its guards, and what it holds by partition."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute(
                "update ops.landed_files set status = 'usable', content_digest = %s, sheet_digest = %s,"
                " details = details || %s where id = %s",
                (content_digest, sheet_digest, Jsonb(details), landed_id),
            )
            cursor.executemany(
                "insert into ops.landed_partitions values (%s, %s, %s)",
                [(landed_id, key, Jsonb(content)) for key, content in contents.items()],
            )

    def mark_refused(self, landed_id: int, reason: str) -> None:
        self.connection.execute(
            "update ops.landed_files set status = 'refused', reason = %s where id = %s", (reason, landed_id)
        )

    def newest(
        self, asset: str, *, path: str | None = None, sheet_digest: str | None = None
    ) -> Landing | None:
        """The newest usable file of an asset; with `path`, that file whatever its status."""
        wanted = "path = %(path)s" if path else "status = 'usable'"
        if sheet_digest:
            wanted += " and sheet_digest = %(sheet_digest)s"
        with self.connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(
                f"select {_LANDING} from ops.landed_files where asset = %(asset)s and {wanted}"
                " order by id desc limit 1",
                {"asset": asset, "path": path, "sheet_digest": sheet_digest},
            ).fetchone()
        return Landing(**row) if row else None

    def contents(self, landed_id: int) -> dict[str, dict[str, Any]]:
        """What a usable file holds, by partition key."""
        rows = self.connection.execute(
            "select partition_key, content from ops.landed_partitions where landed_id = %s", (landed_id,)
        ).fetchall()
        return dict(rows)

    def reject(self, asset: str, run_id: str, landed_id: int | None, rows: Iterable[RejectedRow]) -> None:
        """Keep rejected rows with their raw content."""
        values = [
            (
                *(
                    asset,
                    row.partition_key,
                    run_id,
                    landed_id,
                    row.source_row,
                    row.column,
                    storable(row.value),
                ),
                *(
                    row.rule,
                    row.reason,
                    Jsonb({name: storable(cell) for name, cell in row.raw.items()}, dumps=_dumps),
                ),
            )
            for row in rows
        ]
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.executemany(
                "insert into ops.rejects (asset, partition_key, run_id, landed_id, source_row, column_name,"
                " value, rule, reason, raw) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                values,
            )

    def record_proofs(self, run_id: str, proofs: Sequence[RecordableProof]) -> None:
        """Record proofs of a run, in one transaction."""
        if not proofs:
            return
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.executemany(
                "insert into ops.proofs (asset, partition_key, run_id, source_version, source, destination,"
                " holds, problem) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (
                        *(asset, key, run_id, version, Jsonb(proof.source), Jsonb(proof.destination)),
                        *(proof.holds and problem is None, problem),
                    )
                    for asset, key, version, proof, problem in proofs
                ],
            )

    def proofs(self, asset: str) -> dict[str, RecordedProof]:
        """The newest proof of each partition of an asset."""
        rows = self.connection.execute(
            "select distinct on (partition_key) partition_key, source_version, source, destination, holds, run_id"
            " from ops.proofs where asset = %s order by partition_key, id desc",
            (asset,),
        ).fetchall()
        return {
            key: RecordedProof(version, Proof(source, destination), holds, run_id)
            for key, version, source, destination, holds, run_id in rows
        }

    def newest_proof(self, asset: str) -> int:
        """The number of the newest proof of an asset, which grows with each; 0 when there is none."""
        row = self.connection.execute(
            "select coalesce(max(id), 0) from ops.proofs where asset = %s", (asset,)
        ).fetchone()
        return int(row[0]) if row else 0

    def decide(self, asset: str, partition_key: str, decision: str, run_id: str) -> None:
        """Keep what a person decided of a partition, so that the next run need not ask again."""
        self.connection.execute(
            "insert into ops.decisions (asset, partition_key, decision, run_id) values (%s, %s, %s, %s)",
            (asset, partition_key, decision, run_id),
        )

    def decisions(self, asset: str) -> dict[str, str]:
        """The newest decision of each partition of an asset that has one."""
        rows = self.connection.execute(
            "select distinct on (partition_key) partition_key, decision from ops.decisions where asset = %s"
            " order by partition_key, id desc",
            (asset,),
        ).fetchall()
        return dict(rows)


def storable(value: object) -> object:
    """A value without what Postgres cannot hold in a text: NUL and halves of surrogate pairs."""
    if not isinstance(value, str):
        return value
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def _dumps(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


@contextmanager
def open_ledger(url: str) -> Iterator[Ledger]:
    with postgres.connect(url, what="the ops database") as connection:
        yield Ledger(connection)
