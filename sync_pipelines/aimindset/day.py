"""What a day brought: the record that the system fills and its assets, checks and alerts read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_pipelines.aimindset.archive.pipeline import Pruning
from sync_pipelines.aimindset.backup.answer import Answer
from sync_pipelines.aimindset.backup.load import Backup
from sync_pipelines.aimindset.backup.validate import Preflight
from sync_pipelines.lib.alerts import Delivery
from sync_pipelines.lib.archive.write import Archive
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.records import backups


@dataclass
class Day:
    """What a day brought; `problems` by asset say what did not succeed."""

    partition_key: str
    look: Preflight | None = None
    uncovered: Mapping[str, list[str]] = field(default_factory=dict)
    backup: Backup | None = None
    unproved: Answer | None = None
    archive: Archive | None = None
    pruning: Pruning | None = None
    already: dict[str, backups.Backup] = field(default_factory=dict)
    generations: int = 0
    #: Content that has fewer rows than in the last backup, a sentence each.
    fewer: list[str] = field(default_factory=list)
    problems: dict[str, SyncError] = field(default_factory=dict)
    delivery: Delivery | None = None
