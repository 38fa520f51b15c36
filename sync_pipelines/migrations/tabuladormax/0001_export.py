"""The export's control tables, their row security, the indexes that a push by day needs."""

from sync_pipelines.migrations import scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    scripts.run("leads_export.sql")


def downgrade() -> None:
    raise NotImplementedError("Tables of the application are never dropped by this project.")
