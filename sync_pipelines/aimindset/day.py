"""What a run reached; assets, checks and alerts read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive.retention import Pruning
from sync_pipelines.aimindset.backup.outcome import BackupOutcome
from sync_pipelines.aimindset.exclusion import BusyError
from sync_pipelines.lib import postgres
from sync_pipelines.lib.alerts import Delivery
from sync_pipelines.lib.archive.manifest import Archive
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.records.backups import Backup
from sync_pipelines.lib.redaction import redacted_exception


@dataclass
class Day(BackupOutcome):
    """The outcome of the backup and of the archive; `problems` say by asset what failed."""

    archive: Archive | None = None
    pruning: Pruning | None = None
    #: Proved backups of the day by asset that an earlier run made.
    existing: dict[str, Backup] = field(default_factory=dict)
    problems: dict[str, SyncError] = field(default_factory=dict)
    delivery: Delivery | None = None

    def is_made(self, asset: str) -> bool:
        """Whether the asset exists, made by this run or an earlier one."""
        made = {assets.BACKUP: self.backup or self.unproved, assets.ARCHIVE: self.archive}
        return asset in self.existing or made[asset] is not None

    def failures(self) -> dict[str, SyncError]:
        """The problems that a person must hear of: another run at work is none."""
        return {asset: error for asset, error in self.problems.items() if not isinstance(error, BusyError)}

    @contextmanager
    def catching(self, asset: str, what: str) -> Iterator[None]:
        """Keep an error of the block as the asset's problem, so that the other asset is made even so."""
        try:
            with postgres.errors_about(what):
                yield
        except SyncError as error:
            self.problems[asset] = error
        except Exception as error:  # a bug fails the day as well, and a person must hear of it
            self.problems[asset] = PermanentError(redacted_exception(error))
