"""The SQL of the reverse sync: one statement per file in `sql/`, some with gaps that the mapping fills."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from psycopg import sql

_FOLDER = Path(__file__).with_name("sql")


@cache
def statement(name: str) -> sql.SQL:
    """The statement of a file. Read when it is first needed: an import reads no file."""
    return sql.SQL((_FOLDER / f"{name}.sql").read_text())
