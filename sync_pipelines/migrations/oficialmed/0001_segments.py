"""The private tables of the sync of segments, the two columns of the leads, the uniqueness of the control table."""

from pathlib import Path

from sync_pipelines.migrations import scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    scripts.run(Path(__file__).with_name("segments.sql"))


def downgrade() -> None:
    raise NotImplementedError("Tables of the application are never dropped by this project.")
