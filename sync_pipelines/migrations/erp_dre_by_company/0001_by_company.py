"""A row of `company_dre` for each company of a user and month, which an installation chooses."""

from pathlib import Path

from sync_pipelines.migrations import scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    scripts.run(Path(__file__).with_name("by_company.sql"))


def downgrade() -> None:
    raise NotImplementedError("Rows of several companies for one month do not fit into the former key.")
