"""The inbox holds changes of any topic, known by a key that is a text: not only leads arrive by webhook."""

from sync_pipelines.migrations import scripts

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    scripts.run("inbox_topics.sql")


def downgrade() -> None:
    raise NotImplementedError("What waits in the inbox is never dropped by a migration.")
