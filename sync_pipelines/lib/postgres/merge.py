"""One slice of a table made equal to a source, in one transaction, with the rows counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import LiteralString, NamedTuple

from psycopg import sql

from sync_pipelines.lib.postgres.connection import Connection, table


class Changes(NamedTuple):
    """What a write did to a slice, in rows."""

    inserted: int = 0
    changed: int = 0
    unchanged: int = 0
    deleted: int = 0

    @property
    def written(self) -> int:
        return self.inserted + self.changed

    @property
    def touched(self) -> int:
        return self.inserted + self.changed + self.deleted


@dataclass(frozen=True)
class SliceMerge:
    """Makes the slice `where` of `target` equal to `source`, rewriting only what differs.

    `source` is a table or a bracketed query with the columns `key` + `columns`; `stamped` are parameters for
    written rows only (a run id), which do not count as a difference. Composed once, run for many slices.
    """

    source: sql.Composable
    target: str
    key: Sequence[str]
    columns: Sequence[str]
    stamped: Sequence[str]
    where: sql.Composable

    def run(self, connection: Connection, parameters: Mapping[str, object]) -> Changes:
        """Merge in the caller's transaction. Rows of the slice that the source lacks are deleted, and counted."""

        def rows(statement: str) -> int:
            return int(connection.execute(self._statements[statement], parameters).rowcount)

        if connection.execute(self._statements["is_filled"], parameters).fetchone() == (False,):
            return Changes(inserted=rows("fill"))
        deleted, changed, inserted = rows("delete"), rows("update"), rows("insert")
        total = connection.execute(self._statements["count"], parameters).fetchone()
        return Changes(
            inserted=inserted,
            changed=changed,
            unchanged=(total[0] if total else 0) - inserted - changed,
            deleted=deleted,
        )

    @cached_property
    def _statements(self) -> dict[str, bytes]:
        names = [*self.key, *self.columns]
        stamps = [(sql.Identifier(name), sql.Placeholder(name)) for name in self.stamped]
        parts = {
            "source": self.source,
            "target": table(self.target),
            "where": self.where,
            "on": _each("target.{0} = source.{0}", self.key, " and "),
            "names": _each("{0}", [*names, *self.stamped], ", "),
            "values": sql.SQL(", ").join(
                [_each("source.{0}", names, ", "), *(placeholder for _, placeholder in stamps)]
            ),
            "before": _each("target.{0}", self.columns, ", "),
            "after": _each("source.{0}", self.columns, ", "),
            "changes": sql.SQL(", ").join(
                [
                    _each("{0} = source.{0}", self.columns, ", "),
                    *(sql.SQL("{} = {}").format(name, placeholder) for name, placeholder in stamps),
                ]
            ),
        }
        return {name: sql.SQL(text).format(**parts).as_bytes(None) for name, text in _MERGE.items()}


_MERGE: dict[str, LiteralString] = {
    "is_filled": "select exists (select from {target} as target where {where})",
    "fill": "insert into {target} ({names}) select {values} from {source} as source",
    "delete": "delete from {target} as target where {where}"
    " and not exists (select from {source} as source where {on})",
    "update": "update {target} as target set {changes} from {source} as source"
    " where {where} and {on} and ({before}) is distinct from ({after})",
    "insert": "insert into {target} as target ({names}) select {values} from {source} as source"
    " where not exists (select from {target} as target where {where} and {on})",
    "count": "select count(*) from {target} as target where {where}",
}


def _each(template: LiteralString, names: Sequence[str], between: LiteralString) -> sql.Composed:
    return sql.SQL(between).join(sql.SQL(template).format(sql.Identifier(name)) for name in names)
