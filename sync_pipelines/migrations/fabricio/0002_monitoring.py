"""The requirement's monitoring queries as views."""

from sync_pipelines.migrations import scripts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    scripts.run("monitoring.sql")


def downgrade() -> None:
    raise NotImplementedError("Tables of the application are never dropped by this project.")
