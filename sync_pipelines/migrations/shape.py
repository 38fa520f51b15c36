"""The structure that a database must have once it is migrated.

`<database>/shape.json` is generated from a freshly migrated database (`make shapes`). `<database>/rules.toml` is
written by hand and holds what such a database cannot show: how an existing table may differ, and what we write to it.
A database whose tables only we use needs no rules.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sync_pipelines.migrations import items
from sync_pipelines.migrations.history import History
from sync_pipelines.migrations.items import Item, Items

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class KnownShape:
    """Another table of the same name that we know: by columns that it has and lacks, and by types of some."""

    name: str
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)

    def matches(self, types: Mapping[str, str]) -> bool:
        """Whether a table with columns of these types has this shape."""
        return (
            set(self.has) <= types.keys()
            and not types.keys() & set(self.lacks)
            and self.types.items() <= types.items()
        )


@dataclass(frozen=True)
class RowNote:
    """What a person should know of rows that a table has already: `sentence`, with their `{count}`.

    `where` selects them; a table without `column` has none but such rows. `ok` is False if the rows wait for a person.
    """

    table: str
    where: str
    sentence: str
    ok: bool
    column: str | None = None


@dataclass(frozen=True)
class Uniqueness:
    """Columns that the migration makes unique in a table with rows: of rows that repeat them, the one that a person
    is advised to keep has the greatest `newest`.
    """

    table: str
    columns: tuple[str, ...]
    newest: str


@dataclass(frozen=True)
class Table:
    """A table: its columns by name with the type as `format_type` prints it, the names of its indexes, its rules.

    `added` are columns that the migration adds to a table it finds; the others must be there. `written` are those
    that our inserts name (None: only we write here), `blank` those of them that a row may leave empty. `unique` are
    sets of columns that the migration makes unique. `values` must pass the CHECKs of their column. With `keeps_rules`
    the application's own keys and references are as its contract says, and prevent no insert. `counted` is a key that
    our inserts leave to the table: an integer that counts by itself. `known_shapes` are other tables of this name, the
    first that matches counts.
    """

    columns: Mapping[str, str]
    indexes: frozenset[str] = frozenset()
    unique: tuple[frozenset[str], ...] = ()
    added: frozenset[str] = frozenset()
    written: frozenset[str] | None = None
    blank: frozenset[str] = frozenset()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keeps_rules: bool = False
    counted: str | None = None
    known_shapes: tuple[KnownShape, ...] = ()


@dataclass(frozen=True)
class Rules:
    """The rules of one table as `rules.toml` has them: `Table`'s, but for two.

    `optional` are columns of a fresh table that one of the application's may lack. `unwritten` are the columns that
    our inserts leave to their defaults: `Table.written` are the others.
    """

    added: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    unwritten: tuple[str, ...] | None = None
    blank: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keeps_rules: bool = False
    counted: str | None = None
    known_shapes: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Shape:
    """A database: its private schema, everything that it has, and its tables with their rules.

    `allowed` has a value that the CHECKs on a column, (table, name), of the application's own tables must let pass.
    `dropped` are unique keys, (table, `unique (columns)`), that are in the way and that the migration drops.
    """

    private: str
    items: Items
    tables: Mapping[str, Table]
    allowed: Mapping[tuple[str, str], str] = field(default_factory=dict)
    notes: tuple[RowNote, ...] = ()
    unique: tuple[Uniqueness, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    version_table: str = "alembic_version"

    @property
    def views(self) -> list[str]:
        return [item.on for item in self.items if item.kind == "view"]

    @property
    def functions(self) -> list[str]:
        return [item.on for item in self.items if item.kind == "function"]


@cache
def load_shape(history: History) -> Shape:
    """The shape of a database after its newest migration."""
    folder = FOLDER / history.name
    rules = read_rules(history)
    tables = {name: Rules(**table) for name, table in rules.get("tables", {}).items()}
    unique = tuple(Uniqueness(**_as_tuples(one)) for one in rules.get("unique", ()))
    allowed = {
        (name, column): value
        for name, columns in rules.get("allowed", {}).items()
        for column, value in columns.items()
    }
    found = {
        item: value
        for item, value in items.load((folder / "shape.json").read_text()).items()
        if not _is_the_applications(item, tables.get(item.on, Rules()))
    }
    found |= {Item("value", f"{name}.{column}", value): "" for (name, column), value in allowed.items()}
    dropped = tuple(
        (one["table"], f"unique ({', '.join(one['columns'])})") for one in rules.get("dropped", ())
    )
    found |= {Item("absence", name, key): "" for name, key in dropped}
    names = [item.on for item in found if item.kind == "table"]
    return Shape(
        private=history.schema,
        items=found,
        tables={name: _table(name, found, tables.get(name, Rules()), unique=unique) for name in names},
        allowed=allowed,
        notes=tuple(RowNote(**note) for note in rules.get("notes", ())),
        unique=unique,
        dropped=dropped,
        version_table=history.version_table,
    )


def read_rules(history: History) -> dict[str, Any]:
    """The rules of a database as they are written; empty where it has none."""
    path = FOLDER / history.name / "rules.toml"
    return tomllib.loads(path.read_text()) if path.is_file() else {}


def _is_the_applications(item: Item, rules: Rules) -> bool:
    """Whether an item of a fresh database is no matter of ours where an application made the table."""
    if item.kind == "column":
        return item.name in rules.optional
    return item.kind == "sequence" and item.name == "anon" and bool(rules.added)


def _table(name: str, found: Items, rules: Rules, *, unique: Iterable[Uniqueness]) -> Table:
    columns = {item.name: value for item, value in found.items() if (item.kind, item.on) == ("column", name)}
    indexes = {item.name for item in found if (item.kind, item.on) == ("index", name)}
    unwritten = rules.unwritten
    return Table(
        columns=columns,
        indexes=frozenset(indexes),
        unique=tuple(frozenset(one.columns) for one in unique if one.table == name),
        added=frozenset(rules.added),
        written=None if unwritten is None else frozenset(columns) - frozenset(unwritten),
        blank=frozenset(rules.blank),
        values={column: tuple(values) for column, values in rules.values.items()},
        keeps_rules=rules.keeps_rules,
        counted=rules.counted,
        known_shapes=tuple(KnownShape(**_as_tuples(known)) for known in rules.known_shapes),
    )


def _as_tuples(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
