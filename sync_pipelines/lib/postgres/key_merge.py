"""Rows merged by key: what documents say of a row is written, and whatever they do not mention stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, LiteralString, NamedTuple, Self

from psycopg import sql

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres.catalog import TableColumn, columns_of, defaults_of
from sync_pipelines.lib.postgres.connection import Connection, table
from sync_pipelines.lib.postgres.merge import Changes

#: The values of a row's key, in the order of `KeyMerge.key`.
Key = tuple[Any, ...]
Parameters = Mapping[str, object]
#: A row that is deleted between two statements is inserted in the next round; more rounds are no coincidence.
_ROUNDS = 5


class Merged(NamedTuple):
    """What a merge did, key by key."""

    inserted: frozenset[Key]
    changed: frozenset[Key]
    unchanged: frozenset[Key]

    @property
    def changes(self) -> Changes:
        return Changes(len(self.inserted), len(self.changed), len(self.unchanged))


class Difference(NamedTuple):
    """A row that is not what its document says: the columns that differ, or all of it because it is not there."""

    key: Key
    columns: tuple[str, ...]
    is_missing: bool


@dataclass(frozen=True)
class KeyMerge:
    """Writes what documents say of rows of `target`, in the caller's transaction; it deletes nothing.

    `source` is a table or a bracketed query with the columns `key` and `doc`: a jsonb object with one value for each
    column of which it says something. Only `columns` are read and written. A column that the document lacks stays as
    it is, and gets its default in a new row; JSON null is NULL. A row that differs nowhere is not rewritten.
    `stamped` are parameters for written rows only (a moment), which do not count as a difference.

    `key` needs a unique index. Rows are inserted and locked in the order of the key, and compared under the lock, so
    that two merges neither deadlock nor overwrite what they did not see. A document's value has to fit its column:
    the database refuses the whole merge otherwise. Composed once, run for many sources.
    """

    source: sql.Composable
    target: str
    key: Sequence[str]
    columns: Sequence[TableColumn]
    #: The expressions of the columns' defaults, as the catalog writes them.
    defaults: Mapping[str, str]
    stamped: Sequence[str] = ()

    @classmethod
    def of_table(
        cls,
        connection: Connection,
        *,
        source: sql.Composable,
        target: str,
        key: Sequence[str],
        columns: Iterable[str],
        stamped: Sequence[str] = (),
    ) -> Self:
        """The merge into a live table. Raises PermanentError if it lacks a column, or generates it."""
        live = {column.name: column for column in columns_of(connection, target)}
        names = list(columns)
        if missing := [name for name in [*key, *names, *stamped] if name not in live]:
            raise PermanentError(f"{target} has no column {', '.join(missing)} that can be written.")
        defaults = defaults_of(connection, target)
        return cls(
            source=source,
            target=target,
            key=key,
            columns=[live[name] for name in names],
            defaults={name: defaults[name] for name in names if name in defaults},
            stamped=stamped,
        )

    def run(self, connection: Connection, parameters: Parameters | None = None) -> Merged:
        """Merge the source. Raises PermanentError for a key that it has twice or not at all, or without a document.

        `parameters` are those of `source` and `stamped`.
        """
        rows = self._check_source(connection, parameters or {})
        given = {**(parameters or {}), _ROWS: rows}
        inserted = set[Key]()
        for _ in range(_ROUNDS):
            inserted |= self._keys("insert", connection, given)
            locked = self._keys("lock", connection, given)
            if len(locked) == rows:
                break
        else:
            raise PermanentError(
                f"{rows - len(locked)} of {rows} rows of {self.target} were neither inserted nor found: a trigger or"
                " row-level security of the table keeps them out."
            )
        # One that was inserted and deleted beside us was inserted again; a trigger may have altered it since.
        changed = self._keys("update", connection, given) - inserted
        return Merged(frozenset(inserted), frozenset(changed), frozenset(locked - inserted - changed))

    def differences(self, connection: Connection, parameters: Parameters | None = None) -> list[Difference]:
        """The rows that are not what their documents say, in the order of their keys: none, unless a trigger wrote.

        Call it after `end_writes`: a deferred trigger may still change rows before.
        """
        rows = self._check_source(connection, parameters or {})
        given = {**(parameters or {}), _ROWS: rows}
        found = connection.execute(self._statements["differences"], given).fetchall()
        return [
            Difference(tuple(key), () if is_missing else tuple(columns), is_missing)
            for *key, columns, is_missing in found
        ]

    def _check_source(self, connection: Connection, parameters: Parameters) -> int:
        """The number of documents, if each has a key of its own and is an object."""
        counts = connection.execute(self._statements["count"], parameters).fetchone()
        assert counts
        rows, keys, objects = counts
        if rows == keys == objects:
            return int(rows)
        bad = connection.execute(self._statements["bad_key"], parameters).fetchone()
        assert bad
        *key, times = bad
        named = ", ".join(f"{name} {value}" for name, value in zip(self.key, key, strict=True))
        what = f"is there {times} times" if times > 1 else "has no document that is an object, or no key"
        raise PermanentError(f"What is to be merged into {self.target} cannot be: {named} {what}.")

    def _keys(self, statement: str, connection: Connection, parameters: Parameters) -> set[Key]:
        return set(connection.execute(self._statements[statement], parameters).fetchall())

    @cached_property
    def _statements(self) -> dict[str, bytes]:
        names = [column.name for column in self.columns]
        written = _each("{0}", [*names, *self.stamped], ", ")
        stamps: list[sql.Composable] = [sql.Placeholder(name) for name in self.stamped]
        news = [_said(name, _verbatim(self.defaults.get(name, "null"))) for name in names]
        said = [_said(name, _name("target", name)) for name in names]
        given = {
            "source": self.source,
            "key": _each("{0}", self.key, ", "),
            "rows": sql.Placeholder(_ROWS),
        }
        parts = {
            **given,
            "keys": sql.SQL(_KEYS).format(**given),
            "documents": sql.SQL(_DOCUMENTS).format(**given),
            "record": _record(self.columns),
            "target": table(self.target),
            "on": _each("target.{0} = source.{0}", self.key, " and "),
            "source_key": _each("source.{0}", self.key, ", "),
            "target_key": _each("target.{0}", self.key, ", "),
            "no_key": _each("source.{0} is null", self.key, " or "),
            "first_key": _name(self.key[0]),
            "names": sql.SQL(", ").join([_each("{0}", self.key, ", "), written]),
            "news": sql.SQL(", ").join([_each("source.{0}", self.key, ", "), *news, *stamps]),
            "before": _each("target.{0}", names, ", "),
            "after": sql.SQL(", ").join(said),
            "written": written,
            "changes": sql.SQL(", ").join([*said, *stamps]),
            "different": sql.SQL(", ").join(
                sql.SQL("case when {} is distinct from {} then {} end").format(
                    _name("target", name), value, _text(name)
                )
                for name, value in zip(names, said, strict=True)
            ),
        }
        return {name: sql.SQL(text).format(**parts).as_bytes(None) for name, text in _MERGE.items()}


#: The parameter with the number of documents.
_ROWS = "documents in the source"
# The limit tells the planner how many there are: of a temporary table it would guess thousands, and read all of the
# target for fifty. A document of some thousand bytes is stored compressed: without the concatenation, it would be
# unpacked once a column.
_KEYS: LiteralString = "(select {key} from {source} as source limit {rows})"
_DOCUMENTS: LiteralString = "(select {key}, doc || '{{}}'::jsonb as doc from {source} as source limit {rows})"

_MERGE: dict[str, LiteralString] = {
    "count": "select count(*), count(distinct ({source_key})) filter (where not ({no_key})),"
    " count(*) filter (where jsonb_typeof(source.doc) = 'object') from {source} as source",
    "bad_key": "select {source_key}, count(*) from {source} as source group by {source_key}"
    " having count(*) > 1 or {no_key} or bool_and(coalesce(jsonb_typeof(source.doc), '') <> 'object')"
    " order by count(*) desc, {source_key} limit 1",
    "insert": "insert into {target} as target ({names}) select {news} from {documents} as source {record}"
    " where not exists (select from {target} as target where {on}) order by {source_key}"
    " on conflict ({key}) do nothing returning {target_key}",
    "lock": "select {target_key} from {target} as target join {keys} as source on {on}"
    " order by {target_key} for no key update of target",
    "update": "update {target} as target set ({written}) = row({changes}) from {documents} as source {record}"
    " where {on} and ({before}) is distinct from ({after}) returning {target_key}",
    "differences": "select {source_key}, array_remove(array[{different}], null), target.{first_key} is null"
    " from {documents} as source {record} left join {target} as target on {on}"
    " where target.{first_key} is null or ({before}) is distinct from ({after}) order by {source_key}",
}


def _said(name: str, otherwise: sql.Composable) -> sql.Composed:
    """What the document says of a column, if it says anything."""
    return sql.SQL("case when source.doc ? {} then {} else {} end").format(
        _text(name), _name("record", name), otherwise
    )


def _record(columns: Sequence[TableColumn]) -> sql.Composed:
    """The document as typed values of these columns."""
    typed = [sql.SQL("{} {}").format(_name(column.name), _verbatim(column.type)) for column in columns]
    return sql.SQL("cross join lateral jsonb_to_record(source.doc) as record ({})").format(
        sql.SQL(", ").join(typed)
    )


# Statements with parameters double a per cent sign, in names and texts too; psycopg leaves that to its caller.
def _name(*parts: str) -> sql.Identifier:
    return sql.Identifier(*(part.replace("%", "%%") for part in parts))


def _text(text: str) -> sql.Literal:
    return sql.Literal(text.replace("%", "%%"))


def _verbatim(expression: str) -> sql.SQL:
    """A type or a default as the catalog wrote it: SQL already, quoted where it must be."""
    return sql.SQL(expression.replace("%", "%%"))


def _each(template: LiteralString, names: Sequence[str], between: LiteralString) -> sql.Composed:
    return sql.SQL(between).join(sql.SQL(template).format(_name(name)) for name in names)
