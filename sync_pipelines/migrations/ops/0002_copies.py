"""The copies that backups made, the drills that restored them, the alerts that left, what people decided."""

from sync_pipelines.migrations import scripts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    scripts.run("copies.sql")


def downgrade() -> None:
    raise NotImplementedError("What was recorded of backups is never dropped by this project.")
