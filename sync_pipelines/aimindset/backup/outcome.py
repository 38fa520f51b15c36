"""What a backup reached, also if an error ended it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_pipelines.aimindset.backup.answer import Answer
from sync_pipelines.aimindset.backup.load import ProvedBackup
from sync_pipelines.aimindset.backup.validate import Preflight


@dataclass
class BackupOutcome:
    """Filled in by the steps of the backup as they are reached."""

    preflight: Preflight | None = None
    #: Columns that no copy has, by table.
    uncovered: Mapping[str, list[str]] = field(default_factory=dict)
    backup: ProvedBackup | None = None
    #: The answer of a call by RPC.
    unproved: Answer | None = None
    #: Content with fewer rows than in the last backup, a sentence each.
    losses: list[str] = field(default_factory=list)
    #: How many backups the project's database holds.
    generations: int = 0
