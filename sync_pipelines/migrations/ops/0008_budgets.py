"""What was called when, who waits for a call, and what is blocked: the state of `lib/http/budget`."""

from sync_pipelines.migrations import scripts

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    scripts.run("budgets.sql")


def downgrade() -> None:
    raise NotImplementedError("Without its calls of the last minute a budget would allow too many.")
