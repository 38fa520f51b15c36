"""The base of the reverse sync: how each field of a lead was last seen there, and what is being written there."""

from sync_pipelines.migrations import scripts

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    scripts.run("lead_fields.sql")


def downgrade() -> None:
    raise NotImplementedError("Without the base of a merge the next one could not tell who changed a field.")
