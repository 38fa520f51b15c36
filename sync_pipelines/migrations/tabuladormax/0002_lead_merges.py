"""Conflicts of the reverse sync, and what its merges saw, beside the leads that they wrote."""

from sync_pipelines.migrations import scripts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    scripts.run("lead_merges.sql")


def downgrade() -> None:
    raise NotImplementedError("Conflicts hold values that stand nowhere else.")
