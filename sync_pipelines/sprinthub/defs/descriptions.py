"""Keys, check names and texts of the assets of the segments, as the UI shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise

import dagster as dg

from sync_pipelines.lib.orchestration.metadata import table_definition
from sync_pipelines.sprinthub.leads.contract_columns import (
    COLUMN_OF_FIELD,
    CONTRACT_TYPES,
    EXTRA,
    SEGMENT,
    STAMP,
    SYNONYMS,
)
from sync_pipelines.sprinthub.segments.cadence import Cadence

GROUP = "sprinthub"
OWNER = "team:sprinthub"

CRM_KEY = dg.AssetKey(["sprinthub", "crm"])
LIST_KEY = dg.AssetKey(["sprinthub", "segment_leads"])
MEMBERSHIP_KEY = dg.AssetKey(["sprinthub", "segment_membership"])
LEADS_KEY = dg.AssetKey(["sprinthub", "leads"])
#: In topological order.
ASSETS = (LIST_KEY, MEMBERSHIP_KEY, LEADS_KEY)

#: A row of `public.sync_segments_control`; the key is the segment's number.
SEGMENTS = dg.DynamicPartitionsDefinition(name="segment")

COMPLETE = "list_is_complete"
ACCOUNTED = "every_detail_is_accounted_for"
EQUAL = "leads_equal_the_crm"
NO_DRIFT = "no_custom_field_is_unknown"
SEGMENT_CHECKS: Mapping[dg.AssetKey, Mapping[str, str]] = {
    LIST_KEY: {COMPLETE: "As many leads as the CRM counts, in two readings the same."},
    LEADS_KEY: {
        ACCOUNTED: "Every lead of the list is up to date, loaded, unchanged or a reject; none is unread.",
        EQUAL: "The segment's leads in `api.leads` are those of the list, and hold what their details said.",
        NO_DRIFT: "Every custom field of the CRM has a column; the others are kept in `extra` (a warning).",
    },
}
SUCCESS_RATE = "success_rate_is_95_percent"
RUN_TIME = "runs_end_within_10_minutes"
ERRORS = "no_segment_fails_six_times"
FRESH = "every_segment_is_fresh"

LIST_DESCRIPTION = """The leads of a segment as the CRM lists them, complete.

All pages, read until two readings agree and reconciled with the CRM's own count; the raw pages are kept in the landing
store before anybody looks at them. Grain: segment and lead. A failed page fails the segment, and the list of its last
success stays; a list that lost more leads than is plausible needs a person (`mass_leaving`)."""
MEMBERSHIP_DESCRIPTION = """Which lead was in which segment, from when to when.

The column `segmento` of `api.leads` holds one segment only: the one that last listed the lead. A lead that leaves a
segment keeps its row there and gets `left_at` here. Done means: those without `left_at` are the list."""
LEADS_DESCRIPTION = """The leads of a segment in `api.leads`, with everything that the CRM's details say of them.

