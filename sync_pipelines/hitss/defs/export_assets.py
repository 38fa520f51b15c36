"""The landed export as an asset: download, guards, checks, alerts."""

import time
from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar, get_args

import dagster as dg
from pydantic import Field

from sync_pipelines.hitss.defs import descriptions
from sync_pipelines.hitss.dre.columns import ORCADO
from sync_pipelines.hitss.dre.guards import GUARDS, Guard, GuardError
from sync_pipelines.hitss.dre.pipeline import DrePipeline
from sync_pipelines.hitss.dre.report import ExportReport
from sync_pipelines.hitss.dre.restatements import worth_an_alert
from sync_pipelines.hitss.dre.validate import RefusedWorkbookError, Validation
from sync_pipelines.hitss.dre.workbook import UnusableHeaderError
from sync_pipelines.lib.alerts import Alert, Channel, send_alert
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.accept_config import AcceptConfig
from sync_pipelines.lib.orchestration.partition_reports import CheckReport
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.lib.storage.landing import LandingStore

#: Named after the upstream; one run at a time of whatever holds it.
POOL = "hitss"
EXPORT_KEY = dg.AssetKey(["hitss", "dre_export"])
MAX_RUNTIME = {"dagster/max_runtime": "3600"}


class GuardConfig(AcceptConfig):
    """The guards whose change a person accepts."""

    words: ClassVar = GUARDS
    accept: list[str] = Field(
        default_factory=list,
        description=f"Guards whose change you accept knowingly, any of: {', '.join(GUARDS)}.",
    )

    def accepted_guards(self) -> frozenset[Guard]:
        accepted = self.accepted()
        return frozenset(guard for guard in get_args(Guard) if guard in accepted)


def export_asset(channels: Sequence[Channel]) -> dg.AssetsDefinition:
    """The export; `channels` take the alerts on what a person should look at."""

    @dg.asset(
        key=EXPORT_KEY,
        description=descriptions.EXPORT_DESCRIPTION,
        group_name="hitss",
        deps=[descriptions.SOURCE_KEY],
        kinds={"excel", "http"},
        owners=[descriptions.OWNER],
        tags={"personal_data": "true"},
        pool=POOL,
        check_specs=[
            dg.AssetCheckSpec(name, asset=EXPORT_KEY, description=text)
            for name, text in descriptions.EXPORT_CHECKS.items()
        ],
        freshness_policy=descriptions.EXPORT_FRESHNESS,
        op_tags=MAX_RUNTIME,
    )
    def dre_export(
        context: dg.AssetExecutionContext, config: GuardConfig, dre: dg.ResourceParam[DrePipeline]
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        """Download, keep and validate the export; the sensor loads the months that it changes."""
        started = time.monotonic()
        report = _download(context, dre, config.accepted_guards())
        _send_alerts(report, channels, dre.today())
        return dg.MaterializeResult[Any](
            metadata=_export_metadata(report, dre.store, time.monotonic() - started),
            data_version=dg.DataVersion(report.landing.content_digest or ""),
            check_results=[
                dg.AssetCheckResult(
                    passed=verdict.passed,
                    check_name=verdict.name,
                    description=verdict.description,
                    severity=verdict.severity,
                )
                for verdict in _verdicts(report.validation, dre.today())
            ],
        )

    return dre_export


def _download(
    context: dg.AssetExecutionContext, dre: DrePipeline, accepted: frozenset[Guard]
) -> ExportReport:
    """Download, with the progress in the log of the run; a refusal gives the checks their verdicts first."""

    def say(sentence: str) -> None:
        context.log.info(sentence)
        dre.progress(sentence)

    def on_wait(seconds: float) -> None:
        say(f"Waiting for HITSS to answer: {seconds:.0f} s (150 to 180 s is usual).")

    with failing_in_a_sentence(context):
        try:
            report = dre.download(context.run.run_id, accepted=accepted, on_wait=on_wait)
        except SyncError as error:
            _log_refusal(context, error, dre.today())
            raise
    say(_summary(report))
    return report


def _verdicts(found: Validation, today: date) -> list[CheckReport]:
    """What the declared checks say of a workbook that was read."""
    blocked, newest = found.review.months, found.newest_realizado
    fewer = [one for one in found.restated if one.report == ORCADO and one.vanished]
    reaches = f"The newest month with Realizado is {newest[:7]}." if newest else "There is no Realizado."
    return [
        CheckReport(
            "no_row_was_rejected",
            found.rejected == 0,
            f"{found.rejected} of {found.rows} rows were rejected{_where(found)}.",
        ),
        CheckReport(
            "closed_months_are_unchanged",
            not blocked,
            " ".join(map(str, list(blocked.values())[:5])) or "No guard stops a month.",
        ),
        CheckReport(
            descriptions.GUARDS_HOLD,
            not found.review.file,
            " ".join(f"{violation.guard}: {violation}" for violation in found.review.file)
            or "No guard refuses the file.",
        ),
        CheckReport("export_reaches_an_open_month", not found.has_stopped_growing(today), reaches),
        CheckReport(
            name="budgets_keep_their_rows",
            passed=not fewer,
            description=" ".join(map(str, fewer[:5])) or "No budget lost rows.",
            severity=dg.AssetCheckSeverity.WARN,
        ),
    ]


def _where(found: Validation) -> str:
    return f"; {found.reject_book} holds them" if found.reject_book else ""


def _log_refusal(context: dg.AssetExecutionContext, error: SyncError, today: date) -> None:
    """Log a verdict for every declared check before the step fails: without it the UI names the wrong guard."""
    if isinstance(error, RefusedWorkbookError):
        verdicts = _verdicts(error.validation, today)
    else:
        guards = "exact_header" if isinstance(error, UnusableHeaderError) else None
        guards = error.guards if isinstance(error, GuardError) else guards
        # Without a guard the error itself says whether no workbook came, or one that cannot be read.
        why = f"refused by {guards}." if guards else str(error)
        verdicts = [
            CheckReport(
                name=name,
                passed=False,
                description=f"Not looked at: {why}",
                severity=dg.AssetCheckSeverity.WARN,
            )
            for name in descriptions.EXPORT_CHECKS
            if name != descriptions.GUARDS_HOLD or not guards
        ]
        if guards:
            verdicts.append(CheckReport(descriptions.GUARDS_HOLD, False, f"{guards}: {error}"))
    for verdict in verdicts:
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=EXPORT_KEY,
                check_name=verdict.name,
                passed=verdict.passed,
                description=verdict.description,
                severity=verdict.severity,
            )
        )


