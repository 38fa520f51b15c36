"""Leads on their way to Gestão Scouter and back."""

from sync_pipelines.migrations import scripts

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    scripts.run("leads_exchange.sql")


def downgrade() -> None:
    raise NotImplementedError("What was exchanged is never dropped by this project.")
