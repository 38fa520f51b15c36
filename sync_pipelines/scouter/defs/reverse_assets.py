"""The leads that people changed in Gestão Scouter, as an asset: a run drains the inbox until nothing waits."""

import time
from typing import Any

import dagster as dg

from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.metadata import table_definition
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.defs import reverse_descriptions as descriptions
from sync_pipelines.scouter.defs.descriptions import DESTINATION_KEY, GROUP, OWNER
from sync_pipelines.scouter.reverse.pipeline import ReverseSync, ReverseSyncRun
from sync_pipelines.scouter.reverse.report import DrainReport


@dg.asset(
    key=descriptions.INBOUND_KEY,
    deps=[DESTINATION_KEY],
    description=descriptions.DESCRIPTION,
    group_name=GROUP,
    owners=[OWNER],
    kinds={"postgres"},
    tags={"personal_data": "true"},
    metadata=table_definition("public.leads", descriptions.columns()),
    freshness_policy=descriptions.FRESHNESS,
    check_specs=[
        dg.AssetCheckSpec(name, asset=descriptions.INBOUND_KEY, description=text)
        for name, text in descriptions.CHECKS.items()
    ],
    pool="scouter_inbound",
    op_tags={"dagster/max_runtime": "3600"},
)
def leads_inbound(
    context: dg.AssetExecutionContext, reverse_sync: dg.ResourceParam[ReverseSync]
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    started = time.monotonic()
    with failing_in_a_sentence(context):
        done = reverse_sync.run(context.run.run_id, context.log.info)
    return dg.MaterializeResult[Any](
        metadata=_metadata(done) | {keys.DURATION: round(time.monotonic() - started, 2)},
        check_results=_checks(done),
    )


def _metadata(done: ReverseSyncRun) -> dict[str, Any]:
    drained = done.drained
    return {
        keys.ROWS_READ: drained.read,
        keys.ROWS_LOADED: drained.applied,
        keys.ROWS_UNCHANGED: drained.ignored.total(),
        keys.ROWS_REJECTED: drained.rejected.total(),
        "created": drained.created,
        "created_leads": drained.created_ids[:100],
        "fetched_from_the_outbox": done.collected,
        "forgotten": done.forgotten,
        "decisions": dg.MetadataValue.md(_decisions(drained)),
        "new_conflicts": drained.conflicts,
        "open_conflicts": dg.MetadataValue.md(_conflicts(done)),
        "unknown_columns": dict(drained.unknown),
        "columns_that_are_not_taken_back": list(drained.one_way),
    }


def _decisions(drained: DrainReport) -> str:
    """The decisions as a Markdown table, each with its reason."""
    by_reason = {"ignored": drained.ignored, "rejected": drained.rejected}
    return "\n".join(
        [
            "| decision | reason | rows |",
            "|---|---|---:|",
            f"| applied | | {drained.applied} |",
            *(
                f"| {decision} | {reason.replace('|', '/')} | {count} |"
                for decision, reasons in by_reason.items()
                for reason, count in reasons.most_common(50)
            ),
        ]
    )


def _conflicts(done: ReverseSyncRun) -> str:
    """The newest conflicts as a Markdown table; values that may be personal are not shown."""
    if not done.conflicts:
        return "None."
    rows = [
        f"| {one.id} | {one.lead_id} | {one.field} | {_cell(one.here)} | {_cell(one.there)} | {one.kept} | {one.reason}"
        f" | {one.decided_at:%Y-%m-%d %H:%M} |"
        for one in done.conflicts
    ]
    head = "| conflict | lead | field | TabuladorMax had | Gestão Scouter had | kept | by | decided |"
    return "\n".join([head, "|---:|---:|---|---|---|---|---|---|", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def _checks(done: ReverseSyncRun) -> list[dg.AssetCheckResult]:
    drained = done.drained
    rejected = drained.rejected.total()
    return [
        dg.AssetCheckResult(
            check_name=descriptions.NOT_REJECTED,
            passed=not rejected,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{rejected} changes were rejected; ops.inbox and sync_events say why."
            if rejected
            else "None was rejected.",
        ),
        dg.AssetCheckResult(
            check_name=descriptions.DRAINED,
            passed=not done.waiting,
            description=f"{done.waiting} changes wait." if done.waiting else "Nothing waits.",
        ),
        dg.AssetCheckResult(
            check_name=descriptions.KNOWN,
            passed=not drained.created,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{drained.created} leads were created in TabuladorMax."
            if drained.created
            else "All were there.",
        ),
        dg.AssetCheckResult(
            check_name=descriptions.AGREED,
            passed=not done.open_conflicts,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{done.open_conflicts} fields had been changed on both sides: the table open_conflicts of the"
            " asset says which value was kept; then launch scouter_choose_conflicts."
            if done.open_conflicts
            else "No conflict waits.",
            metadata={"open_conflicts": done.open_conflicts},
        ),
    ]
