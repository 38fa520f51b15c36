"""Leads of which it is not certain any more that Gestão Scouter holds them."""

from sync_pipelines.migrations import scripts

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    scripts.run("leads_doubts.sql")


def downgrade() -> None:
    raise NotImplementedError("What is doubted is never forgotten by this project.")
