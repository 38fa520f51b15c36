"""The DRE as assets: the landed export, its lines, the published Realizado and Orçado, the monthly summary."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import dagster as dg
from pydantic import Field

from sync_pipelines.hitss import catalogue
from sync_pipelines.hitss.chain import DreChain, ExportReport
from sync_pipelines.hitss.chart import sparkline
from sync_pipelines.hitss.guards import GUARDS, Guard
from sync_pipelines.hitss.plan import CHAIN, Outcome
from sync_pipelines.hitss.session import LoadSession
from sync_pipelines.lib import metadata as keys
from sync_pipelines.lib.landing import LandingStore
from sync_pipelines.lib.partition_runs import (
    CheckReport,
    PartitionReport,
    Reports,
    failing_in_a_sentence,
    run_partitions,
)
from sync_pipelines.operations.alerts import Alert, house_channels, send_alert

#: Named after the upstream; one run at a time of whatever holds it.
POOL = "hitss"
EXPORT_KEY = dg.AssetKey(["hitss", "dre_export"])
LINES_PROOF = "lines_equal_the_workbook"
MAX_RUNTIME = {"dagster/max_runtime": "3600"}


class AcceptConfig(dg.Config):
    """What a person decides when starting a run by hand."""

    accept: list[str] = Field(
        default_factory=list,
        description=f"Guards whose change you accept knowingly, any of: {', '.join(GUARDS)}.",
    )

    def accepted(self) -> frozenset[Guard]:
        unknown = sorted(set(self.accept) - set(GUARDS))
        if unknown:
            raise dg.Failure(
                f"accept names {', '.join(unknown)}, which is no guard; the guards are {', '.join(GUARDS)}.",
                allow_retries=False,
            )
        return frozenset(name for name in get_args(Guard) if name in self.accept)


class LoadConfig(AcceptConfig):
    """What a month run reads."""

    workbook: str = Field(
        default="",
        description="Path in the landing store of the workbook to load; empty for the newest usable one.",
    )


@dg.asset(
    key=EXPORT_KEY,
    description=catalogue.EXPORT_DESCRIPTION,
    group_name="hitss",
    deps=[catalogue.SOURCE_KEY],
    kinds={"excel", "http"},
    owners=[catalogue.OWNER],
    tags={"personal_data": "true"},
    pool=POOL,
    check_specs=[
        dg.AssetCheckSpec(name, asset=EXPORT_KEY, description=text)
        for name, text in catalogue.EXPORT_CHECKS.items()
    ],
    freshness_policy=catalogue.EXPORT_FRESHNESS,
    op_tags=MAX_RUNTIME,
)
def dre_export(
    context: dg.AssetExecutionContext, config: AcceptConfig, dre: dg.ResourceParam[DreChain]
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Download, keep and look at the export; the months it changes are loaded by the sensor."""

    def on_wait(seconds: float) -> None:
        sentence = f"Waiting for HITSS to answer: {seconds:.0f} s (150 to 180 s is usual)."
        context.log.info(sentence)
        dre.progress(sentence)

    started = time.monotonic()
    with failing_in_a_sentence(context):
        report = dre.download(context.run.run_id, accepted=config.accepted(), on_wait=on_wait)
    blocked = report.found.review.months
    context.log.info(_summary(report))
    dre.progress(_summary(report))
    if report.found.rejected:
        text = f"{report.found.rejected} linhas foram rejeitadas e faltam nos totais; veja a planilha de rejeitadas."
        send_alert(Alert("hitss", "linhas rejeitadas", text, "aviso"), house_channels(dre.settings))
    if blocked:
        text = " ".join(violation.portuguese for violation in blocked.values())
        send_alert(Alert("hitss", "meses fechados com alterações", text), house_channels(dre.settings))
    return dg.MaterializeResult[Any](
        metadata=_export_metadata(report, dre.store, time.monotonic() - started),
        data_version=dg.DataVersion(report.landing.content_digest or ""),
        check_results=[
            dg.AssetCheckResult(
                passed=report.found.rejected == 0,
                check_name="no_row_was_rejected",
                description=f"{report.found.rejected} of {report.found.rows} rows were rejected.",
                metadata={"reject_book": _reject_book(report, dre.store)},
            ),
            dg.AssetCheckResult(
                passed=not blocked,
                check_name="closed_months_are_unchanged",
                description=" ".join(map(str, list(blocked.values())[:5])) or "No closed month changed.",
                metadata={"months": sorted(blocked)},
            ),
        ],
    )


def _summary(report: ExportReport) -> str:
    pending = report.pending
    if not pending.changed and not pending.refresh:
        return f"{report.found.rows} rows; the content is what is loaded and proved already: nothing to do."
    differ = f"{len(pending.changed)} months differ in money, {len(pending.refresh)} only in people"
    return f"{report.found.rows} rows; {differ}."


