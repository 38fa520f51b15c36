"""The statements of the drain, composed once for a mapping and run for every batch in the TabuladorMax database."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

from psycopg import sql

from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import hash_sql, payload_hash_sql
from sync_pipelines.scouter.reverse import reverse_mapping as backwards
from sync_pipelines.scouter.reverse import sql_texts
from sync_pipelines.scouter.reverse.reverse_mapping import LEAD, STAMPS, BackField, BackMapping
from sync_pipelines.scouter.sync_source import OURS


class Statements:
    """Every statement for one mapping, under the live types of TabuladorMax.

    `known` are further columns of Gestão Scouter, which are no surprise in a payload.
    """

    create, lock, events = sql_texts.CREATE, sql_texts.LOCK, sql_texts.EVENTS

    def __init__(
        self, mapping: FieldMapping, source_types: Mapping[str, str], known: Collection[str]
    ) -> None:
        self.back: BackMapping = backwards.backwards(mapping, source_types)
        self._mapping, self._types = mapping, source_types
        self._known = sorted({*known, *mapping.destinations, *STAMPS})

    @cached_property
    def unpack(self) -> sql.Composed:
        return sql.SQL(sql_texts.UNPACK).format(ours=_OURS)

    @cached_property
    def date(self) -> sql.Composed:
        column = sql.Identifier(backwards.VERSION)
        return sql.SQL(sql_texts.DATE).format(version=backwards.moment_sql(column), column=column)

    collapse = sql_texts.COLLAPSE

    @cached_property
    def reject(self) -> sql.Composed:
        problem = backwards.problem_sql(self.back.fields)
        return sql.SQL(sql_texts.REJECT).format(problem=problem, record=self.back.record)

    @cached_property
    def take(self) -> sql.Composed:
        values = [
            sql.SQL(", {} as {}").format(_guarded(field), sql.Identifier(field.source))
            for field in self.back.fields
        ]
        parts = {"mark": sql.Identifier(backwards.MARK), "values": sql.SQL("").join(values)}
        return sql.SQL(sql_texts.TAKE).format(record=self.back.record, **parts)

    @cached_property
    def decide(self) -> sql.Composed:
        differing: list[sql.Composable] = [
            sql.SQL("({0} is not null and {0} is distinct from {1})::integer").format(
                _comparable("taken", field), _comparable(LEAD, field)
            )
            for field in self.back.fields
        ]
        return sql.SQL(sql_texts.DECIDE).format(
            ours=_OURS,
            hash=hash_sql(self._mapping, LEAD),
            applied=backwards.moment_sql(sql.Identifier("whole", "applied_version")),
            payload_hash=payload_hash_sql(self._mapping, self._types, sql.Identifier("whole", "lead")),
            differing=sql.SQL(" + ").join(differing or [sql.SQL("0")]),
        )

    insert = sql_texts.INSERT

    @cached_property
    def update(self) -> sql.Composed:
        changes: list[sql.Composable] = [
            # A null never travels back: what is empty there may be filled here.
            sql.SQL("{0} = coalesce(taken.{0}, lead.{0})").format(sql.Identifier(field.source))
            for field in self.back.fields
        ]
        changes += [
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.SQL(value))
            for name, value in STAMPS.items()
            if name in self._types
        ]
        return sql.SQL(sql_texts.UPDATE).format(changes=sql.SQL(", ").join(changes))

    @cached_property
    def results(self) -> sql.Composed:
        return sql.SQL(sql_texts.RESULTS).format(hash=hash_sql(self._mapping, LEAD))

    @cached_property
    def unknown(self) -> sql.Composed:
        return sql.SQL(sql_texts.UNKNOWN).format(known=sql.Literal(self._known))


_OURS = sql.Literal(list(OURS))


def _guarded(field: BackField) -> sql.Composable:
    """The value in the type of its column, evaluated only where its guard holds."""
    value = sql.SQL("({})::{}").format(field.value, sql.SQL(field.kind))
    return sql.SQL("case when {} then {} end").format(field.guard, value) if field.guard else value


def _comparable(alias: str, field: BackField) -> sql.Composable:
    """A column that can be compared: json cannot."""
    column = sql.Identifier(alias, field.source)
    return sql.SQL("{}::text").format(column) if field.kind == "json" else column
