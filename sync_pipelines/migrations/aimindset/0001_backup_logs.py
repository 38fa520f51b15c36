"""One more allowed value in `backup_logs.action_type`, for owners who want it."""

from sync_pipelines.migrations import scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    scripts.run("backup_logs.sql")


def downgrade() -> None:
    raise NotImplementedError("Rows may hold the value by now: the check is not narrowed by this project.")
