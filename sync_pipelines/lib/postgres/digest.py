"""Order-free digests of rows, the same in Python and in SQL, and their comparison.

A row's canonical text is its declared columns in order, joined by U+001F, with U+001E for NULL, numerics
without trailing zeros, dates and timestamps (in UTC, with microseconds) in ISO 8601, text in NFC. A row with one of
the two marks inside a value is written in another way, with the length of each value before it. So no two rows have
the same text: no value passes for NULL, and none moves into its neighbour. A digest is the number of rows and the
sums of both signed 64-bit halves of each row's md5. Sums and not XOR, because the copies of a true duplicate would
cancel out.

Version 1 of the formula joined all rows, and wrote infinity as NULL and a year BC as the same year AD. Both versions
give the same hash for every row without such a value, so what was stored under version 1 is still worth comparing.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import md5
from typing import Literal, LiteralString, NamedTuple

from psycopg import sql

SEPARATOR = "\x1f"
NULL = "\x1e"
#: Begins the text of a row with a mark inside a value. A joined text never begins so.
_MARKED = NULL * 2
Version = Literal[1, 2]
VERSION: Version = 2

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
        """The text that is stored: the version of the formula, then the three numbers."""
        return f"v{VERSION}:{self.rows}:{self.high}:{self.low}"

    @classmethod
    def parse(cls, text: str) -> Digest:
        """A stored digest of any version."""
        rows, high, low = text.split(":")[-3:]
        return cls(int(rows), int(high), int(low))


def stored_version(text: str) -> Version:
    """The version of the formula that a stored digest was made with; version 1 did not name itself."""
    return 1 if text.count(":") == 2 else VERSION


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
    return md5(_row_text(list(values)).encode(), usedforsecurity=False).digest()


def _row_text(values: Sequence[str | None]) -> str:
    if not any(value is not None and (SEPARATOR in value or NULL in value) for value in values):
        return SEPARATOR.join(NULL if value is None else value for value in values)
    return _MARKED + "".join("-" if value is None else f"{len(value)}:{value}" for value in values)


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
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical text")


def _value_sql(column: Column, version: Version) -> sql.Composed:
    """A value as canonical text; NULL stays NULL."""
    name = sql.Identifier(column.name)
    texts: dict[Kind, LiteralString] = {
        "text": "{}",
        "number": "trim_scale({})::text",
        "integer": "{}::text",
        "other": "{}::text",
        "date": "to_char({}, 'YYYY-MM-DD')",
        "timestamp": "to_char({} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    }
    text = sql.SQL(texts[column.kind]).format(name)
    if version == 1 or column.kind not in {"date", "timestamp"}:
        return text
    # to_char knows no infinity, writes a year BC without its era, and takes no date beyond those of a timestamp.
    last = sql.SQL("'294276-12-31'" if column.kind == "date" else "'294276-12-31 23:59:59.999999+00'")
    return sql.SQL("case when {0} < '0001-01-01' or {0} > {2} then {0}::text else {1} end").format(
        name, text, last
    )


def row_hash_sql(columns: Sequence[Column], *, version: Version = VERSION) -> sql.Composed:
    """The SQL expression for a row's md5 as hex text. `version` is for comparing with what was stored under it."""
    values = [_value_sql(column, version) for column in columns]
    joined = sql.SQL("concat_ws(E'\\x1f', {})").format(
        sql.SQL(", ").join(sql.SQL("coalesce({}, E'\\x1e')").format(value) for value in values)
    )
    loose = [sql.Identifier(column.name) for column in columns if column.kind in {"text", "other"}]
    if version == 1 or not loose:
        return sql.SQL("md5({})").format(joined)
    lengths = [sql.SQL("coalesce(length({0}) || ':' || {0}, '-')").format(value) for value in values]
    return sql.SQL(
        "md5(case when strpos(concat({loose}) collate \"C\", E'\\x1f')"
        " + strpos(concat({loose}) collate \"C\", E'\\x1e') = 0"
        " then {joined} else {marked} || concat({lengths}) end)"
    ).format(
        loose=sql.SQL(", ").join(loose),
        joined=joined,
        marked=sql.Literal(_MARKED),
        lengths=sql.SQL(", ").join(lengths),
    )


_NO_KEY = sql.SQL("''")
_ALL_ROWS = sql.SQL("true")


def digest_query(
    table: sql.Composable,
    columns: Sequence[Column],
    *,
    by: sql.Composable = _NO_KEY,
    where: sql.Composable = _ALL_ROWS,
    sums: Sequence[str] = (),
    version: Version = VERSION,
    hashed: str | None = None,
) -> sql.Composed:
    """A query of (key, digest text, *sums), one row a group of `by`; groups without rows are absent.

    `hashed` names a column of the table that holds the md5 of the row already, so that it is not computed twice.

    `sums` are numeric columns whose totals are wanted from the same pass, as text without trailing zeros.
    """
    names = [sql.Identifier(name) for name in sums]
    return sql.SQL(
        "select key::text, {version} || count(*)"
        " || ':' || sum(('x' || left(hash, 16))::bit(64)::bigint)"
        " || ':' || sum(('x' || right(hash, 16))::bit(64)::bigint){totals}"
        " from (select {by} as key, {hash} as hash{sums} from {table} where {where} offset 0) hashed group by key"
    ).format(
        by=by,
        hash=sql.Identifier(hashed) if hashed else row_hash_sql(columns, version=version),
        version=sql.Literal("" if version == 1 else f"v{version}:"),
        table=table,
        where=where,
        sums=sql.Composed([sql.SQL(", ") + name for name in names]),
        totals=sql.Composed([sql.SQL(", trim_scale(sum({}))::text").format(name) for name in names]),
    )
