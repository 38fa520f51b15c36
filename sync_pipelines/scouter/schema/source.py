"""The live columns of the source, read from its catalog."""

from __future__ import annotations

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.scouter.schema.columns import SOURCE, SourceColumn

TABLE = "public.leads"
_COLUMNS = """
select attname, format_type(coalesce(nullif(kind.typbasetype, 0), kind.oid),
        case when kind.typbasetype = 0 then atttypmod else kind.typtypmod end),
    not attnotnull, atthasdef or attidentity <> '',
    array(select enumlabel::text from pg_enum where enumtypid = kind.oid order by enumsortorder)
from pg_attribute
join pg_type as kind on kind.oid = atttypid
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped
order by attnum
"""


def read_source(connection: Connection, table: str = TABLE) -> dict[str, SourceColumn]:
    """The live columns of the source, a domain as its base type; PermanentError if the table does not exist."""
    rows = connection.execute(_COLUMNS, (table,)).fetchall()
    if not rows:
        raise PermanentError(
            f"{SOURCE} has no table {table}: TABULADORMAX_DATABASE_URL names another project."
        )
    return {
        row[0]: SourceColumn(
            name=row[0], type=row[1], nullable=row[2], has_default=row[3], enum=tuple(row[4])
        )
        for row in rows
    }
