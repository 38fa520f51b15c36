"""The schema doctor as an asset, with the check that stops a push in the same run."""

from typing import Any

import dagster as dg

from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.defs import descriptions
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.schema.report import SchemaReport
from sync_pipelines.scouter.schema.unmapped_columns import UnmappedColumns

DESCRIPTION = """Both live tables of leads compared through the field mapping, before anything is sent.

Replaces `validate-gestao-scouter-schema`. Verdicts by column, and the exact SQL that would put things right: it is
shown, never executed. A push looks at the same report, which counts for five minutes, and does not start where the two
sides do not fit."""


@dg.asset(
    key=descriptions.SCHEMA_KEY,
    deps=[descriptions.SOURCE_KEY],
    group_name=descriptions.GROUP,
    owners=[descriptions.OWNER],
    kinds={"postgres", "rest"},
    description=DESCRIPTION,
    check_specs=[
        dg.AssetCheckSpec(
            descriptions.SCHEMAS_FIT,
            asset=descriptions.SCHEMA_KEY,
            blocking=True,
            description="Every mapped column is there on both sides and takes what is sent.",
        ),
        dg.AssetCheckSpec(
            descriptions.TRAVELS,
            asset=descriptions.SCHEMA_KEY,
            description="Every column of TabuladorMax is mapped, or known to stay (a warning).",
        ),
    ],
    pool="gestao_scouter",
)
def scouter_schema(
    context: dg.AssetExecutionContext, push: dg.ResourceParam[LeadPush]
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    with failing_in_a_sentence(context), push.source() as connection:
        report = push.examine(connection, fresh=True)
    unmapped = UnmappedColumns.of(report)
    return dg.MaterializeResult[Any](
        metadata=schema_metadata(report),
        check_results=[
            dg.AssetCheckResult(
                check_name=descriptions.SCHEMAS_FIT,
                passed=report.fits,
                description=" ".join(report.sentences()) or "Both sides fit through the mapping.",
            ),
            dg.AssetCheckResult(
                check_name=descriptions.TRAVELS,
                passed=unmapped.holds,
                severity=dg.AssetCheckSeverity.WARN,
                description=unmapped.sentence(),
            ),
        ],
    )


def schema_metadata(report: SchemaReport) -> dict[str, Any]:
    """What a person reads of a report."""
    return {
        "verdicts": dg.MetadataValue.md(report.markdown()),
        "suggested_sql": dg.MetadataValue.md(report.sql_markdown()),
        "missing_in_gestao_scouter": list(report.missing_in_gestao_scouter),
        "missing_in_tabuladormax": list(report.missing_in_tabuladormax),
        "only_in_tabuladormax": list(report.only_in_tabuladormax),
        "columns_that_do_not_travel": list(UnmappedColumns.of(report).undecided),
        "only_in_gestao_scouter": list(report.only_in_gestao_scouter),
        "fields_mapped": len(report.mapping.fields),
        **{f"columns_{level}": count for level, count in report.counts().items()},
    }
