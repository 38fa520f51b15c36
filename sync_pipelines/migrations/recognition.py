"""Does a database that somebody else made have the tables that we think it has?

The requirement's tables exist in at least four versions under one name (contract of HITSS, section 5). Only
the requirement's own can be extended; what was meant for another is refused with its name, before a
statement changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from sync_pipelines.migrations.catalog import Column, Constraint, Live, Relation
from sync_pipelines.migrations.comparison import compatible
from sync_pipelines.migrations.shape import Shape, Table

#: Keys that count by themselves.
COUNTED = {"public.dre_hitss": "id"}


def unknown_shapes(live: Live, shape: Shape, what: str, setting: str) -> list[str]:
    """A sentence for each existing table that the migration cannot bring into shape.

    Each gives the statements that would change that, one a line.
    """
    from sync_pipelines.migrations.alterations import alterations

    sentences = []
    for name, relation in live.relations.items():
        table = shape.tables[name]
        cure = "\n".join(alterations(name, relation, table))
        cure = f" To bring it there, run:\n{cure}\n" if cure else ""
        if differences := list(_differences(name, relation, table)):
            schema, bare = name.split(".")
            sentences.append(
                f"{name} in {what} is {_recognised(name, relation)}, not the one this project fills:"
                f" {'; '.join(differences)}. Nothing was changed.{cure or ' '}Or move it aside with its indexes"
                f" (create schema {schema}_before; alter table {name} set schema {schema}_before) and migrate"
                f" again, or let {setting} name another database than the one with this {bare}."
            )
        elif obstacles := list(_obstacles(relation, table)):
            sentences.append(
                f"{name} in {what} would refuse what this project writes: {'; '.join(obstacles)}. Nothing was"
                f" changed.{cure}"
            )
    return sentences


def _differences(name: str, relation: Relation, table: Table) -> Iterator[str]:
    """What cannot be added: another kind of relation, columns that lack or have another type."""
    if relation.kind not in "rp":
        yield "it is not a table"
        return
    missing = [column for column in table.columns if column not in {*relation.columns, *table.added}]
    if missing:
        yield f"it lacks {', '.join(missing)}"
    for column, wanted in table.columns.items():
        found = relation.columns.get(column)
        if found is not None and not compatible(wanted, found.type):
            yield f"{column} is {found.type} instead of {wanted}"
    counted = relation.columns.get(COUNTED.get(name, ""))
    if counted is not None and counted.type in ("bigint", "integer") and not counted.counted:
        yield "id does not count by itself from a sequence"


def _obstacles(relation: Relation, table: Table) -> Iterator[str]:
    """What is there beside, and would make our inserts fail."""
    for column in unfilled_columns(relation, table):
        yield f"column {column} must be filled and has no default: give it one, or let it be null"
    for check, column, refused in refused_checks(relation, table):
        yield f"the check {check} refuses {', '.join(refused)} in {column}: widen or drop it"
    for unique in refused_uniques(relation, table):
        yield f"the unique index {unique.name} allows each {', '.join(unique.columns)} only once: drop it"


def unfilled_columns(relation: Relation, table: Table) -> Iterator[str]:
    """Columns that refuse a row of ours because it does not name them."""
    written = _written(table)
    for column, about in relation.columns.items():
        if about.required and column not in written:
            yield column


def refused_checks(relation: Relation, table: Table) -> Iterator[tuple[str, str, list[str]]]:
    """CHECKs that refuse a value of ours, as (name, column, values)."""
    for column, values in table.values.items():
        for check in relation.checks:
            refused = [value for value in values if f"'{value}'" not in check.definition]
            if check.columns == (column,) and refused:
                yield check.name, column, refused


def refused_uniques(relation: Relation, table: Table) -> Iterator[Constraint]:
    """Unique indexes that are not ours: lines repeat, and must be free to (contract of HITSS, section 7)."""
    for unique in relation.uniques:
        if unique.name not in table.indexes and set(unique.columns) <= _written(table) and unique.columns:
            yield unique


def _written(table: Table) -> frozenset[str]:
    return frozenset(table.columns) if table.written is None else table.written


def _recognised(name: str, relation: Relation) -> str:
    columns = relation.columns
    if name == "public.dre_hitss":
        return _recognised_dre(columns)
    if name == "public.system_logs" and "metadata" in columns and "context" not in columns:
        return "the log table of migration 003 (metadata, execution_id as a foreign key)"
    if name == "public.automation_executions" and "execution_id" in columns:
        return "the execution table of the production application"
    return "of an unknown shape"


def _recognised_dre(columns: dict[str, Column]) -> str:
    if "id" in columns and columns["id"].type == "uuid" and "ano" in columns:
        if "row_hash" in columns or "relatorio" in columns:
            return "the production table with the workbook's columns (shape D)"
        return "the table of the cache fix (shape C)"
    if "upload_batch_id" in columns:
        return "the table of the manual upload (shape B)"
    return "of an unknown shape"
