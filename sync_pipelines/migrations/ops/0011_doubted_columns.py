"""Which columns of a lead are doubted: what is empty in another one was emptied by somebody."""

from sync_pipelines.migrations import scripts

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    scripts.run("doubted_columns.sql")


def downgrade() -> None:
    raise NotImplementedError("A doubt would be about every column of a lead again.")
