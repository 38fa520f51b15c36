"""Which archives go, after those that stay were verified: a damaged one may not take the slot of one that restores."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive.stored import StoredArchives
from sync_pipelines.lib.archive.manifest import MANIFEST
from sync_pipelines.lib.archive.retention import Candidate, Plan, Policy, plan_verified
from sync_pipelines.lib.records.backups import BackupCatalog


@dataclass(frozen=True)
class Pruning:
    """The plan over intact archives, and by id what is wrong with damaged ones: these stay, for a person to save."""

    plan: Plan
    damaged: Mapping[str, list[str]]

    def sentences(self) -> list[str]:
        """All of it, for a person to read before anything is removed."""
        said = [
            f"{name} is not intact and fills no place: {'; '.join(wrong[:3])}"
            for name, wrong in self.damaged.items()
        ]
        return [*said, *self.plan.sentences()]


@dataclass(frozen=True)
class ArchiveRetention:
    """The policy over the archives that the catalog has."""

    archives: StoredArchives
    policy: Policy

    def plan(self, catalog: BackupCatalog, now: datetime, *, intact: Collection[str] = ()) -> Pruning:
        """Decide which archives go; removes none.

        `intact` were read back by this run and are not verified again. An archive that somebody removed from the store
        is marked as removed in the catalog.
        """
        recorded = {backup.name: backup for backup in catalog.backups(assets.ARCHIVE)}
        damaged = self._incomplete(recorded)
        for name in recorded.keys() - self.archives.ids():
            catalog.mark_removed(assets.ARCHIVE, name)

        def verify(name: str) -> list[str]:
            wrong = [] if name in intact else self.archives.checksum_problems(recorded[name])
            if wrong:
                damaged[name] = wrong
            return wrong

        decided = plan_verified(
            (
                Candidate(backup.name, backup.made_at, proved=backup.proved, pinned=backup.pinned)
                for backup in recorded.values()
                if backup.name not in damaged
            ),
            self.policy,
            zone=UTC,
            now=now,
            verify=verify,
            always=True,
        )
        kept = {name: reasons for name, reasons in decided.keep.items() if name not in damaged}
        return Pruning(Plan(kept, decided.drop), damaged)

    def apply(self, catalog: BackupCatalog, plan: Plan) -> None:
        """Remove the archives that a plan drops."""
        for name in plan.drop:
            self.archives.remove(name)
            catalog.mark_removed(assets.ARCHIVE, name)

    def _incomplete(self, recorded: Collection[str]) -> dict[str, list[str]]:
        """Of recorded archives those without a manifest, and those that somebody removed."""
        complete, stored = self.archives.complete_ids(), self.archives.ids()
        return {
            name: [f"{MANIFEST} is missing."] if name in stored else ["somebody removed it from the store."]
            for name in recorded
            if name not in complete
        }
