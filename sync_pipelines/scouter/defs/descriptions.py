"""Keys, check names and texts of the assets of the lead push, as the UI shows them."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from sync_pipelines.lib.orchestration.metadata import table_definition
from sync_pipelines.scouter.mapping.default_mapping import default_mapping
from sync_pipelines.settings.scouter import ScouterSettings

GROUP = "scouter"
OWNER = "team:scouter"

EXPORT_KEY = dg.AssetKey(["scouter", "leads_export"])
SCHEMA_KEY = dg.AssetKey(["scouter", "schema"])
SOURCE_KEY = dg.AssetKey(["scouter", "tabuladormax_leads"])
DESTINATION_KEY = dg.AssetKey(["scouter", "gestao_scouter_leads"])

SCHEMAS_FIT = "schemas_fit"
TRAVELS = "every_source_column_travels"
PROVED = "destination_holds_what_was_sent"
ACCEPTED = "every_lead_was_accepted"
EQUAL = "destination_still_holds_every_lead"
DATED = "every_lead_has_a_day"
NO_OLD_ERRORS = "no_refused_lead_waits_longer_than_a_week"
MOVING = "no_export_stands_still"

EXPORT_DESCRIPTION = """Leads of TabuladorMax in Gestão Scouter, by the day of their last change.

Replaces the Edge Function `export-to-gestao-scouter-batch`. Key: the lead's number, the same on both sides; every
mapped column is written, null included, and no other. A run starts with the most recent day and goes back; only leads
that differ from their last-synced state are sent. A push that a person starts reads unchanged leads at the destination
too, and sends those that are not there as they were left; the hourly one rests on earlier readings, which
`scouter_compare_weekly` renews. Rejected leads are in `gestao_scouter_export_errors` and can be
replayed. Done means: what was sent was read back and is equal, column by column, before the day counts."""


def external_specs() -> list[dg.AssetSpec]:
    """Both tables of leads, so that the lineage begins and ends with tables that people know."""
    return [
        dg.AssetSpec(
            SOURCE_KEY,
            group_name=GROUP,
            kinds={"supabase"},
            owners=[OWNER],
            description="`public.leads` of TabuladorMax, the source of truth.",
        ),
        dg.AssetSpec(
            DESTINATION_KEY,
            group_name=GROUP,
            deps=[EXPORT_KEY],
            kinds={"supabase"},
            owners=[OWNER],
            description="`public.leads` of Gestão Scouter, reached over PostgREST.",
        ),
    ]


def table() -> dict[str, object]:
    """The destination's table, as a push with the default mapping writes it."""
    types = {"id": "bigint", "age": "integer", "raw": "jsonb", "valor_ficha": "numeric(10,2)"}
    types |= {"responsible_user_id": "uuid"}
    types |= dict.fromkeys(("cadastro_existe_foto", "compareceu", "presenca_confirmada"), "boolean")
    moments = ("criado", "data_confirmacao_ficha", "data_criacao_ficha", "date_modify", "updated_at")
    types |= dict.fromkeys((*moments, "last_sync_at"), "timestamp with time zone")
    mapping = default_mapping((), ())
    sources = {field.destination: field.sources for field in mapping.fields}
    columns = {
        name: (
            types.get(name, "text"),
            f"from {' or '.join(sources[name])}" if name in sources else "the push's own",
        )
        for name in mapping.columns
    }
    source = "/".join(SOURCE_KEY.path)
    lineage = {name: [(source, one) for one in names] for name, names in sources.items()}
    return table_definition("public.leads", columns, lineage)


def freshness(settings: ScouterSettings) -> dg.FreshnessPolicy:
    """Hours if the push runs by the hour; otherwise people start it, and a week without one is long."""
    if not settings.scouter_hourly_push:
        return dg.FreshnessPolicy.time_window(fail_window=timedelta(days=14), warn_window=timedelta(days=7))
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=3), warn_window=timedelta(hours=2))