def _reject_book(report: ExportReport, store: LandingStore) -> dg.MetadataValue:
    """Where a person finds the workbook of rejected rows."""
    if report.found.reject_book is None:
        return dg.MetadataValue.text("no row was rejected")
    return dg.MetadataValue.path(store.describe(report.found.reject_book))


def _export_metadata(report: ExportReport, store: LandingStore, seconds: float) -> dict[str, Any]:
    landing = report.landing
    window = landing.details["window"]
    return {
        keys.ROWS_READ: report.found.rows,
        keys.ROWS_REJECTED: report.found.rejected,
        keys.RANGE: f"{window[0][:7]} to {window[1][:7]}",
        keys.BYTES: landing.bytes,
        keys.CALLS: report.download.attempts if report.download else 0,
        keys.WAIT_SECONDS: round(report.download.wait_seconds if report.download else 0.0, 1),
        keys.DURATION: round(seconds, 2),
        keys.DIGEST: landing.content_digest or "",
        "workbook": dg.MetadataValue.path(store.describe(landing.path)),
        # What a month run's config takes to load this very file.
        "workbook_in_the_landing_store": landing.path,
        "sha256": landing.sha256,
        "reject_book": _reject_book(report, store),
        "months_changed": list(report.pending.changed),
        "months_with_new_people_only": list(report.pending.refresh),
        "months_with_restated_budget": list(report.pending.restated),
        "months_stopped_by_a_guard": sorted(report.found.review.months),
        "same_content_as": report.found.same_as or "no earlier workbook",
    }


def month_chain(months: dg.MonthlyPartitionsDefinition) -> dg.AssetsDefinition:
    """The month chain as one multi-asset, so that a bad month stops neither its neighbours nor their tables."""

    @dg.multi_asset(
        name="hitss_dre_months",
        specs=catalogue.chain_specs(months),
        check_specs=[
            dg.AssetCheckSpec(check, asset=catalogue.key_of(asset), description=text, partitions_def=months)
            for asset, checks in catalogue.CHAIN_CHECKS.items()
            for check, text in checks.items()
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
        op_tags=MAX_RUNTIME,
    )
    def hitss_dre_months(
        context: dg.AssetExecutionContext, config: LoadConfig, dre: dg.ResourceParam[DreChain]
    ) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        selected = [name for name in CHAIN if catalogue.key_of(name) in context.selected_asset_keys]
        with (
            failing_in_a_sentence(context),
            dre.load(
                context.run.run_id,
                context.partition_keys,
                selected=selected,
                workbook=config.workbook or None,
                accepted=config.accepted(),
            ) as session,
        ):
            yield from run_partitions(
                context,
                [catalogue.key_of(name) for name in selected],
                lambda month: _load(session, month),
                failed_check=dg.AssetCheckKey(catalogue.key_of("dre_lines"), LINES_PROOF),
            )

    return hitss_dre_months


def _load(session: LoadSession, month: str) -> Reports:
    reports = {
        catalogue.key_of(name): _report(name, outcome) for name, outcome in session.load(month).items()
    }
    if summary := reports.get(catalogue.key_of("dre_summary")):
        summary.metadata["receita_custo_margem"] = dg.MetadataValue.md(sparkline(session.history(month)))
    return reports


def _report(name: str, outcome: Outcome) -> PartitionReport:
    changes = outcome.changes
    rows = changes.written + changes.unchanged
    metadata: dict[str, Any] = {
        keys.ROWS_READ: outcome.read,
        keys.ROWS_LOADED: changes.written,
        keys.ROWS_UNCHANGED: changes.unchanged,
        keys.ROWS_DELETED: changes.deleted,
        keys.ROWS_REJECTED: outcome.rejected,
        keys.ROW_COUNT: rows,
        keys.PROVED: outcome.proof.holds,
        keys.DURATION: round(outcome.seconds, 3),
        keys.DIGEST: outcome.proof.destination.get("digest", ""),
        **{name: float(value) for name, value in outcome.figures.items() if name not in {"ano", "mes"}},
    }
    return PartitionReport(metadata, _checks(name, outcome))


def _checks(name: str, outcome: Outcome) -> Sequence[CheckReport]:
    changes = outcome.changes
    proof_check = next(iter(catalogue.CHAIN_CHECKS[name]))
    written = (
        f"{changes.written} rows written, {changes.deleted} deleted"
        if changes.touched
        else "nothing to write"
    )
    checks = [CheckReport(proof_check, outcome.proof.holds, f"Source and destination are equal; {written}.")]
    if name == "dre_lines":
        checks.append(
            CheckReport(
                "every_row_is_accounted_for",
                outcome.adds_up and not outcome.rejected,
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
        "margin_is_plausible",
        plausible,
        f"Margin {margin:.1f} % on a revenue of {revenue:,.2f}.",
        dg.AssetCheckSeverity.WARN,
    )
