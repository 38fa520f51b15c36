"""What a live database has, read from Postgres's own catalog. Nothing here writes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from psycopg import sql

from sync_pipelines.lib import postgres
from sync_pipelines.migrations.items import API_ROLES, BY_READER, Item
from sync_pipelines.migrations.live import Column, Constraint, Live, Relation
from sync_pipelines.migrations.shape import Shape

_OURS: LiteralString = """
    with ours as (
        select relation.oid, names.name, relation.relkind, relation.relrowsecurity, relation.reloptions
        from pg_class as relation
        join pg_namespace as place on place.oid = relation.relnamespace
        join unnest(%(tables)s::text[]) as names (name)
            on names.name = place.nspname || '.' || relation.relname
    )
"""
_RELATIONS: LiteralString = (
    _OURS
    + """
    select name, relkind::text, relrowsecurity,
        coalesce(reloptions && '{security_invoker=true,security_invoker=on,security_invoker=1}', false)
    from ours
"""
)
_COLUMNS: LiteralString = (
    _OURS
    + """
    select name, attname, format_type(atttypid, atttypmod), attnotnull,
        attnotnull and not atthasdef and attidentity = '',
        attidentity <> '' or coalesce(pg_get_expr(adbin, adrelid) like 'nextval(%%', false)
    from ours
    join pg_attribute on attrelid = oid and attnum > 0 and not attisdropped
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    order by name, attnum
"""
)
_CONSTRAINTS: LiteralString = (
    _OURS
    + """
    select name, contype = 'c', conname, pg_get_constraintdef(pg_constraint.oid),
        array(select attname from pg_attribute where attrelid = conrelid and attnum = any(conkey))::text[]
    from ours join pg_constraint on conrelid = ours.oid and contype in ('c', 'f')
"""
)
_INDEXES: LiteralString = (
    _OURS
    + """
    select name, index.relname, pg_get_indexdef(indexrelid), indisunique, indisprimary, indisvalid,
        exists (select from pg_constraint where conindid = indexrelid),
        array(select attname from pg_attribute where attrelid = indrelid and attnum = any(indkey))::text[]
    from ours
    join pg_index on indrelid = ours.oid
    join pg_class as index on index.oid = indexrelid
"""
)
_POLICIES: LiteralString = """
    select schemaname || '.' || tablename, policyname, lower(cmd), roles::text[],
        coalesce(qual, ''), coalesce(with_check, ''), permissive
    from pg_policies where schemaname || '.' || tablename = any(%(tables)s)
"""
# Effective privileges: what a role has by itself, through PUBLIC or another role, on the table or a column.
_GRANTS: LiteralString = (
    _OURS
    + """
    select name, rolname, string_agg(lower(privilege), ', ' order by privilege) filter (where
        has_table_privilege(pg_roles.oid, ours.oid, privilege)
        or (privilege = any('{INSERT,REFERENCES,SELECT,UPDATE}')
            and has_any_column_privilege(pg_roles.oid, ours.oid, privilege)))
    from ours
    cross join pg_roles
    cross join unnest('{DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE}'::text[]) as privilege
    where rolname = any(%(roles)s)
    group by name, rolname
"""
)
_SEQUENCES: LiteralString = (
    _OURS
    + """
    select name, rolname, string_agg(lower(privilege), ', ' order by privilege) filter (where
        has_sequence_privilege(pg_roles.oid, sequence.oid, privilege))
    from ours
    join pg_depend on refobjid = ours.oid and classid = 'pg_class'::regclass and deptype in ('a', 'i')
    join pg_class as sequence on sequence.oid = objid and sequence.relkind = 'S'
    cross join pg_roles
    cross join unnest('{SELECT,USAGE}'::text[]) as privilege
    where rolname = any(%(roles)s)
    group by name, rolname
"""
)
_TRIGGERS: LiteralString = (
    _OURS
    + """
    select name, tgname, nspname || '.' || proname
    from ours
    join pg_trigger on tgrelid = ours.oid and not tgisinternal
    join pg_proc on pg_proc.oid = tgfoid
    join pg_namespace on pg_namespace.oid = pronamespace
"""
)
_OTHERS: LiteralString = """
    select
        array(select rolname from pg_roles where rolname = any(%(roles)s))::text[],
        exists (select from pg_namespace where nspname = %(schema)s),
        array(select rolname from pg_roles, pg_namespace
            where rolname = any(%(roles)s) and nspname = %(schema)s
                and has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'usage'))::text[],
        array(select name from unnest(%(functions)s::text[]) as names (name)
            where to_regprocedure(name || '()') is not null),
        array(select array[place.nspname || '.' || index.relname, place.nspname || '.' || owner.relname]
            from pg_index
            join pg_class as index on index.oid = indexrelid
            join pg_namespace as place on place.oid = index.relnamespace
            join pg_class as owner on owner.oid = indrelid
            where place.nspname || '.' || index.relname = any(%(indexes)s))::text[],
        exists (select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
            where nspname = %(schema)s and relname = %(version)s)
