"""SQL expressions for the JSON text that is sent of a lead, for its content hash, and for the hash of a stored row.

Rows never become Python objects. The expressions use the table alias `lead`. The session must have the parameters of
`SESSION`: otherwise timestamps and floats are written in another form, and every lead looks changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from psycopg import sql

from sync_pipelines.scouter.mapping import transforms
from sync_pipelines.scouter.mapping.column_types import NUMBERS, TEXTS, base_type
from sync_pipelines.scouter.mapping.contract_columns import STAMPS
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.guarded_cast import guarded_cast, payload_type
from sync_pipelines.scouter.mapping.suspect_rules import SuspectRule
from sync_pipelines.scouter.mapping.transforms import Expression

#: Session parameters (postgres.connect takes them) that keep body and hash the same from run to run.
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
    return transforms.expression(field.transform, [sql.Identifier(alias, name) for name in field.sources])


def body_sql(
    mapping: FieldMapping,
    stamps: Sequence[str] = tuple(STAMPS),
    alias: str = ALIAS,
    *,
    as_text: Collection[str] = (),
) -> sql.Composed:
    """The JSON object of a lead as text: every mapped column, null included, and the stamps.

    Each stamp is a parameter of its own name. Timestamps are ISO 8601 in UTC, numbers are exact. Columns in `as_text`
    (see `columns_sent_as_text`) get the text that they would store anyway.
    """
    values = [
        *(
            _named(
                sql.SQL("({})::text").format(value) if field.destination in as_text else value,
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
    # Not json_build_object, which takes 50 pairs at most: both sides have had more columns.
    return sql.SQL("(select row_to_json(body)::text from (select {}) as body)").format(
        sql.SQL(", ").join(values)
    )


def columns_sent_as_text(
    mapping: FieldMapping, source_types: Mapping[str, str], destination_columns: Mapping[str, str]
) -> frozenset[str]:
    """Text columns of the destination that a boolean or a number fills."""
    return frozenset(
        field.destination
        for field in mapping.fields
        if base_type(destination_columns.get(field.destination, "")) in TEXTS
        and base_type(result_type(field, source_types)) in {"boolean", *NUMBERS}
    )


def hash_sql(mapping: FieldMapping, alias: str = ALIAS) -> sql.Composed:
    """The content of a lead as a uuid: md5 of the destination columns and their values, without `updated_at`."""
    values = [canonical(field, field_sql(field, alias)) for field in mapping.hashed]
    return _hash(mapping, values)


def payload_hash_sql(
    mapping: FieldMapping, source_types: Mapping[str, str], payload: Expression = PAYLOAD
) -> sql.Composed:
    """`hash_sql` of a destination row, given as jsonb: equal if the row is an echo of what was sent.

    Every value is cast to the type in which it was sent, in whatever form the destination stored it (a boolean as
    text, an amount with more decimals, a timestamp in another zone). NULL if a value cannot have been sent by us: the
    row is no echo. `source_types` are those of `SchemaReport`, with precision.
    """
    guards: list[Expression] = []
    values: list[Expression] = []
    for field in mapping.hashed:
        column = sql.Identifier("stored", field.destination)
        guard, value = guarded_cast(column, result_type(field, source_types))
        guards += [guard] if guard else []
        values.append(canonical(field, value))
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(
            sql.Identifier(field.destination), payload_type(result_type(field, source_types))
        )
        for field in mapping.hashed
    )
    return sql.SQL("(select case when {} then {} end from jsonb_to_record({}::jsonb) as stored ({}))").format(
        sql.SQL(" and ").join(guards or [sql.SQL("true")]), _hash(mapping, values), payload, columns
    )


def suspect_sql(rules: Iterable[SuspectRule], alias: str = ALIAS) -> Expression:
    """Whether the destination will probably reject a lead, by one of the rules; false without rules."""
    conditions = [rule.condition(alias) for rule in rules]
    if not conditions:
        return sql.SQL("false")
    return sql.SQL("coalesce({}, false)").format(
        sql.SQL(" or ").join(sql.SQL("coalesce({}, false)").format(one) for one in conditions)
    )


def result_type(field: Field, source_types: Mapping[str, str]) -> str:
    """The Postgres type, with precision, of what is sent of a field."""
    declared = transforms.find(field.transform).result if field.transform else None
    return declared or source_types[field.sources[0]]


def _named(value: Expression, name: str) -> Expression:
    return sql.SQL("{} as {}").format(value, sql.Identifier(name))


def _hash(mapping: FieldMapping, values: Sequence[Expression]) -> sql.Composed:
    # The same value in another column is other content: after a column is renamed, every lead is sent again.
    names = hashlib.md5(
        json.dumps([field.destination for field in mapping.hashed]).encode(), usedforsecurity=False
    )
    return sql.SQL("md5({} || row({})::text)::uuid").format(
        sql.Literal(names.hexdigest()), sql.SQL(", ").join(values)
    )


def canonical(field: Field, value: Expression) -> Expression:
    """The value in the form that the text sent and the value stored there have in common."""
    form = transforms.find(field.transform).canonical if field.transform else None
    return form(value) if form else value
