"""A day from the source to proof, without Dagster: what the asset and a test call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Self

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Changes
from sync_pipelines.lib.records import open_records
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.settings.toy import ToySettings
from sync_pipelines.toy.readings.extract import read_day
from sync_pipelines.toy.readings.load import replace_day
from sync_pipelines.toy.readings.prove import prove
from sync_pipelines.toy.readings.validate import split

ASSET = "toy/readings"
WHAT = "the toy database"


@dataclass(frozen=True)
class LoadedDay:
    """What became of a day: read = loaded + unchanged + rejected."""

    read: int
    rejected: int
    changes: Changes
    digest: str


@dataclass(frozen=True)
class ReadingsPipeline:
    """Loads days of readings."""

    database_url: str
    ops_url: str

    @classmethod
    def from_settings(cls, settings: ToySettings) -> Self:
        return cls(database_url=settings.toy_url, ops_url=settings.ops_url)

    def load(self, day: date, run_id: str) -> LoadedDay:
        """Load a day in one transaction. Raises PermanentError, with nothing committed, when it is not proved."""
        key = day.isoformat()
        with (
            postgres.connect(self.database_url, what=WHAT) as connection,
            postgres.errors_about(WHAT),
            connection.transaction(),
        ):
            postgres.lock_partition(connection, "toy", key, busy=f"Another run loads {key}.")
            rows = read_day(connection, day)
            good, rejects = split(rows, key)
            changes = replace_day(connection, day, good)
            proof = prove(connection, day, good)
            if not proof.holds:
                raise PermanentError(f"{key} is not proved: {'; '.join(proof.differences())}")
        digest = proof.destination["digest"]
        with open_records(self.ops_url) as records:
            records.rejects.record(ASSET, rejects, run_id=run_id)
            records.proofs.record(run_id, [RecordableProof(ASSET, key, source_version=digest, proof=proof)])
        return LoadedDay(read=len(rows), rejected=len(rejects), changes=changes, digest=digest)
