"""What a push of the reverse sync is about to write, kept by page and no more by lead."""

from sync_pipelines.migrations import scripts

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    scripts.run("page_writes.sql")


def downgrade() -> None:
    raise NotImplementedError("What a killed push has left would be forgotten.")
