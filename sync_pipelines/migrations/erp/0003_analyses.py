"""The private tables of the analyses."""

from pathlib import Path

from sync_pipelines.migrations import scripts

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    scripts.run(Path(__file__).with_name("analyses.sql"))


def downgrade() -> None:
    raise NotImplementedError("What was read and made once is not dropped by this project.")
