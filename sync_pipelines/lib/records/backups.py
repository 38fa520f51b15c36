"""The book of copies: what each backup made, whether it was proved, and which drills restored one.

It lies in our own database, away from what it speaks of: a log line saying "backup completed" is no proof of
anything, and neither is a table that merely exists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError


@dataclass(frozen=True)
class Copy:
    """A copy as its backup left it; `name` is its table, its file in the landing store, or its number.

    `pinned`: a person said that retention must leave it.
    """

    asset: str
    partition_key: str
    name: str
    made_at: datetime
    proved: bool
    rows: int
    bytes: int | None
    details: dict[str, Any]
    run_id: str
    pinned: bool = False

    @property
    def purpose(self) -> str:
        """`daily`, or for a safety copy what it was made before."""
        return str(self.details.get("purpose", "daily"))


@dataclass(frozen=True)
class Drill:
    """A restore of a copy somewhere else, and whether what came back equals what was copied."""

    asset: str
    copy_name: str
    equal: bool
    seconds: float
    details: dict[str, Any]
    run_id: str
    drilled_at: datetime


_COPY = "asset, partition_key, name, made_at, proved, rows, bytes, details, run_id"
_DRILL = "asset, copy_name, equal, seconds, details, run_id, drilled_at"


@dataclass(frozen=True)
class CopyBook:
    """The copies and drills in the ops database, over one connection."""

    connection: postgres.Connection

    def enter(self, copy: Copy) -> None:
        """Write a copy down; entering a name again (a rerun of the same copy) replaces its line."""
        self.connection.execute(
            f"insert into ops.copies ({_COPY}) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (asset, name) do update set (partition_key, made_at, proved, rows, bytes, details,"
            " run_id, removed_at) = (excluded.partition_key, excluded.made_at, excluded.proved, excluded.rows,"
            " excluded.bytes, excluded.details, excluded.run_id, null)",
            (
                *(
                    copy.asset,
                    copy.partition_key,
                    copy.name,
                    copy.made_at,
                    copy.proved,
                    copy.rows,
                    copy.bytes,
                ),
                *(Jsonb(copy.details), copy.run_id),
            ),
        )

    def copies(self, asset: str, *, partition_key: str | None = None) -> list[Copy]:
        """The copies of an asset that were not removed, the newest first."""
        with self.connection.cursor(row_factory=class_row(Copy)) as cursor:
            return cursor.execute(
                f"select {_COPY}, pinned_at is not null as pinned from ops.copies"
                " where asset = %(asset)s and removed_at is null"
                " and (%(key)s::text is null or partition_key = %(key)s) order by made_at desc, id desc",
                {"asset": asset, "key": partition_key},
            ).fetchall()

    def names(self, asset: str) -> set[str]:
        """The names of all copies of an asset that were ever entered, removed ones included."""
        rows = self.connection.execute("select name from ops.copies where asset = %s", (asset,)).fetchall()
        return {str(name) for (name,) in rows}

    def newest_proved(self, asset: str) -> Copy | None:
        """The newest copy that counts."""
        return next((copy for copy in self.copies(asset) if copy.proved), None)

    def pin(self, name: str, *, pinned: bool) -> str:
        """Say that a copy stays whatever the policy lets go of, or that it no longer does; returns its asset.

        Raises PermanentError where the book knows no copy of that name that is still there.
        """
        row = self.connection.execute(
            "update ops.copies set pinned_at = case when %(pinned)s then coalesce(pinned_at, now()) end"
            " where name = %(name)s and removed_at is null returning asset",
            {"name": name, "pinned": pinned},
        ).fetchone()
        if row is None:
            raise PermanentError(f"There is no backup {name} in the book of copies, or it was removed.")
        return str(row[0])

    def mark_removed(self, asset: str, name: str) -> None:
        """Say that retention dropped a copy; its line stays."""
        self.connection.execute(
            "update ops.copies set removed_at = now() where asset = %s and name = %s", (asset, name)
        )

    def enter_drill(
        self,
        asset: str,
        copy_name: str,
        *,
        equal: bool,
        seconds: float,
        run_id: str,
        details: Mapping[str, Any],
    ) -> None:
        """Write a drill down, of `seconds` from the first byte read to the comparison's end."""
        self.connection.execute(
            "insert into ops.drills (asset, copy_name, equal, seconds, details, run_id)"
            " values (%s, %s, %s, %s, %s, %s)",
            (asset, copy_name, equal, seconds, Jsonb(details), run_id),
        )

    def drills(self, asset: str, limit: int = 30) -> list[Drill]:
        """The newest drills of an asset, the newest first."""
        with self.connection.cursor(row_factory=class_row(Drill)) as cursor:
            return cursor.execute(
                f"select {_DRILL} from ops.drills where asset = %s order by drilled_at desc, id desc limit %s",
                (asset, limit),
            ).fetchall()


@contextmanager
def open_copy_book(url: str) -> Iterator[CopyBook]:
    with postgres.connect(url, what="the ops database") as connection:
        yield CopyBook(connection)
