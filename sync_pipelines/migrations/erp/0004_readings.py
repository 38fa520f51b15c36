"""When details and vanished invoices were last asked for."""

from pathlib import Path

from sync_pipelines.migrations import scripts

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    scripts.run(Path(__file__).with_name("readings.sql"))


def downgrade() -> None:
    raise NotImplementedError("What was read and made once is not dropped by this project.")