Replaces the pg_cron job `sync-segments-daily`, the Edge Function `sync-segment-leads` and the script
`sync-and-enrich-segment.js`. Key: the lead's number. Details are read of leads that are new, that changed by what the
list says of them, or that were last read too long ago, within the CRM's patience, and are committed as they come: a run
that dies goes on where it was. Written is what the API said, null only where it said null; the dialler's columns never.
Done means: every lead of the list is there, and the rows hold what the details said. `public.sync_segments_logs` has
one row a run."""

_BIGINT, _INTEGER, _MOMENT = "bigint", "integer", "timestamp with time zone"


def external_specs() -> list[dg.AssetSpec]:
    """The CRM, so that the lineage begins there."""
    return [
        dg.AssetSpec(
            CRM_KEY,
            group_name=GROUP,
            kinds={"rest"},
            owners=[OWNER],
            description="SprintHub: segments, the lists of their leads, and each lead's details.",
        )
    ]


def specs(freshness: dg.FreshnessPolicy) -> list[dg.AssetSpec]:
    """The assets of a segment."""
    return [
        _spec(LIST_KEY, LIST_DESCRIPTION, [CRM_KEY], table=_list_table(), freshness=freshness),
        _spec(
            MEMBERSHIP_KEY, MEMBERSHIP_DESCRIPTION, [LIST_KEY], table=_membership_table(), freshness=freshness
        ),
        _spec(LEADS_KEY, LEADS_DESCRIPTION, [LIST_KEY, CRM_KEY], table=_leads_table(), freshness=freshness),
    ]


def check_specs() -> list[dg.AssetCheckSpec]:
    """The checks that a run evaluates for each segment."""
    return [
        dg.AssetCheckSpec(name, asset=key, description=text, partitions_def=SEGMENTS)
        for key, checks in SEGMENT_CHECKS.items()
        for name, text in checks.items()
    ]


def freshness(cadence: Cadence, now: datetime) -> dg.FreshnessPolicy:
    """The longest time between two of the next ticks, so that a cron of weekdays is not stale on a Sunday."""
    ticks = [cadence.next_after(now)]
    while len(ticks) < 60:
        ticks.append(cadence.next_after(ticks[-1]))
    longest = max(after - before for before, after in pairwise(ticks))
    return dg.FreshnessPolicy.time_window(
        fail_window=longest + timedelta(hours=4), warn_window=longest + timedelta(hours=2)
    )


def _spec(
    key: dg.AssetKey,
    description: str,
    deps: list[dg.AssetKey],
    *,
    table: dict[str, object],
    freshness: dg.FreshnessPolicy,
) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        group_name=GROUP,
        description=description,
        metadata=table,
        kinds={"postgres"},
        owners=[OWNER],
        tags={"personal_data": "true"},
        partitions_def=SEGMENTS,
        freshness_policy=freshness,
    )


def _list_table() -> dict[str, object]:
    columns = {
        "segment_id": (_INTEGER, "number of the segment"),
        "lead_id": (_BIGINT, "number of the lead"),
        "list_hash": ("uuid", "md5 of what the list says of the lead: another one makes its details due"),
    }
    crm = "/".join(CRM_KEY.path)
    lineage = {
        "segment_id": [(crm, "segment.id")],
        "lead_id": [(crm, "leads.id")],
        "list_hash": [(crm, "leads")],
    }
    return table_definition("sync_private.segment_leads", columns, lineage)


def _membership_table() -> dict[str, object]:
    columns = {
        "segment_id": (_INTEGER, "number of the segment"),
        "lead_id": (_BIGINT, "number of the lead"),
        "entered_at": (_MOMENT, "the run that found the lead in the segment"),
        "left_at": (_MOMENT, "the run that no longer found it; null while it is in"),
    }
    listed = "/".join(LIST_KEY.path)
    lineage = {name: [(listed, name)] for name in ("segment_id", "lead_id")}
    return table_definition("sync_private.segment_membership", columns, lineage)


def _leads_table() -> dict[str, object]:
    """The contract's columns; live columns that have the name of a custom field are filled besides."""
    field_of = {column: field for field, column in COLUMN_OF_FIELD.items()}
    columns = {"id": (_BIGINT, "number of the lead")}
    lineage = {"id": ["lead.id"]}
    for column, kind in CONTRACT_TYPES.items():
        field = field_of.get(column, column)
        fields = [field, *([SYNONYMS[field]] if field in SYNONYMS else [])]
        columns[column] = (kind, f"from {' or '.join(fields)}")
        lineage[column] = [f"lead.{name}" for name in fields]
    columns |= {
        SEGMENT: (_INTEGER, "the segment that last listed the lead"),
        EXTRA: ("jsonb", "custom fields without a column"),
        STAMP: (_MOMENT, "when the row was written"),
    }
    crm, listed = "/".join(CRM_KEY.path), "/".join(LIST_KEY.path)
    sources = {column: [(crm, field) for field in fields] for column, fields in lineage.items()}
    return table_definition("api.leads", columns, {**sources, SEGMENT: [(listed, "segment_id")]})
