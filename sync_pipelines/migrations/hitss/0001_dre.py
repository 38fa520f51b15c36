"""The tables of the mirror, with the execution log, as in the project that loads the DRE."""

from sync_pipelines.migrations import scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    scripts.run("dre_application.sql")


def downgrade() -> None:
    raise NotImplementedError("Tables of the application are never dropped by this project.")
