"""The backup catalog's record of one day's backup, from its announcement to its proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.backup.answer import Answer
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records.backups import Backup, BackupCatalog

#: The detail of a backup whose COMMIT was not confirmed yet: the digests that it was proved by.
ANNOUNCED = "announced"


@dataclass(frozen=True)
class BackupRecord:
    """Writes the record of a day's backup; each write replaces the one before."""

    catalog: BackupCatalog
    partition_key: str
    run_id: str
    clock: Callable[[], datetime]

    def announced(self, answer: Answer, proof: Proof) -> None:
        """Record a copy that was proved and is about to be committed."""
        self._write(answer, proved=False, details={ANNOUNCED: proof.destination})

    def unproved(self, answer: Answer) -> None:
        """Record a copy that was made by RPC."""
        self._write(answer, proved=False, details={})

    def proved(self, answer: Answer, proof: Proof, *, tables_unchanged: int) -> None:
        """Record a copy that was committed and read again."""
        details = {"proof": proof.destination, "looked_at": tables_unchanged}
        self._write(answer, proved=True, details=details)

    def _write(self, answer: Answer, *, proved: bool, details: Mapping[str, Any]) -> None:
        self.catalog.record(
            Backup(
                asset=assets.BACKUP,
                partition_key=self.partition_key,
                name=answer.backup_id,
                made_at=self.clock(),
                proved=proved,
                rows=answer.total,
                bytes=None,
                details={"counts": dict(answer.counts), **details},
                run_id=self.run_id,
            )
        )
