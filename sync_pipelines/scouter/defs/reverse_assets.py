"""What came back from Gestão Scouter, as an asset: a run works the inbox down to nothing."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.metadata import table_definition
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.reverse.pipeline import ReverseSync, ReverseSyncRun

INBOUND_KEY = dg.AssetKey(["scouter", "leads_inbound"])
GROUP, OWNER = "scouter", "team:scouter"
NOT_REJECTED = "no_change_was_rejected"
DRAINED = "inbox_is_drained"
KNOWN = "every_changed_lead_was_known"
CHECKS = {
    NOT_REJECTED: "Every change fits the columns of TabuladorMax (a warning; the rows wait to be replayed).",
    DRAINED: "Nothing waits in the inbox when a run ends.",
    KNOWN: "No lead was created: its number may be one that the CRM will give again (a warning).",
}
#: The daily run drains even where nothing came, so that a sensor which is off is seen.
FRESHNESS = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=30), warn_window=timedelta(hours=26))

DESCRIPTION = """Changes that people made in Gestão Scouter, brought back into `public.leads` of TabuladorMax.

Replaces the Edge Function `sync-from-gestao-scouter`, whose webhook now only stores (`ops.inbox`). Key: lead; of
several changes the newest counts. Ignored are echoes of our own push, by content; versions older than ours; nulls.
Done means: every row that waited is applied, ignored with its reason, or rejected with its field and rule, and
`sync_events` tells of what was written."""

_TYPES = {
    "age": "integer",
    "ficha_confirmada": "boolean",
    "presenca_confirmada": "boolean",
    "compareceu": "boolean",
    "cadastro_existe_foto": "boolean",
    "valor_ficha": "numeric(10,2)",
    "raw": "jsonb",
    "commercial_project_id": "uuid",
    "responsible_user_id": "uuid",
    **dict.fromkeys(
        (
            "updated_at",
            "last_sync_at",
            "criado",
            "date_modify",
            "data_criacao_ficha",
            "data_confirmacao_ficha",
        ),
        "timestamptz",
    ),
}
_TEXTS = (
    *(
        "name",
        "photo_url",
        "celular",
        "telefone_trabalho",
        "telefone_casa",
        "responsible",
        "scouter",
        "etapa",
    ),
    *("fonte", "nome_modelo", "local_abordagem", "horario_agendamento", "status_fluxo", "etapa_funil"),
    *(
        "etapa_fluxo",
        "status_tabulacao",
        "maxsystem_id_ficha",
        "op_telemarketing",
        "sync_source",
        "sync_status",
    ),
)
_NOTES = {
    "id": "number of the lead in the CRM",
    "name": "from nome; personal data",
    "photo_url": "from foto; personal data",
    "celular": "personal data",
    "telefone_trabalho": "personal data",
    "telefone_casa": "personal data",
    "updated_at": "when the change was taken, not when it was made",
    "last_sync_at": "as updated_at",
    "sync_source": "gestao_scouter",
    "sync_status": "synced",
}


def _columns() -> Mapping[str, tuple[str, str]]:
    types = {"id": "bigint", **_TYPES, **dict.fromkeys(_TEXTS, "text")}
    return {name: (kind, _NOTES.get(name, "")) for name, kind in types.items()}


def inbound_asset(deps: Sequence[dg.AssetKey] = ()) -> dg.AssetsDefinition:
    """The asset; `deps` are what stands for the other side in the lineage. Needs the resource `way_back`."""

    @dg.asset(
        key=INBOUND_KEY,
        deps=list(deps),
        description=DESCRIPTION,
        group_name=GROUP,
        owners=[OWNER],
        kinds={"postgres"},
        tags={"personal_data": "true"},
        metadata=table_definition("public.leads", _columns()),
        freshness_policy=FRESHNESS,
        check_specs=[
            dg.AssetCheckSpec(name, asset=INBOUND_KEY, description=text) for name, text in CHECKS.items()
        ],
        pool="scouter_inbound",
        op_tags={"dagster/max_runtime": "3600"},
    )
    def leads_inbound(
        context: dg.AssetExecutionContext, way_back: dg.ResourceParam[ReverseSync]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        started = time.monotonic()
        with failing_in_a_sentence(context):
            done = way_back.run(context.run.run_id, context.log.info)
        return dg.MaterializeResult[Any](
            metadata=_metadata(done) | {keys.DURATION: round(time.monotonic() - started, 2)},
            check_results=_checks(done),
        )

    return leads_inbound


def _metadata(done: ReverseSyncRun) -> dict[str, Any]:
    drained = done.drained
    told = {"ignored": drained.ignored, "rejected": drained.rejected}
    return {
        keys.ROWS_READ: drained.read,
        keys.ROWS_LOADED: drained.applied,
        keys.ROWS_UNCHANGED: drained.ignored.total(),
        keys.ROWS_REJECTED: drained.rejected.total(),
        "created": drained.created,
        "created_leads": drained.created_ids[:100],
        "fetched_from_the_outbox": done.fetched,
        "forgotten": done.forgotten,
        "decisions": dg.MetadataValue.md(
            "\n".join(
                [
                    "| decision | reason | rows |",
                    "|---|---|---:|",
                    f"| applied | | {drained.applied} |",
                    *(
                        f"| {decision} | {reason.replace('|', '/')} | {count} |"
                        for decision, reasons in told.items()
                        for reason, count in reasons.most_common(50)
                    ),
                ]
            )
        ),
        "unknown_columns": dict(drained.unknown),
        "columns_that_are_not_taken_back": list(drained.one_way),
    }


def _checks(done: ReverseSyncRun) -> list[dg.AssetCheckResult]:
    drained = done.drained
    rejected = drained.rejected.total()
    return [
        dg.AssetCheckResult(
            check_name=NOT_REJECTED,
            passed=not rejected,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{rejected} changes were rejected; ops.inbox and sync_events say why."
            if rejected
            else "None was rejected.",
        ),
        dg.AssetCheckResult(
            check_name=DRAINED,
            passed=not done.waiting,
            description=f"{done.waiting} changes wait." if done.waiting else "Nothing waits.",
        ),
        dg.AssetCheckResult(
            check_name=KNOWN,
            passed=not drained.created,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{drained.created} leads were created in TabuladorMax."
            if drained.created
            else "All were there.",
        ),
    ]
