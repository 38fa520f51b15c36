"""A lead as the JSON text that is sent, its content as a hash, and the same hash of what comes back: all in SQL.

Rows never become Python objects on the way. The expressions look at a table alias, `lead`; the session must have the
parameters of `SESSION`, or moments and floats would be written in other words and every lead would seem changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from psycopg import sql

from sync_pipelines.scouter.mapping import transforms
from sync_pipelines.scouter.mapping.column_types import NUMBERS, TEXTS, base_type
from sync_pipelines.scouter.mapping.field_mapping import STAMPS, Field, FieldMapping
from sync_pipelines.scouter.mapping.stored import declared_sql, read_sql
from sync_pipelines.scouter.mapping.suspects import Suspect
from sync_pipelines.scouter.mapping.transforms import Expression

#: Parameters of the session (postgres.connect takes them) under which body and hash are what they were the last time.
SESSION = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
}
ALIAS = "lead"
PAYLOAD = sql.Placeholder("payload")
_STAMP_TYPES = {
    "sync_source": sql.SQL("text"),
    "sync_status": sql.SQL("text"),
    "last_sync_at": sql.SQL("timestamptz"),
}


def field_sql(field: Field, alias: str = ALIAS) -> Expression:
    """What is sent of one field."""
    return transforms.sent(field.transform, [sql.Identifier(alias, name) for name in field.sources])


def body_sql(
    mapping: FieldMapping,
    stamps: Sequence[str] = tuple(STAMPS),
    alias: str = ALIAS,
    *,
    in_words: Collection[str] = (),
) -> sql.Composed:
    """The JSON object of a lead as text: every mapped column, null included, and the stamps.

    Each stamp is a parameter of its own name. Moments are ISO 8601 in UTC, numbers are exact. A yes or a number goes
    to a destination that is `in_words` as the text that it becomes there anyway.
    """
    values = [
        *(
            _named(
                sql.SQL("({})::text").format(value) if field.destination in in_words else value,
                field.destination,
            )
            for field in mapping.fields
            for value in (field_sql(field, alias),)
        ),
        *(
            _named(sql.SQL("{}::{}").format(sql.Placeholder(name), _STAMP_TYPES[name]), name)
            for name in stamps
        ),
    ]
    # Not json_build_object: its 50 pairs are fewer than the columns that both sides have had.
    return sql.SQL("(select row_to_json(body)::text from (select {}) as body)").format(
        sql.SQL(", ").join(values)
    )


def in_words(
    mapping: FieldMapping, source_types: Mapping[str, str], destination_columns: Mapping[str, str]
) -> frozenset[str]:
    """Text columns of the destination that are filled by a yes or a number."""
    return frozenset(
        field.destination
        for field in mapping.fields
        if base_type(destination_columns.get(field.destination, "")) in TEXTS
        and base_type(result_type(field, source_types)) in {"boolean", *NUMBERS}
    )


def hash_sql(mapping: FieldMapping, alias: str = ALIAS) -> sql.Composed:
    """The content of a lead as a uuid: md5 of the destinations and their values but for `updated_at`."""
    values = [_canonical(field, field_sql(field, alias)) for field in mapping.hashed]
    return _hash(mapping, values)


def payload_hash_sql(
    mapping: FieldMapping, source_types: Mapping[str, str], payload: Expression = PAYLOAD
) -> sql.Composed:
    """`hash_sql` of a row of the destination, given as jsonb: equal for an echo of what was sent.

    Every value is read as the type that was sent, in whatever words the destination wrote it (a yes as text, an
    amount with more decimals, a moment in another zone). NULL where a value cannot have been sent at all, which makes
    the row no echo. `source_types` are those of `SchemaReport`, with precision.
    """
    guards: list[Expression] = []
    values: list[Expression] = []
    for field in mapping.hashed:
        column = sql.Identifier("stored", field.destination)
        guard, value = read_sql(column, result_type(field, source_types))
        guards += [guard] if guard else []
        values.append(_canonical(field, value))
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(
            sql.Identifier(field.destination), declared_sql(result_type(field, source_types))
        )
        for field in mapping.hashed
    )
    return sql.SQL("(select case when {} then {} end from jsonb_to_record({}::jsonb) as stored ({}))").format(
        sql.SQL(" and ").join(guards or [sql.SQL("true")]), _hash(mapping, values), payload, columns
    )


def suspect_sql(suspects: Iterable[Suspect], alias: str = ALIAS) -> Expression:
    """Whether the destination will probably refuse a lead; false where nothing can be told."""
    conditions = [suspect.condition(alias) for suspect in suspects]
    if not conditions:
        return sql.SQL("false")
    return sql.SQL("coalesce({}, false)").format(
        sql.SQL(" or ").join(sql.SQL("coalesce({}, false)").format(one) for one in conditions)
    )


def result_type(field: Field, source_types: Mapping[str, str]) -> str:
    """The Postgres type, with precision, of what is sent of a field."""
    declared = transforms.named(field.transform).result if field.transform else None
    return declared or source_types[field.sources[0]]


def _named(value: Expression, name: str) -> Expression:
    return sql.SQL("{} as {}").format(value, sql.Identifier(name))


def _hash(mapping: FieldMapping, values: Sequence[Expression]) -> sql.Composed:
    # The same value in another column is another content: a mapping that renames one has to be sent anew.
    names = hashlib.md5(
        json.dumps([field.destination for field in mapping.hashed]).encode(), usedforsecurity=False
    )
    return sql.SQL("md5({} || row({})::text)::uuid").format(
        sql.Literal(names.hexdigest()), sql.SQL(", ").join(values)
    )


def _canonical(field: Field, value: Expression) -> Expression:
    canonical = transforms.named(field.transform).canonical if field.transform else None
    return canonical(value) if canonical else value
