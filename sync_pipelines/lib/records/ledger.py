"""Our own database: the index of landed files, the rejects, the proofs.

A proof belongs to an asset and a partition and says which version of the source it was made for, so that the
next run knows what it need not do again. Nothing here decides; it records and answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.postgres.reconnecting import Reconnecting
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


OPS = "the ops database"
#: Asset, partition key, source version, proof, and what prevented the load if something did.
RecordableProof = tuple[str, str, str, Proof, str | None]
_LANDING = (
    "id, asset, path, sha256, bytes, status, reason, content_digest, sheet_digest, details, run_id, landed_at"
)


class Ledger:
    """The ops database. Its connection is opened again when it was lost: proofs of what is done must not be."""

    def __init__(self, url: str) -> None:
        self._database = Reconnecting(url, what=OPS)

    @property
    def connection(self) -> postgres.Connection:
        return self._database.connection

    def close(self) -> None:
        self._database.close()

    def land(self, asset: str, file: LandedFile, run_id: str, details: Mapping[str, object]) -> int:
        """Enter a landed file before it is looked at; returns its number."""
        row = self._one(
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
        """Say that a landed file was read and passed its guards, and what it holds by partition."""

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

        self._database.do(write)

    def mark_refused(self, landed_id: int, reason: str) -> None:
        self._change(
            "update ops.landed_files set status = 'refused', reason = %s where id = %s", (reason, landed_id)
        )

    def newest(
        self, asset: str, *, path: str | None = None, sheet_digest: str | None = None
    ) -> Landing | None:
        """The newest usable file of an asset; with `path`, that file whatever its status."""
        wanted = "path = %(path)s" if path else "status = 'usable'"
        if sheet_digest:
            wanted += " and sheet_digest = %(sheet_digest)s"

        def read(connection: postgres.Connection) -> dict[str, Any] | None:
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(
                    f"select {_LANDING} from ops.landed_files where asset = %(asset)s and {wanted}"
                    " order by id desc limit 1",
                    {"asset": asset, "path": path, "sheet_digest": sheet_digest},
                ).fetchone()

        row = self._database.do(read)
        return Landing(**row) if row else None

    def contents(self, landed_id: int) -> dict[str, dict[str, Any]]:
        """What a usable file holds, by partition key."""
        return dict(
            self._all(
                "select partition_key, content from ops.landed_partitions where landed_id = %s", (landed_id,)
            )
        )

    def reject(self, asset: str, run_id: str, landed_id: int | None, rows: Iterable[RejectedRow]) -> None:
        """Keep rejected rows with their raw content."""
        self._insert_all(
            "insert into ops.rejects (asset, run_id, landed_id, partition_key, source_row, column_name,"
            " value, rule, reason, raw) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [(asset, run_id, landed_id, *_reject_values(row)) for row in rows],
        )

    def record_proofs(self, run_id: str, proofs: Sequence[RecordableProof]) -> None:
        """Record proofs of a run, in one transaction."""
        if not proofs:
            return
        self._insert_all(
            "insert into ops.proofs (run_id, asset, partition_key, source_version, source, destination,"
            " holds, problem) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [(run_id, *_proof_values(proof)) for proof in proofs],
        )

    def proofs(self, asset: str) -> dict[str, RecordedProof]:
        """The newest proof of each partition of an asset."""
        rows = self._all(
            "select distinct on (partition_key) partition_key, source_version, source, destination, holds, run_id"
            " from ops.proofs where asset = %s order by partition_key, id desc",
            (asset,),
        )
        return {
            key: RecordedProof(
                source_version=version, proof=Proof(source, destination), holds=holds, run_id=run_id
            )
            for key, version, source, destination, holds, run_id in rows
        }

    def newest_proof(self, asset: str) -> int:
        """The number of the newest proof of an asset, which grows with each; 0 when there is none."""
        row = self._one("select coalesce(max(id), 0) from ops.proofs where asset = %s", (asset,))
        return int(row[0]) if row else 0

    def decide(self, asset: str, partition_key: str, decision: str, run_id: str) -> None:
        """Keep what a person decided of a partition, so that the next run need not ask again."""
        self._change(
            "insert into ops.decisions (asset, partition_key, decision, run_id) values (%s, %s, %s, %s)",
            (asset, partition_key, decision, run_id),
        )

    def decisions(self, asset: str) -> dict[str, str]:
        """The newest decision of each partition of an asset that has one."""
        return dict(
            self._all(
                "select distinct on (partition_key) partition_key, decision from ops.decisions where asset = %s"
                " order by partition_key, id desc",
                (asset,),
            )
        )

    def _one(self, query: LiteralString, values: Sequence[object]) -> tuple[Any, ...] | None:
        return self._database.do(lambda connection: connection.execute(query, values).fetchone())

    def _all(self, query: LiteralString, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return self._database.do(lambda connection: connection.execute(query, values).fetchall())

    def _change(self, statement: LiteralString, values: Sequence[object]) -> None:
        self._database.do(lambda connection: connection.execute(statement, values))

    def _insert_all(self, statement: LiteralString, rows: Sequence[Sequence[object]]) -> None:
        """Insert rows, all of them or none."""

        def write(connection: postgres.Connection) -> None:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(statement, rows)

        self._database.do(write)


def _proof_values(recordable: RecordableProof) -> tuple[object, ...]:
    asset, key, version, proof, problem = recordable
    holds = proof.holds and problem is None
    return asset, key, version, Jsonb(proof.source), Jsonb(proof.destination), holds, problem


def _reject_values(row: RejectedRow) -> tuple[object, ...]:
    raw = Jsonb({name: storable(cell) for name, cell in row.raw.items()}, dumps=_dumps)
    place = (row.partition_key, row.source_row, row.column, storable(row.value))
    return *place, row.rule, row.reason, raw


def storable(value: object) -> object:
    """A value without what Postgres cannot hold in a text: NUL and halves of surrogate pairs."""
    if not isinstance(value, str):
        return value
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def _dumps(value: object) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


@contextmanager
def open_ledger(url: str) -> Iterator[Ledger]:
    with postgres.errors_about(OPS), closing(Ledger(url)) as ledger:
        yield ledger
