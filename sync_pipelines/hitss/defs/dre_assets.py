"""The four tables as assets: the lines, the published Realizado and Orçado, the monthly summary."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
from pydantic import Field

from sync_pipelines.hitss.defs import descriptions
from sync_pipelines.hitss.defs.export_assets import MAX_RUNTIME, POOL, GuardConfig
from sync_pipelines.hitss.dre.figures import month_table, sparkline
from sync_pipelines.hitss.dre.load_run import LoadRun
from sync_pipelines.hitss.dre.pipeline import DrePipeline
from sync_pipelines.hitss.dre.plan import Outcome
from sync_pipelines.hitss.dre.tables import CHAIN
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport, Reports
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence, run_partitions
from sync_pipelines.lib.postgres.digest import digest_of, row_hash


class LoadConfig(GuardConfig):
    """What a month run reads."""

    workbook: str = Field(
        default="",
        description="Path in the landing store of the workbook to load; empty for the newest usable one.",
    )


def month_chain(months: dg.MonthlyPartitionsDefinition) -> dg.AssetsDefinition:
    """The month chain as one multi-asset, so that a bad month stops neither its neighbours nor their tables."""

    @dg.multi_asset(
        name="hitss_dre_months",
        specs=descriptions.chain_specs(months),
        check_specs=[
            dg.AssetCheckSpec(
                check, asset=descriptions.key_of(asset), description=text, partitions_def=months
            )
            for asset, checks in descriptions.CHAIN_CHECKS.items()
            for check, text in checks.items()
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
        op_tags=MAX_RUNTIME,
    )
    def hitss_dre_months(
        context: dg.AssetExecutionContext, config: LoadConfig, dre: dg.ResourceParam[DrePipeline]
    ) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        selected = [name for name in CHAIN if descriptions.key_of(name) in context.selected_asset_keys]
        with (
            failing_in_a_sentence(context),
            dre.load(
                context.run.run_id,
                context.partition_keys,
                selected=selected,
                workbook=config.workbook or None,
                accepted=config.accepted_guards(),
            ) as run,
        ):
            yield from run_partitions(
                context,
                [descriptions.key_of(name) for name in selected],
                lambda month: _load(run, month),
                failed_check=dg.AssetCheckKey(
                    descriptions.key_of(selected[0]), descriptions.proof_of(selected[0])
                ),
                confirm=run.confirm,
            )

    return hitss_dre_months


def _load(run: LoadRun, month: str) -> Reports:
    outcomes = run.load(month)
    elsewhere = {
        descriptions.key_of(name): CheckReport(
            descriptions.proof_of(name), False, f"{name} {sentence}; it was not selected. Load it too."
        )
        for name, sentence in run.outdated(month).items()
    }
    reports = {descriptions.key_of(name): _report(name, outcome) for name, outcome in outcomes.items()}
    if outcome := outcomes.get("dre_summary"):
        key = descriptions.key_of("dre_summary")
        # People of the finance department open this page: the figures come before the technical rows.
        first = {
            "DRE do mês": dg.MetadataValue.md(
                month_table(outcome.figures, run.summaries.month_before(month))
            ),
            "receita_custo_margem": dg.MetadataValue.md(sparkline(run.summaries.until(month))),
        }
        reports[key] = replace(reports[key], metadata={**first, **reports[key].metadata})
    if elsewhere:
        key = next(iter(reports))
        reports[key] = replace(reports[key], elsewhere=elsewhere)
    return reports


def _report(name: str, outcome: Outcome) -> PartitionReport:
    changes = outcome.changes
    rows = changes.written + changes.unchanged
    figures = {name: value for name, value in outcome.figures.items() if name not in {"ano", "mes"}}
    digest = outcome.proof.destination.get("digest") or str(digest_of([row_hash(outcome.figures.values())]))
    metadata: dict[str, Any] = {
        # As numbers, which Dagster plots over the months.
        **{name: float(value) for name, value in figures.items()},
        keys.ROWS_READ: outcome.read,
        keys.ROWS_LOADED: changes.written,
        keys.ROWS_UNCHANGED: changes.unchanged,
        keys.ROWS_DELETED: changes.deleted,
        keys.ROWS_REJECTED: outcome.rejected,
        keys.ROW_COUNT: rows,
        keys.PROVED: outcome.proof.holds,
        keys.DURATION: round(outcome.seconds, 3),
        keys.DIGEST: digest,
    }
    return PartitionReport(metadata, _checks(name, outcome))


def _checks(name: str, outcome: Outcome) -> Sequence[CheckReport]:
    changes = outcome.changes
    written = (
        f"{changes.written} rows written, {changes.deleted} deleted"
        if changes.touched
        else "nothing to write"
    )
    sentence = f"Every row was looked at, and is what its source says; {written}."
    checks = [CheckReport(descriptions.proof_of(name), outcome.proof.holds, sentence)]
    if name == "dre_lines":
        checks.append(
            CheckReport(
                "every_row_is_accounted_for",
                outcome.is_accounted_for and not outcome.rejected,
                f"{outcome.read} rows read = {changes.written} loaded + {changes.unchanged} unchanged"
                f" + {outcome.rejected} rejected.",
            )
        )
    if name == "dre_summary":
        checks.append(_margin_check({name: float(value) for name, value in outcome.figures.items()}))
    return checks


def _margin_check(figures: Mapping[str, float]) -> CheckReport:
    """A margin that a controller would ask about is a warning: the numbers are proved, the month is odd."""
    margin, revenue = figures["margem_percentual"], figures["receita"]
    plausible = not figures["linhas"] or (revenue > 0 and -50 <= margin <= 80)
    return CheckReport(
        name="margin_is_plausible",
        passed=plausible,
        description=f"Margin {margin:.1f} % on a revenue of {revenue:,.2f}.",
        severity=dg.AssetCheckSeverity.WARN,
    )
