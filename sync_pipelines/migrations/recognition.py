"""Does a database that somebody else made have the tables that we think it has?

A table of the requirement may exist in other versions under one name; `<database>/rules.toml` describes those that
we know. Only the requirement's own can be extended; another is refused with its name, before a statement changes
anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from sync_pipelines.migrations.alterations import alterations
from sync_pipelines.migrations.comparison import compatible
from sync_pipelines.migrations.live import TABLE_KINDS, Live, Relation
from sync_pipelines.migrations.obstacles import (
    INTEGERS,
    refused_checks,
    refused_references,
    refused_uniques,
    unfilled_columns,
)
from sync_pipelines.migrations.shape import Shape, Table


def unknown_shapes(live: Live, shape: Shape, what: str, setting: str) -> list[str]:
    """A sentence for each existing relation that the migration cannot bring into shape.

    Each gives the statements that would change that, one a line.
    """
    sentences: list[str] = []
    for name, relation in live.relations.items():
        aside = _aside(name, setting)
        if name in shape.tables:
            sentences += _unknown_table(name, relation, shape.tables[name], what=what, aside=aside)
        elif name in shape.views and relation.kind != "v":
            sentences.append(
                f"{name} in {what} is not the view of this project. Nothing was changed: {aside}"
            )
    for (name, column), value in shape.allowed.items():
        if not _has_room(live.relations.get(name), column, value):
            sentences.append(
                f"{what} has no table {name} with a column {column} of text that has room for {value}. Nothing"
                f" was changed: let {setting} name the database that has it."
            )
    return sentences


def _unknown_table(name: str, relation: Relation, table: Table, what: str, aside: str) -> Iterator[str]:
    statements = "\n".join(alterations(name, relation, table))
    if differences := list(_differences(relation, table)):
        cure = f". To bring it there, run:\n{statements}\nOr {aside}" if statements else f": {aside}"
        yield (
            f"{name} in {what} is {_recognised(relation, table)}, not the one this project fills:"
            f" {'; '.join(differences)}. Nothing was changed{cure}"
        )
    elif obstacles := list(_obstacles(relation, table)):
        yield (
            f"{name} in {what} would refuse what this project writes: {'; '.join(obstacles)}. Nothing was"
            f" changed. To bring it there, run:\n{statements}\n"
        )


def _aside(name: str, setting: str) -> str:
    schema, _, bare = name.partition(".")
    return (
        f"move it aside with its indexes (create schema {schema}_before; alter table {name} set schema"
        f" {schema}_before) and migrate again, or let {setting} name another database than the one with this"
        f" {bare}."
    )


def _has_room(relation: Relation | None, column: str, value: str) -> bool:
    found = relation.columns.get(column) if relation is not None and relation.kind in TABLE_KINDS else None
    return found is not None and compatible(f"character varying({len(value)})", found.type)


def _differences(relation: Relation, table: Table) -> Iterator[str]:
    """What cannot be added: another kind of relation, columns that lack or have another type."""
    if relation.kind not in TABLE_KINDS:
        yield "it is not a table"
        return
    missing = [column for column in table.columns if column not in {*relation.columns, *table.added}]
    if missing:
        yield f"it lacks {', '.join(missing)}"
    for column, wanted in table.columns.items():
        found = relation.columns.get(column)
        if found is not None and not compatible(wanted, found.type):
            yield f"{column} is {found.type} instead of {wanted}"
    key = table.counted
    counted = relation.columns.get(key) if key else None
    if counted is not None and counted.type in INTEGERS and not counted.counted:
        yield f"{key} does not count by itself from a sequence"


def _obstacles(relation: Relation, table: Table) -> Iterator[str]:
    """What is there beside, and would make our inserts fail."""
    for check, column, refused in refused_checks(relation, table):
        yield f"the check {check} refuses {', '.join(refused)} in {column}: widen or drop it"
    if table.keeps_rules:
        return
    for column in unfilled_columns(relation, table):
        yield f"column {column} must be filled, and this project may leave it empty: let it be null"
    for reference in refused_references(relation, table):
        yield f"the foreign key {reference.name} of {', '.join(reference.columns)} refuses our values: drop it"
    for unique in refused_uniques(relation, table):
        yield f"the unique index {unique.name} allows each {', '.join(unique.columns)} only once: drop it"


def _recognised(relation: Relation, table: Table) -> str:
    types = {name: column.type for name, column in relation.columns.items()}
    return next((known.name for known in table.known_shapes if known.matches(types)), "of an unknown shape")