"""


def read(connection: postgres.Connection, shape: Shape) -> Live:
    """The items of a database that a shape speaks of, and what else decides whether we can write to it."""
    relations: dict[str, Relation] = {}
    items: dict[Item, str] = {}
    for name, kind, secured, by_reader in _rows(connection, _RELATIONS, shape):
        relations[name] = Relation(kind)
        if name in shape.views:
            items[Item("view", name)] = BY_READER if by_reader else "read with the rights of its owner"
        else:
            items[Item("table", name)] = ""
        items |= {Item("rls", name): "enabled"} if secured else {}
    for name, column, *about in _rows(connection, _COLUMNS, shape):
        relations[name].columns[column] = Column(*about)
        items[Item("column", name, column)] = about[0]
    for name, is_check, constraint, definition, columns in _rows(connection, _CONSTRAINTS, shape):
        kept = relations[name].checks if is_check else relations[name].references
        kept.append(Constraint(constraint, tuple(columns), definition))
    for name, index, definition, *about, columns in _rows(connection, _INDEXES, shape):
        unique, primary, valid, is_constraint = about
        items[Item("index", name, index)] = _index(definition, valid)
        if primary:
            relations[name].primary = index
        elif unique:
            relations[name].uniques.append(
                Constraint(
                    name=index, columns=tuple(columns), definition=definition, constraint=is_constraint
                )
            )
    for name, policy, *rule in _rows(connection, _POLICIES, shape):
        items[Item("policy", name, policy)] = _policy(*rule)
    for name, role, granted in _rows(connection, _GRANTS, shape):
        items[Item("grants", name, role)] = granted or ""
    for name, role, granted in _rows(connection, _SEQUENCES, shape):
        items[Item("sequence", name, role)] = granted or ""
    for name, trigger, function in _rows(connection, _TRIGGERS, shape):
        items[Item("trigger", name, trigger)] = function
    return _with_others(connection, shape, items, relations=relations)


def _with_others(
    connection: postgres.Connection,
    shape: Shape,
    items: dict[Item, str],
    relations: Mapping[str, Relation],
) -> Live:
    [(roles, has_schema, users, functions, indexes, has_revision)] = _rows(connection, _OTHERS, shape)
    if has_schema:
        items[Item("schema", shape.private)] = ""
    for role in roles:
        items[Item("usage", shape.private, role)] = "usage" if role in users else ""
    items |= {Item("function", function): "" for function in functions}
    items |= {
        Item("value", f"{name}.{column}", value): ""
        for (name, column), value in shape.allowed.items()
        if (relation := relations.get(name)) is not None
        and not any(check.columns == (column,) and check.refused([value]) for check in relation.checks)
    }
    items |= {Item("absence", name, key): "" for name, key in shape.dropped if not _has_key(items, name, key)}
    revision = None
    if has_revision:
        statement = sql.SQL("select version_num from {}")
        table = postgres.table(f"{shape.private}.{shape.version_table}")
        row = connection.execute(statement.format(table)).fetchone()
        revision = row[0] if row else None
    return Live(
        items=items,
        relations=relations,
        roles=frozenset(roles),
        index_tables=dict(indexes),
        revision=revision,
    )


def _rows(connection: postgres.Connection, query: LiteralString, shape: Shape) -> Sequence[tuple[Any, ...]]:
    parameters = {
        "tables": [*shape.tables, *shape.views, *(name for name, _column in shape.allowed)],
        "roles": list(API_ROLES),
        "schema": shape.private,
        "version": shape.version_table,
        "functions": shape.functions,
        "indexes": [
            index_name(name, index) for name, table in shape.tables.items() for index in table.indexes
        ],
    }
    return connection.execute(query, parameters).fetchall()


def index_name(table: str, index: str) -> str:
    """The qualified name of an index, which lies in the schema of its table."""
    return f"{table.partition('.')[0]}.{index}"


def _index(definition: str, valid: bool) -> str:
    """`unique (a, b desc)` of a plain index, otherwise its whole definition."""
    plain = re.fullmatch(r"CREATE (UNIQUE )?INDEX \S+ ON \S+ USING btree (\([^()]*\))", definition)
    text = f"{(plain[1] or '').lower()}{plain[2].replace(' DESC', ' desc')}" if plain else definition
    return text if valid else f"{text}, not valid"


def _has_key(items: Mapping[Item, str], table: str, key: str) -> bool:
    """Whether a unique index or key of any name is on exactly these columns, written as `_index` does."""
    columns = sorted(key.removeprefix("unique (").rstrip(")").split(", "))
    return any(
        (item.kind, item.on) == ("index", table)
        and text.startswith("unique (")
        and sorted(text.removeprefix("unique (").rstrip(")").split(", ")) == columns
        for item, text in items.items()
    )


def _policy(command: str, roles: Sequence[str], using: str, check: str, permissive: str) -> str:
    text = f"for {command} to {', '.join(roles)}" + (f" using ({using})" if using else "")
    text += f" with check ({check})" if check else ""
    return text if permissive == "PERMISSIVE" else f"{text}, restrictive"
