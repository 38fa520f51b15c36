"""Our own database."""

from __future__ import annotations

from collections.abc import Mapping

from sync_pipelines.migrations.shape import Table, columns

OPS: Mapping[str, Table] = {
    "ops.landed_files": Table(
        columns(
            bigint="id bytes",
            text="asset path sha256 status reason content_digest sheet_digest run_id",
            jsonb="details",
            timestamptz="landed_at",
        ),
        {
            "landed_files_newest": "(asset, status, id desc)",
            "landed_files_sheet": "(asset, sheet_digest)",
        },
    ),
    "ops.landed_partitions": Table(columns(bigint="landed_id", text="partition_key", jsonb="content")),
    "ops.rejects": Table(
        columns(
            bigint="id landed_id",
            text="asset partition_key run_id column_name value rule reason",
            integer="source_row",
            jsonb="raw locator",
            timestamptz="rejected_at",
        ),
        {"rejects_by_run": "(run_id)", "rejects_by_asset": "(asset, rejected_at desc)"},
        added=frozenset({"locator"}),
    ),
    "ops.proofs": Table(
        columns(
            bigint="id",
            text="asset partition_key run_id source_version problem",
            jsonb="source destination",
            boolean="holds",
            timestamptz="proved_at",
        ),
        {"proofs_newest": "(asset, partition_key, id desc)"},
    ),
    "ops.copies": Table(
        columns(
            bigint="id rows bytes",
            text="asset partition_key name run_id",
            boolean="proved",
            jsonb="details",
            timestamptz="made_at removed_at pinned_at",
        ),
        {
            "copies_by_name": "unique (asset, name)",
            "copies_newest": "(asset, proved, made_at desc)",
        },
        added=frozenset({"pinned_at"}),
    ),
    "ops.drills": Table(
        {
            **columns(bigint="id", text="asset copy_name run_id", boolean="equal", jsonb="details"),
            **columns(timestamptz="drilled_at"),
            "seconds": "double precision",
        },
        {"drills_newest": "(asset, drilled_at desc)"},
    ),
    "ops.alerts": Table(
        columns(
            bigint="id",
            text="asset partition_key kind delivered_by run_id",
            jsonb="details",
            timestamptz="alerted_at",
        ),
        {"alerts_once": "unique (asset, partition_key, kind)"},
    ),
    "ops.decisions": Table(
        columns(
            bigint="id",
            text="asset partition_key decision run_id",
            jsonb="details",
            timestamptz="decided_at",
        ),
        {"decisions_newest": "(asset, partition_key, id desc)"},
    ),
    "ops.lead_exchanges": Table(
        columns(
            text="destination direction run_id",
            bigint="lead_id",
            uuid="content_hash",
            timestamptz="updated_at exchanged_at",
            boolean="doubted",
        ),
        added=frozenset({"doubted"}),
    ),
    "ops.schema_reports": Table(
        columns(text="destination mapping_hash", jsonb="report", timestamptz="checked_at")
    ),
    "ops.inbox": Table(
        columns(
            bigint="id lead_id",
            text="source status reason run_id",
            jsonb="payload",
            timestamptz="received_at decided_at",
        ),
        {"inbox_by_status": "(status, id)", "inbox_by_lead": "(lead_id, id)"},
    ),
}
