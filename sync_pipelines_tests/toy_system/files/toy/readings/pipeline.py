"""A day from the source to proof, without Dagster: what the asset and a test call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Self

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Changes
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records import open_records
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.lib.records.run_log import open_execution
from sync_pipelines.settings.toy import ToySettings
from sync_pipelines.toy.readings.extract import Meter
from sync_pipelines.toy.readings.load import replace_day
from sync_pipelines.toy.readings.prove import prove
from sync_pipelines.toy.readings.report import RUN_LOG
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

    database_url: str = field(repr=False)
    ops_url: str = field(repr=False)
    meter: Meter

    @classmethod
    def from_settings(cls, settings: ToySettings) -> Self:
        return cls(database_url=settings.toy_url, ops_url=settings.ops_url, meter=Meter(settings))

    def load(self, day: date, run_id: str) -> LoadedDay:
        """Load a day in one transaction. Raises PermanentError, with nothing committed, when it is not proved."""
        key = day.isoformat()
        with (
            open_execution(
                self.database_url,
                RUN_LOG,
                run_id=run_id,
                what=WHAT,
                started=f"Iniciando a carga das leituras de {key}.",
                details={"day": key},
            ) as execution,
            open_records(self.ops_url) as records,
        ):
            rows = self.meter.read_day(day)
            good, rejects = split(rows, key)
            # Before the load: the reasons are kept whatever becomes of it.
            records.rejects.record(ASSET, rejects, run_id=run_id)
            changes, proof = self._replace(day, good)
            digest = proof.destination["digest"]
            records.proofs.record(run_id, [RecordableProof(ASSET, key, source_version=digest, proof=proof)])
            execution.advance(processed=len(good), failed=len(rejects))
        return LoadedDay(read=len(rows), rejected=len(rejects), changes=changes, digest=digest)

    def _replace(self, day: date, good: Sequence[tuple[int, Decimal]]) -> tuple[Changes, Proof]:
        """Write and prove in one transaction."""
        key = day.isoformat()
        with (
            postgres.connect(self.database_url, what=WHAT) as connection,
            postgres.errors_about(WHAT),
            connection.transaction(),
        ):
            postgres.lock_partition(connection, "toy", key, busy=f"Another run loads {key}.")
            changes = replace_day(connection, day, good)
            proof = prove(connection, day, good)
            if not proof.holds:
                raise PermanentError(f"{key} is not proved: {'; '.join(proof.differences())}")
        return changes, proof
