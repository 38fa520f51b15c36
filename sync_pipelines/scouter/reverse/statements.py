"""The statements of a merge in TabuladorMax, composed once for a mapping under its live types."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from psycopg import sql

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.field_hashes import (
    ROW,
    FieldList,
    here_hashes_sql,
    record_sql,
    there_hashes_sql,
)
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.rendering import ALIAS, body_sql, field_sql, hash_sql, payload_hash_sql
from sync_pipelines.scouter.mapping.transforms import FIRST_NON_EMPTY, Expression
from sync_pipelines.scouter.reverse.reverse_mapping import STAMPS, VERSION, ReverseMapping, moment_sql
from sync_pipelines.scouter.reverse.sql_files import statement

STAMP = "last_sync_at"


@dataclass(frozen=True)
class Statements:
    """Some have gaps that each batch fills with parameters; `reverse.fields` are in the order of `takes`."""

    fields: FieldList
    reverse: ReverseMapping
    read_readings: sql.Composed
    lock_leads: sql.Composed
    stage_values: sql.Composed
    update_leads: sql.Composed
    read_values: sql.Composed
    count_unknown_keys: sql.Composed
    hash_rows: sql.Composed
    take_base: sql.Composed
    fill_first_source: tuple[sql.Composed, ...]

    @classmethod
    def of(
        cls,
        mapping: FieldMapping,
        source_types: Mapping[str, str],
        *,
        fixed: Collection[str] = (),
        known: Collection[str] = (),
    ) -> Self:
        """`fixed` are columns here that nobody writes, `known` further columns there: in a payload they are expected.

        Raises PermanentError naming a column of the mapping that TabuladorMax does not have.
        """
        types = tuple(source_types.items())
        return cls._composed(mapping, types, fixed=frozenset(fixed), known=frozenset(known))

    @classmethod
    @lru_cache(maxsize=8)  # every thread of a push and every drain asks for the same: 25 ms of composing
    def _composed(
        cls,
        mapping: FieldMapping,
        types: tuple[tuple[str, str], ...],
        *,
        fixed: frozenset[str],
        known: frozenset[str],
    ) -> Self:
        source_types = dict(types)
        if lacking := sorted(mapping.sources - source_types.keys()):
            raise PermanentError(f"TabuladorMax has no column {', '.join(lacking)}, which the mapping takes.")
        fields = FieldList.of(mapping, source_types)
        reverse = ReverseMapping.of(mapping, source_types, fixed=fixed)
        expected = sorted({*known, *mapping.destinations, *STAMPS})
        hashes = there_hashes_sql(fields, takable=_takable(mapping, reverse))
        record = record_sql(fields)
        content_hash = payload_hash_sql(mapping, source_types, ROW)
        here = here_hashes_sql(fields), hash_sql(mapping, ALIAS)
        return cls(
            fields=fields,
            reverse=reverse,
            read_readings=statement("read_readings").format(
                hashes=hashes,
                version=_moment(VERSION),
                stamp=_moment(STAMP),
                content_hash=content_hash,
                record=record,
            ),
            lock_leads=statement("lock_leads").format(hashes=here[0], content_hash=here[1]),
            take_base=statement("take_base").format(hashes=here[0], content_hash=here[1]),
            fill_first_source=tuple(_fills(mapping)),
            stage_values=_stage(reverse),
            update_leads=statement("update_leads").format(changes=_changes(reverse, source_types)),
            read_values=statement("read_values").format(body=body_sql(mapping, ())),
            count_unknown_keys=statement("count_unknown_keys").format(known=sql.Literal(expected)),
            hash_rows=statement("hash_rows").format(hashes=hashes, content_hash=content_hash, record=record),
        )

    def insert_leads(self, names: frozenset[str]) -> sql.Composed:
        """Makes leads that take just these fields."""
        places = [
            (place, field) for place, field in enumerate(self.reverse.fields, 1) if field.destination in names
        ]
        return statement("insert_leads").format(
            columns=sql.SQL("").join(
                sql.SQL(", {}").format(sql.Identifier(field.source)) for _, field in places
            ),
            values=sql.SQL("").join(
                sql.SQL(
                    ", (select staged.{} from staged where staged.of_this_reading = decided.takes[{}])"
                ).format(sql.Identifier(field.source), sql.Literal(place))
                for place, field in places
            ),
        )

    @property
    def rewritten(self) -> frozenset[str]:
        """Fields that a text there fills in another type here."""
        return frozenset(field.destination for field in self.fields.fields if field.transform is not None)

    def takes(self, readings: Mapping[str, int]) -> str:
        """The array of `stage_decisions`: by column the reading that it is taken from."""
        return "{" + ",".join(str(readings.get(one.destination, "NULL")) for one in self.reverse.fields) + "}"


def _fills(mapping: FieldMapping) -> Iterator[sql.Composed]:
    for field in mapping.fields:
        if field.transform == FIRST_NON_EMPTY:
            yield statement("fill_first_source").format(
                column=sql.Identifier(field.sources[0]),
                field=sql.Literal(field.destination),
                value=field_sql(field),
            )


def _takable(mapping: FieldMapping, reverse: ReverseMapping) -> Mapping[str, Expression]:
    """What a transformed text must be like to be taken: the column that takes it has another type than the text."""
    transformed = {field.destination for field in mapping.fields if field.transform is not None}
    return {
        field.destination: field.guard
        for field in reverse.fields
        if field.guard is not None and field.destination in transformed
    }


def _moment(name: str) -> sql.Composed:
    """A time of a row as a timestamp, in UTC if it has no zone; NULL if it is none."""
    text = sql.SQL("({} ->> {})").format(ROW, sql.Literal(name))
    infinite = sql.SQL("case when {0} in ('infinity', '-infinity') then {0}::timestamptz else {1} end")
    return infinite.format(text, moment_sql(text))


def _stage(reverse: ReverseMapping) -> sql.Composed:
    values = [
        sql.SQL(", {} as {}").format(field.checked_value, sql.Identifier(field.source))
        for field in reverse.fields
    ]
    return statement("stage_values").format(record=reverse.record, values=sql.SQL("").join(values))


def _changes(reverse: ReverseMapping, source_types: Mapping[str, str]) -> sql.Composed:
    changes = [
        sql.SQL(
            "{0} = case when decided.takes[{1}] is null then lead.{0} else"
            " (select staged.{0} from staged where staged.of_this_reading = decided.takes[{1}]) end"
        ).format(sql.Identifier(field.source), sql.Literal(place))
        for place, field in enumerate(reverse.fields, 1)
    ]
    changes += [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.SQL(value))
        for name, value in STAMPS.items()
        if name in source_types
    ]
    return sql.SQL(", ").join(changes)
