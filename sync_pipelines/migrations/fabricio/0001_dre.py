"""The DRE tables, the execution log and the private schema."""

from sync_pipelines.migrations import scripts

revision = "0001"
down_revision = None


def upgrade() -> None:
    scripts.run("dre_application.sql", "dre_lines.sql")


def downgrade() -> None:
    raise NotImplementedError("Tables of the application are never dropped by this project.")