def _send_alerts(report: ExportReport, channels: Sequence[Channel], today: date) -> None:
    """Alert people to what they should look at in a download."""
    found = report.validation
    alerts: list[Alert] = []
    if found.rejected:
        text = f"{found.rejected} linhas foram rejeitadas e faltam nos totais; veja a planilha de rejeitadas."
        alerts.append(Alert(system="hitss", title="linhas rejeitadas", text=text, severity="aviso"))
    if blocked := found.review.months:
        text = " ".join(violation.portuguese for violation in blocked.values())
        alerts.append(Alert("hitss", "meses com alterações que esperam uma decisão", text))
    if restated := worth_an_alert(found.restated):
        text = "\n".join(one.portuguese for one in restated)
        alerts.append(
            Alert(
                system="hitss",
                title=f"{len(restated)} meses com valores refeitos",
                text=text,
                severity="aviso",
            )
        )
    if found.has_stopped_growing(today):
        newest = (found.newest_realizado or "nenhum mês")[:7]
        text = f"O último mês com Realizado na planilha da HITSS é {newest}. Verifique o relatório na origem."
        alerts.append(Alert("hitss", "a planilha termina cedo", text))
    for alert in alerts:
        send_alert(alert, channels)


def _summary(report: ExportReport) -> str:
    pending = report.pending
    if not pending.changed and not pending.refresh:
        return f"{report.validation.rows} rows; all four tables hold what they should, row by row: nothing to do."
    differ = f"{len(pending.changed)} months differ in money, {len(pending.refresh)} only in people"
    return f"{report.validation.rows} rows; {differ}."


def _reject_book(report: ExportReport, store: LandingStore) -> dg.MetadataValue:
    """Where a person finds the workbook of rejected rows."""
    if report.validation.reject_book is None:
        return dg.MetadataValue.text("no row was rejected")
    return dg.MetadataValue.path(store.describe(report.validation.reject_book))


def _export_metadata(report: ExportReport, store: LandingStore, seconds: float) -> dict[str, Any]:
    landing = report.landing
    window = landing.details["window"]
    return {
        keys.ROWS_READ: report.validation.rows,
        keys.ROWS_REJECTED: report.validation.rejected,
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
        "months_with_restated_budget": [
            one.month for one in report.validation.restated if one.report == ORCADO
        ],
        "restated": [str(one) for one in report.validation.restated],
        "months_stopped_by_a_guard": sorted(report.validation.review.months),
        "same_content_as": report.validation.same_as or "no earlier workbook",
    }
