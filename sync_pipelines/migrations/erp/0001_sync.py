"""The key of an invoice on its import, and the private tables of the sync."""

from pathlib import Path

from sync_pipelines.migrations import scripts

revision = "0001"
down_revision = None

#: In this order: each needs those before it.
_SCRIPTS = ("invoices.sql", "products.sql", "credits.sql")


def upgrade() -> None:
    for name in _SCRIPTS:
        scripts.run(Path(__file__).with_name(name))


def downgrade() -> None:
    raise NotImplementedError("Tables of the application are never dropped by this project.")
