"""A copy that a person pinned is left by retention."""

from sync_pipelines.migrations import scripts

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    scripts.run("pinned_copies.sql")


def downgrade() -> None:
    raise NotImplementedError("What was recorded of backups is never dropped by this project.")
