"""Writes `<database>/shape.json` from freshly migrated databases: `make shapes`, after a change of a migration."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg

from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import catalog, items, revisions, shape
from sync_pipelines.migrations.history import History
from sync_pipelines.migrations.items import API_ROLES, Item
from sync_pipelines.migrations.live import Live
from sync_pipelines.migrations.shape import FOLDER, Shape, Table

_RELATIONS = """
    select nspname || '.' || relname, relkind = 'v'
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where nspname !~ '^pg_|^information_schema$' and relkind in ('r', 'p', 'v') and relname !~ '^alembic_version'
    order by pg_class.oid
"""


def generate(history: History, url: str) -> str:
    """Migrate an empty database that has the roles of the API; returns the text of its `shape.json`.

    Tables of the application that the migration changes are first made as far as we use them, which the rules say
    (`application`).
    """
    if application := shape.read_rules(history).get("application"):
        with psycopg.connect(url) as connection:
            connection.execute(application.encode())
    before = _read(history, url)
    # Not `runner.upgrade`: that compares with the shape, which is older than the revisions, or not there yet.
    with revisions.transaction(history, url) as transaction:
        revisions.apply(history, transaction)
    after = _read(history, url)
    changed = {item.on for item, value in after.items.items() if before.items.get(item) != value}
    return items.dump({item: value for item, value in _ours(after) if item.on in changed})


def _read(history: History, url: str) -> Live:
    """Everything in the application's schemas and in our own, in the order in which it was made."""
    with postgres.connect(url, what=history.what, read_only=True) as connection:
        relations = connection.execute(_RELATIONS).fetchall()
        found = {Item("view" if is_view else "table", name): "" for name, is_view in relations}
        tables = {item.on: Table({}) for item in found if item.kind == "table"}
        live = catalog.read(connection, Shape(history.schema, found, tables))
    functions = {Item("function", value): "" for item, value in live.items.items() if item.kind == "trigger"}
    every = {**live.items, **functions}
    places = [history.schema, *(item.on for item in functions), *(name for name, _is_view in relations)]
    in_order = sorted(every, key=lambda item: (places.index(item.on), _rank(item)))
    return replace(live, items={item: every[item] for item in in_order})


def _rank(item: Item) -> tuple[int, str]:
    """Columns as the table has them, after the table itself; the rest by name, because the catalog has no order."""
    kinds = ("schema", "table", "view", "column")
    return (kinds.index(item.kind), "") if item.kind in kinds else (len(kinds), f"{item.kind} {item.name}")


def _ours(live: Live) -> Iterator[tuple[Item, str]]:
    """What a migrated database must have; the rest follows from that, or is the application's to decide."""
    relations = live.relations.values()
    of_constraints = {one.primary for one in relations}
    of_constraints |= {unique.name for one in relations for unique in one.uniques if unique.constraint}
    views = {item.on for item in live.items if item.kind == "view"}
    # The migration decides who may read what it puts under row security, and its views.
    governed = {item.on for item in live.items if item.kind == "rls"} | views
    for item, value in live.items.items():
        if (
            (item.kind == "index" and item.name in of_constraints)
            or (item.kind == "column" and item.on in views)
            or (item.kind in ("grants", "sequence") and item.on not in governed)
            or (item.kind, item.name) in {("sequence", "authenticated"), ("usage", "service_role")}
        ):
            continue
        yield item, value


def main() -> None:
    """Write the shapes of the databases that are named, or of all."""
    names = sorted(path.parent.name for path in FOLDER.glob("*/0001_*.py"))
    with (
        tempfile.TemporaryDirectory() as folder,
        PostgresServer(Path(folder) / "server", durable=False) as server,
    ):
        with psycopg.connect(server.url(), autocommit=True) as connection:
            for role in API_ROLES:
                connection.execute(f"create role {role} nologin".encode())
        for name in sys.argv[1:] or names:
            history = History(name, shape.read_rules(History(name)).get("database"))
            text = generate(history, server.create_database(name))
            (FOLDER / name / "shape.json").write_text(text)


if __name__ == "__main__":
    main()
