"""The schema doctor: both live schemas compared through the mapping, before anything is sent.

Replaces the function `validate-gestao-scouter-schema`, which compared names before they were mapped and suggested TEXT
for everything. A report counts for five minutes in the ops database; a failed read never is kept.

A column that the last report missed, or saw with another type, is empty now or was converted: what is known of leads
is then doubted, and each is read again before it counts as unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.mapping_rules import without_prefixes
from sync_pipelines.scouter.mapping.suspect_rules import SuspectRule
from sync_pipelines.scouter.push.last_synced import Exchanges
from sync_pipelines.scouter.schema import compatibility, suggestions, tables
from sync_pipelines.scouter.schema.destination import TABLE, Described, describe, probe, probe_verdicts
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.scouter.schema.tables import (
    DestinationColumn,
    SourceColumn,
    Verdict,
    errors,
)

FRESH_FOR = timedelta(minutes=5)
OPS = "the ops database"
_DEFAULT = "default"


@dataclass(frozen=True)
class SchemaDoctor:
    """Examines one source and one destination; `destination` is its address, under which reports are kept."""

    source_url: str
    client_factory: Callable[[], PostgrestClient]
    ops_url: str
    destination: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def examine(self, mapping: FieldMapping | None = None, *, fresh: bool = False) -> SchemaReport:
        """The report for a mapping, or for the default one of the live columns; `fresh` looks again at once.

        Raises SyncError where one of the sides cannot be read.
        """
        now, key = self.clock(), mapping.fingerprint if mapping else _DEFAULT
        # One that refuses a push is no longer true as soon as somebody ran its SQL.
        if not fresh and (kept := self._kept(key, now)) and kept.fits:
            return kept
        with postgres.connect(self.source_url, what=tables.SOURCE, read_only=True) as connection:
            source = tables.read_source(connection)
        with self.client_factory() as client:
            report = _report(client, mapping, source, now=now)
        self._keep(key, report)
        return report

    def forget(self) -> None:
        """Look again next time: after a reload, and when a write did not find a column (PGRST204)."""
        with postgres.connect(self.ops_url, what=OPS) as ops:
            # Not deleted: what it missed has to be known when the column is there again.
            ops.execute(
                "update ops.schema_reports set checked_at = to_timestamp(0) where destination = %s",
                (self.destination,),
            )

    def _kept(self, key: str, now: datetime) -> SchemaReport | None:
        with postgres.connect(self.ops_url, what=OPS, read_only=True) as ops:
            row = ops.execute(
                "select report from ops.schema_reports"
                " where destination = %s and mapping_hash = %s and checked_at > %s and checked_at <= %s",
                (self.destination, key, now - FRESH_FOR, now),
            ).fetchone()
        return SchemaReport.from_document(row[0]) if row else None

    def _keep(self, key: str, report: SchemaReport) -> None:
        with postgres.connect(self.ops_url, what=OPS) as ops, postgres.errors_about(OPS), ops.transaction():
            row = ops.execute(
                "select report from ops.schema_reports where destination = %s for update", (self.destination,)
            ).fetchone()
            if row and (before := _read(row[0])) and mended(before, report):
                Exchanges(ops, self.destination).doubt_all()
            ops.execute(
                "insert into ops.schema_reports (destination, mapping_hash, report, checked_at)"
                " values (%s, %s, %s, %s) on conflict (destination) do update set mapping_hash = excluded.mapping_hash,"
                " report = excluded.report, checked_at = excluded.checked_at",
                (self.destination, key, Jsonb(report.document()), report.checked_at),
            )


def _read(document: Mapping[str, Any]) -> SchemaReport | None:
    """A kept report; None where another version of ours wrote it in a form that is no report now."""
    try:
        return SchemaReport.from_document(document)
    except (SyncError, KeyError, TypeError, ValueError):
        return None


def mended(before: SchemaReport, now: SchemaReport) -> tuple[str, ...]:
    """Columns that a push writes and that are not the ones of the report before; `*` where none could be told."""
    if any(one.rule in ("stale_cache", "table") for one in errors(before.verdicts)) and now.fits:
        return ("*",)
    missed = set(before.missing_in_gestao_scouter)
    # Without a document only names are known, and only those of a mapping.
    known = not before.notes and not now.notes and before.destination_columns
    types = before.destination_columns
    return tuple(
        name
        for name, kind in now.destination_columns.items()
        if name in now.mapping.columns
        and name not in now.missing_in_gestao_scouter
        and (name in missed or (known and types.get(name) != kind))
    )


def _report(
    client: PostgrestClient, mapping: FieldMapping | None, source: Mapping[str, SourceColumn], now: datetime
) -> SchemaReport:
    described = describe(client)
    shown = described.columns
    mapping = without_prefixes(mapping or default_mapping(source, shown or ()), source)
    probed = probe(client, mapping.columns)
    found = _found(described, mapping, probed.unknown)
    verdicts = [
        *probe_verdicts(probed, shown),
        # Without a document the probe has told already what is missing.
        *tables.missing_verdicts(mapping, source, mapping.columns if shown is None else found),
    ]
    if shown == {}:
        # Not one verdict a column of a table that is not there: no ALTER TABLE would help.
        verdicts = [one for one in verdicts if one.rule != "destination_missing"]
        if not any(one.rule == "table" for one in verdicts):
            verdicts.insert(0, _unseen_table())
    conflict_works = probed.problem is None or any(one.rule == "key" for one in verdicts)
    verdicts += tables.table_verdicts(mapping, shown or {}, conflict_works=conflict_works or not shown)
    fields, suspects = _judged(mapping, source, found)
    verdicts += fields
    return SchemaReport(
        mapping=mapping,
        verdicts=tuple(verdicts),
        suspects=tuple(suspects),
        source_types={name: column.type for name, column in source.items()},
        destination_columns={name: column.type for name, column in found.items()},
        suggested_sql=suggestions.suggested_sql(mapping, source, verdicts),
        checked_at=now,
        notes=(described.note,) if described.note else (),
        only_in_tabuladormax=tuple(tables.only_here(mapping, source)),
        only_in_gestao_scouter=tuple(tables.only_there(mapping, found)),
    )


def _found(
    described: Described, mapping: FieldMapping, unknown: tuple[str, ...]
) -> Mapping[str, DestinationColumn]:
    if described.columns is not None:
        return described.columns
    return {name: DestinationColumn(name, "") for name in mapping.columns if name not in unknown}


def _judged(
    mapping: FieldMapping, source: Mapping[str, SourceColumn], found: Mapping[str, DestinationColumn]
) -> tuple[list[Verdict], list[SuspectRule]]:
    verdicts, suspects = list[Verdict](), list[SuspectRule]()
    for field in mapping.fields:
        if field.destination in found and all(name in source for name in field.sources):
            verdict, tests = compatibility.verdict(field, source, found[field.destination])
            verdicts.append(verdict)
            suspects += tests
    return verdicts, suspects


def _unseen_table() -> Verdict:
    return Verdict(
        field="*",
        level="error",
        rule="table",
        sentence=f"{tables.DESTINATION} shows no table {TABLE}: it is not there, our key may not see it,"
        " or its schema cache is stale.",
    )
