"""Rejects say where a value stands by a locator: not every source has rows and columns of a sheet."""

from sync_pipelines.migrations import scripts

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    scripts.run("reject_locators.sql")


def downgrade() -> None:
    raise NotImplementedError("Rejects are never dropped by a migration.")
