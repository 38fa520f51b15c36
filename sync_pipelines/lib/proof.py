"""Order-free digests of rows, the same in Python and in SQL, and their comparison.

A row's canonical text is its declared columns in order, joined by U+001F, with U+001E for NULL, numerics
without trailing zeros, timestamps in UTC with microseconds, text in NFC. A digest is the number of rows
and the sums of both signed 64-bit halves of each row's md5. Sums and not XOR, because the copies of a true
duplicate would cancel out.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import md5
from typing import Literal, NamedTuple

from psycopg import sql

SEPARATOR = "\x1f"
NULL = "\x1e"

#: `other` is what Postgres itself writes for a value (uuid, json, interval): the same in two databases, but
#: not to be rebuilt in Python.
Kind = Literal["text", "number", "integer", "date", "timestamp", "other"]


class Digest(NamedTuple):
    """The content of a set of rows, whatever their order: a count and two sums."""

    rows: int = 0
    high: int = 0
    low: int = 0

    def __add__(self, other: object) -> Digest:
        if not isinstance(other, Digest):
            return NotImplemented
        return Digest(self.rows + other.rows, self.high + other.high, self.low + other.low)

    def __str__(self) -> str:
        return f"{self.rows}:{self.high}:{self.low}"

    @classmethod
    def parse(cls, text: str) -> Digest:
        rows, high, low = text.split(":")
        return cls(int(rows), int(high), int(low))


class Column(NamedTuple):
    """A column that takes part in a digest, and how its value becomes text."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Proof:
    """What was compared, on both sides. A partition is proved when the sides are equal."""

    source: dict[str, str]
    destination: dict[str, str]

    @property
    def holds(self) -> bool:
        return self.source == self.destination

    def differences(self) -> list[str]:
        names = sorted(self.source.keys() | self.destination.keys())
        return [
            f"{name}: {self.source.get(name, 'nothing')} in the source, "
            f"{self.destination.get(name, 'nothing')} in the destination"
            for name in names
            if self.source.get(name) != self.destination.get(name)
        ]


def row_hash(values: Iterable[str | None]) -> bytes:
    """The md5 of a row whose values are canonical texts already (NULL is None)."""
    text = SEPARATOR.join(NULL if value is None else value for value in values)
    return md5(text.encode(), usedforsecurity=False).digest()


def digest_of(hashes: Iterable[bytes]) -> Digest:
    """The digest of the rows with these md5 values."""
    joined = b"".join(hashes)
    halves = struct.unpack(f">{len(joined) // 8}q", joined)
    return Digest(len(halves) // 2, sum(halves[::2]), sum(halves[1::2]))


def canonical(value: object) -> str | None:
    """One value as its canonical text. Floats are refused: their text depends on who writes it."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return unicodedata.normalize("NFC", value)
        case int():
            return str(value)
        case Decimal():
            text = format(value, "f")
            text = text.rstrip("0").rstrip(".") if "." in text else text
            return "0" if text == "-0" else text
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical text")


def _canonical_sql(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    texts: dict[Kind, sql.Composable] = {
        "text": name,
        "number": sql.SQL("trim_scale({})::text").format(name),
        "integer": sql.SQL("{}::text").format(name),
        "other": sql.SQL("{}::text").format(name),
        "date": sql.SQL("to_char({}, 'YYYY-MM-DD')").format(name),
        "timestamp": sql.SQL("to_char({} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')").format(
            name
        ),
    }
    return sql.SQL("coalesce({}, E'\\x1e')").format(texts[column.kind])


def row_hash_sql(columns: Sequence[Column], *, nfc: bool = False) -> sql.Composed:
    """The SQL expression for a row's md5 as hex text.

    `nfc` normalises in the database: needed for tables that others write, and five times as slow
    (`normalize` costs about 17 µs a row), so not for ours, whose text is NFC when it is stored.
    """
    text = sql.SQL("concat_ws(E'\\x1f', {})").format(sql.SQL(", ").join(map(_canonical_sql, columns)))
    return sql.SQL("md5(normalize({}, NFC))" if nfc else "md5({})").format(text)


_NO_KEY = sql.SQL("''")
_ALL_ROWS = sql.SQL("true")


def digest_query(
    table: sql.Composable,
    columns: Sequence[Column],
    *,
    by: sql.Composable = _NO_KEY,
    where: sql.Composable = _ALL_ROWS,
    sums: Sequence[str] = (),
    nfc: bool = False,
) -> sql.Composed:
    """A query of (key, digest text, *sums), one row a group of `by`; groups without rows are absent.

    `sums` are numeric columns whose totals are wanted from the same pass, as text without trailing zeros.
    """
    names = [sql.Identifier(name) for name in sums]
    return sql.SQL(
        "select key::text, count(*)"
        " || ':' || sum(('x' || left(hash, 16))::bit(64)::bigint)"
        " || ':' || sum(('x' || right(hash, 16))::bit(64)::bigint){totals}"
        " from (select {by} as key, {hash} as hash{sums} from {table} where {where} offset 0) hashed group by key"
    ).format(
        by=by,
        hash=row_hash_sql(columns, nfc=nfc),
        table=table,
        where=where,
        sums=sql.Composed([sql.SQL(", ") + name for name in names]),
        totals=sql.Composed([sql.SQL(", trim_scale(sum({}))::text").format(name) for name in names]),
    )
