"""Both live schemas compared through one field mapping."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.mapping.mapping_rules import without_prefixes
from sync_pipelines.scouter.mapping.suspect_rules import SuspectRule
from sync_pipelines.scouter.schema import compatibility, suggestions, table_verdicts
from sync_pipelines.scouter.schema.columns import DESTINATION, TABLE, DestinationColumn, SourceColumn
from sync_pipelines.scouter.schema.openapi import Described, describe
from sync_pipelines.scouter.schema.probe import probe, probe_verdicts
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.scouter.schema.verdicts import Verdict


def compare_schemas(
    client: PostgrestClient, mapping: FieldMapping | None, source: Mapping[str, SourceColumn], now: datetime
) -> SchemaReport:
    """The report on a mapping, or on the default one of the live columns. Raises SyncError if the read fails."""
    described = describe(client)
    shown = described.columns
    mapping = without_prefixes(mapping or default_mapping(source, shown or ()), source)
    probed = probe(client, mapping.columns)
    found = _destination_columns(described, mapping, probed.unknown)
    verdicts = [
        *probe_verdicts(probed, shown),
        # Without a document the probe has already found what is missing.
        *table_verdicts.missing_verdicts(mapping, source, mapping.columns if shown is None else found),
    ]
    if shown == {}:
        # The table itself is missing: no verdict per column, because no ALTER TABLE would help.
        verdicts = [one for one in verdicts if one.rule != "destination_missing"]
        if not any(one.rule == "table" for one in verdicts):
            verdicts.insert(0, _missing_table())
    conflict_works = probed.problem is None or any(one.rule == "key" for one in verdicts)
    verdicts += table_verdicts.table_verdicts(
        mapping, shown or {}, conflict_works=conflict_works or not shown
    )
    fields, rules = _judge_fields(mapping, source, found)
    verdicts += fields
    return SchemaReport(
        mapping=mapping,
        verdicts=tuple(verdicts),
        suspects=tuple(rules),
        source_types={name: column.type for name, column in source.items()},
        destination_columns={name: column.type for name, column in found.items()},
        suggested_sql=suggestions.suggested_sql(mapping, source, verdicts),
        checked_at=now,
        notes=(described.note,) if described.note else (),
        only_in_tabuladormax=tuple(table_verdicts.only_in_source(mapping, source)),
        only_in_gestao_scouter=tuple(table_verdicts.only_in_destination(mapping, found)),
    )


def _destination_columns(
    described: Described, mapping: FieldMapping, unknown: tuple[str, ...]
) -> Mapping[str, DestinationColumn]:
    if described.columns is not None:
        return described.columns
    return {name: DestinationColumn(name, "") for name in mapping.columns if name not in unknown}


def _judge_fields(
    mapping: FieldMapping, source: Mapping[str, SourceColumn], found: Mapping[str, DestinationColumn]
) -> tuple[list[Verdict], list[SuspectRule]]:
    verdicts, rules = list[Verdict](), list[SuspectRule]()
    for field in mapping.fields:
        if field.destination in found and all(name in source for name in field.sources):
            verdict, found_rules = compatibility.judge(field, source, found[field.destination])
            verdicts.append(verdict)
            rules += found_rules
    return verdicts, rules


def _missing_table() -> Verdict:
    return Verdict(
        field="*",
        level="error",
        rule="table",
        sentence=f"{DESTINATION} shows no table {TABLE}: it is not there, our key may not see it,"
        " or its schema cache is stale.",
    )
