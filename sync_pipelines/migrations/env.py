"""Alembic's entry for every history; the runner hands the connection and the bookkeeping schema over."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table_schema=attributes["schema"],
    version_table=attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
