"""Landed files, rejects and proofs."""

from sync_pipelines.migrations import scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    scripts.run("ledger.sql")


def downgrade() -> None:
    raise NotImplementedError("The ledger is never dropped by a migration.")
