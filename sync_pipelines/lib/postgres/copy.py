"""COPY into a table, and lists of values as one parameter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from psycopg import sql

from sync_pipelines.lib.postgres.connection import Connection, table

COPY_BATCH = 500
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(
    connection: Connection, target: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """COPY rows (values in the order of `columns`) into a table."""
    with connection.cursor() as cursor, cursor.copy(_copy_into(target, columns)) as copy:
        for row in rows:
            copy.write_row(row)


def copy_texts(
    connection: Connection, target: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, null: str
) -> None:
    """COPY rows whose values are texts already; the text `null` stands for NULL.

    It takes a third of the time of `copy_rows`: it converts nothing, and escapes only the rows that need it.
    """
    statement = _copy_into(target, columns) + sql.SQL(" (null {})").format(sql.Literal(null))
    tabs = len(columns) - 1
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for batch in batched(rows, COPY_BATCH):
            lines = []
            for row in batch:
                line = "\t".join(row)
                if "\\" in line or "\n" in line or "\r" in line or line.count("\t") != tabs:
                    line = "\t".join(value.translate(_COPY_ESCAPES) for value in row)
                lines.append(line)
            copy.write("\n".join(lines) + "\n")


def array(values: Iterable[object]) -> str:
    """An array as text, to be cast where it is used; None is NULL.

    For values whose text has no comma, brace, quote or backslash: numbers, uuids, times, words. A list as a parameter
    takes five times as long, which matters for arrays of thousands of elements.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def batched(rows: Iterable[Sequence[str]], size: int) -> Iterator[list[Sequence[str]]]:
    """Lists of at most `size` rows (itertools has it from Python 3.12 on)."""
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch


def _copy_into(target: str, columns: Sequence[str]) -> sql.Composed:
    return sql.SQL("copy {} ({}) from stdin").format(
        table(target), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
