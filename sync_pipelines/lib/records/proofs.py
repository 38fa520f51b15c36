"""The proofs: the results of comparing source and destination, per asset and partition.

A proof names the version of the source that it was made for, so that the next run knows which work it can skip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records.connection import OpsDatabase


@dataclass(frozen=True)
class RecordableProof:
    """A proof to record. `problem` says what prevented the load, if something did."""

    asset: str
    partition_key: str
    source_version: str
    proof: Proof
    problem: str | None = None

    @property
    def holds(self) -> bool:
        return self.proof.holds and self.problem is None


@dataclass(frozen=True)
class RecordedProof:
    """The newest proof of a partition."""

    source_version: str
    proof: Proof
    holds: bool
    run_id: str


@dataclass(frozen=True)
class Proofs:
    """`ops.proofs`: rows are only added, and the newest of a partition counts."""

    database: OpsDatabase

    def record(self, run_id: str, proofs: Sequence[RecordableProof]) -> None:
        """Record the proofs of a run: all of them or none."""
        if not proofs:
            return
        self.database.insert_all(
            "insert into ops.proofs (run_id, asset, partition_key, source_version, source, destination,"
            " holds, problem) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    run_id,
                    one.asset,
                    one.partition_key,
                    one.source_version,
                    Jsonb(one.proof.source),
                    Jsonb(one.proof.destination),
                    one.holds,
                    one.problem,
                )
                for one in proofs
            ],
        )

    def newest(self, asset: str) -> dict[str, RecordedProof]:
        """The newest proof of each partition of an asset."""
        rows = self.database.all(
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

    def newest_id(self, asset: str) -> int:
        """The number of the newest proof of an asset, which grows with each; 0 if there is none."""
        row = self.database.one(
            "select coalesce(max(id), 0) from ops.proofs where asset = %s",
            (asset,),
        )
        return int(row[0]) if row else 0
