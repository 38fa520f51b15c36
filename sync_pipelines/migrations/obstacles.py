"""What an existing table may have that would make our inserts fail, though our columns are all there."""

from __future__ import annotations

from collections.abc import Iterator

from sync_pipelines.migrations.live import Constraint, Relation
from sync_pipelines.migrations.shape import Table

#: The types of a key that counts by itself.
INTEGERS = ("bigint", "integer")


def unfilled_columns(relation: Relation, table: Table) -> Iterator[str]:
    """Columns that refuse NULL, and that a row of ours leaves out or may leave empty."""
    written = _written(table)
    for column, about in relation.columns.items():
        if (about.required and column not in written) or (about.filled and column in table.blank):
            yield column


def refused_checks(relation: Relation, table: Table) -> Iterator[tuple[str, str, list[str]]]:
    """CHECKs that refuse a value of ours, as (name, column, values)."""
    for column, values in table.values.items():
        for check in relation.checks:
            if check.columns == (column,) and (refused := check.refused(values)):
                yield check.name, column, refused


def refused_references(relation: Relation, table: Table) -> Iterator[Constraint]:
    """Foreign keys that an application put on columns that we write: it knows nothing of our values."""
    written = table.written or frozenset()  # tables that only we use have foreign keys of ours
    return (each for each in relation.references if written.intersection(each.columns))


def refused_uniques(relation: Relation, table: Table) -> Iterator[Constraint]:
    """Unique indexes of others on columns that we write: rows of ours may repeat there.

    Not where ours is on the same columns: the other one, whatever its name, allows what ours allows.
    """
    for unique in relation.uniques:
        ours = unique.name in table.indexes or frozenset(unique.columns) in table.unique
        if not ours and set(unique.columns) <= _written(table) and unique.columns:
            yield unique


def _written(table: Table) -> frozenset[str]:
    return frozenset(table.columns) if table.written is None else table.written
