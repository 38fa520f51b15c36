"""The SQL that makes the destination fit, for a person to read and to run there. We never run it.

Names are quoted. Types are those of the source, with their precision. Columns are nullable and without a default: NOT
NULL fails on a table with rows, and TEXT for every column loses the types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import result_type
from sync_pipelines.scouter.schema.columns import STAMP_TYPES, SourceColumn
from sync_pipelines.scouter.schema.verdicts import Verdict

RELOAD = "notify pgrst, 'reload schema';"
RELOAD_FUNCTION = """\
create or replace function public.notify_pgrst_reload() returns void
language sql security definer set search_path = '' as $$ notify pgrst, 'reload schema' $$;
revoke all on function public.notify_pgrst_reload() from public, anon, authenticated;
grant execute on function public.notify_pgrst_reload() to service_role;
notify pgrst, 'reload schema';"""
_WIDENED = {"narrowing", "length", "fraction"}


def suggested_sql(
    mapping: FieldMapping, source: Mapping[str, SourceColumn], verdicts: Iterable[Verdict]
) -> tuple[str, ...]:
    """One statement per column, then one reload; empty if nothing is to be done."""
    statements: dict[str, None] = {}  # a set that keeps the order
    is_stale = False
    for verdict in verdicts:
        is_stale |= verdict.rule in ("not_in_cache", "stale_cache")
        if statement := _statement(mapping, source, verdict):
            statements[statement] = None
    return (*statements, RELOAD) if statements or is_stale else ()


def markdown(statements: Sequence[str]) -> str:
    """The statements as a block that can be copied."""
    if not statements:
        return "Nothing to do."
    return "\n".join(["```sql", *statements, "```"])


def _statement(mapping: FieldMapping, source: Mapping[str, SourceColumn], verdict: Verdict) -> str:
    name = _quoted(verdict.field)
    if verdict.rule == "key":
        return f"alter table public.leads add primary key ({_quoted(KEY)});"
    if verdict.rule == "required_unmapped":
        return f"alter table public.leads alter column {name} drop not null;"
    if verdict.rule not in _WIDENED | {"destination_missing"}:
        return ""
    kind = _type_of(verdict.field, mapping, source)
    if not kind:
        return ""
    if verdict.rule == "destination_missing":
        return f"alter table public.leads add column if not exists {name} {kind};"
    return f"alter table public.leads alter column {name} type {kind};"


def _type_of(destination: str, mapping: FieldMapping, source: Mapping[str, SourceColumn]) -> str:
    """The type of what is sent. An enum of the source becomes text, because the destination does not have the type."""
    field = mapping.field_for(destination)
    if field is None:
        return STAMP_TYPES.get(destination, "")
    if any(name not in source for name in field.sources):
        return ""
    if not field.transform and source[field.sources[0]].enum:
        return "text"
    kind = result_type(field, {name: column.type for name, column in source.items()})
    return kind if types.is_built_in(kind) else "text"


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string(None)
