"""The SQL of the revisions. A script is repeatable, so that a revision may run again where something is gone."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "sql"


def run(*names: str | Path) -> None:
    """Execute scripts in the revision's transaction: those of `migrations/sql` by name, others by their whole path."""
    from alembic import op

    connection = op.get_bind().execution_options(no_parameters=True)
    for name in names:
        connection.exec_driver_sql((_FOLDER / name).read_text())
