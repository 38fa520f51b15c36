"""Which backups of the DRE stay, by the policy and by what they hold now."""

from __future__ import annotations

from datetime import UTC, datetime

from sync_pipelines.hitss.backup.prove import verify
from sync_pipelines.hitss.backup.tables import ASSET, find_tables
from sync_pipelines.lib.archive import retention
from sync_pipelines.lib.archive.retention import Candidate, Plan, Policy
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.records.backups import BackupCatalog


def plan_retention(connection: Connection, catalog: BackupCatalog, policy: Policy, now: datetime) -> Plan:
    """The plan over the backups that exist; one that somebody else dropped is recorded as removed.

    A backup that takes the place of a dropped one is verified first, and so is each that would be dropped: a table that
    somebody altered, or created under an old name, is not ours to drop.
    """
    tables = find_tables(connection)
    backups = catalog.backups(ASSET)
    for backup in backups:
        if backup.name not in tables:
            catalog.mark_removed(ASSET, backup.name)
    known = {backup.name: backup for backup in backups if backup.name in tables}
    candidates = [
        Candidate(one.name, one.made_at, one.proved, purpose=one.purpose, pinned=one.pinned)
        for one in known.values()
    ]

    def verify_ours(name: str) -> list[str]:
        if tables[name] is None:
            return ["it does not bear our mark"]
        return verify(connection, known[name])

    def decide() -> Plan:
        return retention.plan_verified(candidates, policy, zone=UTC, now=now, verify=verify_ours)

    altered = {name: "; ".join(wrong[:3]) for name in decide().drop if (wrong := verify_ours(name))}
    candidates = [one._replace(altered=altered.get(one.name)) for one in candidates]
    return decide()
