"""The control tables of the lead push, in the TabuladorMax project."""

from __future__ import annotations

from collections.abc import Mapping

from sync_pipelines.migrations.shape import Table, columns

LEADS_EXPORT: Mapping[str, Table] = {
    # The application's own: what a walk by day reads, and the two indexes that it needs.
    "public.leads": Table(
        columns(bigint="id", timestamptz="updated_at criado"),
        {"idx_leads_updated_at": "(updated_at, id)", "idx_leads_criado": "(criado)"},
        written=frozenset(),
        keeps_rules=True,
    ),
    "public.gestao_scouter_export_jobs": Table(
        {
            **columns(
                uuid="id created_by",
                text="status pause_reason",
                date="start_date end_date processing_date last_completed_date",
                integer="total_leads exported_leads error_leads",
                timestamptz="paused_at started_at completed_at created_at updated_at",
                jsonb="field_mappings",
            ),
            "fields_selected": "text[]",
        },
        {"idx_gestao_scouter_export_jobs_status": "(status, created_at)"},
        read="select",
        written=frozenset({"status", "start_date", "end_date", "field_mappings"}),
        blank=frozenset({"end_date", "field_mappings"}),
        values={"status": ("pending", "running", "paused", "completed", "failed")},
    ),
    "public.gestao_scouter_export_errors": Table(
        {
            **columns(
                uuid="id job_id",
                bigint="lead_id",
                jsonb="lead_snapshot fields_sent error_details response_body",
                text="error_message",
                integer="response_status",
                timestamptz="created_at",
            ),
            "ignored_fields": "text[]",
        },
        {
            "idx_gestao_scouter_export_errors_job": "(job_id, created_at)",
            "idx_gestao_scouter_export_errors_created_at": "(created_at)",
        },
        read="select",
        written=frozenset(
            {"job_id", "lead_id", "lead_snapshot", "fields_sent", "error_message", "response_status"}
        ),
        blank=frozenset({"response_status"}),
        keeps_rules=True,
    ),
    "public.gestao_scouter_field_mappings": Table(
        columns(uuid="id created_by", text="name", jsonb="mappings", boolean="is_default"),
        written=frozenset({"name", "mappings", "is_default"}),
        keeps_rules=True,
    ),
    "public.sync_events": Table(
        columns(
            uuid="id",
            text="event_type direction status error_message",
            bigint="lead_id",
            integer="sync_duration_ms",
            timestamptz="created_at",
        ),
        written=frozenset({"event_type", "direction", "lead_id", "status"}),
        values={
            "event_type": ("create", "update"),
            "direction": ("supabase_to_gestao_scouter", "gestao_scouter_to_supabase"),
            "status": ("success", "error"),
        },
    ),
    "sync_private.export_progress": Table(
        {
            **columns(
                uuid="job_id",
                integer="attempts",
                timestamptz="watermark cursor_at updated_at",
                text="phase",
                bigint="cursor_id",
                jsonb="options",
            ),
            "run_ids": "text[]",
            "unproved": "date[]",
        }
    ),
}
