"""The private tables of the financials."""

from pathlib import Path

from sync_pipelines.migrations import scripts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    scripts.run(Path(__file__).with_name("financials.sql"))


def downgrade() -> None:
    raise NotImplementedError("What was read and made once is not dropped by this project.")
