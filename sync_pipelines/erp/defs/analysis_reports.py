"""What the application's analyses report: the income statement, the credits, and those that a digest decides on."""

from __future__ import annotations

from typing import Any

import dagster as dg

from sync_pipelines.erp.defs import analysis_descriptions as texts
from sync_pipelines.erp.defs.keys import CREDITS_KEY, DRE_KEY, NCM_KEY, OPPORTUNITIES_KEY, SCORE_KEY
from sync_pipelines.erp.defs.reports import WARN, equal, module_metadata, warning
from sync_pipelines.erp.financials.dre_table import markdown
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome, CreditsOutcome, DreOutcome, SyncOutcome
from sync_pipelines.lib.orchestration import metadata as keys
from sync_pipelines.lib.orchestration.partition_reports import CheckReport, PartitionReport

#: The figure that says how many rows an analysis left; a score is one.
_ROWS = {Analysis.NCM: "codes", Analysis.OPPORTUNITIES: "opportunities"}
#: The asset of an analysis, the check that it was made, and what that check says where it was.
_BY_DIGEST = {
    Analysis.NCM: (NCM_KEY, texts.NCM_MADE, "The NCM codes are those of the invoices as they are."),
    Analysis.OPPORTUNITIES: (OPPORTUNITIES_KEY, texts.OPPORTUNITIES_MADE, "They fit the profile as it is."),
    Analysis.SCORE: (SCORE_KEY, texts.SCORE_MADE, "The score is that of the figures as they are."),
}


def analysis_reports(outcome: SyncOutcome) -> dict[dg.AssetKey, PartitionReport]:
    """The reports of what follows from a sync's data. What failed reports too: it is not proved, and a check is red.

    What was skipped reports nothing: `skipped_checks` has its sentence.
    """
    found: dict[dg.AssetKey, PartitionReport] = {}
    if outcome.dre is not None and outcome.dre.status == "success":
        found[DRE_KEY] = _dre(outcome.dre, outcome)
    if outcome.credits is not None and outcome.credits.status != "skipped":
        found[CREDITS_KEY] = _credits(outcome.credits)
    for kind, (key, check, holds) in _BY_DIGEST.items():
        done = outcome.analyses.get(kind)
        if done is not None and done.status != "skipped":
            found[key] = PartitionReport(_metadata(kind, done), _made(check, done, holds=holds))
    return found


def skipped_checks(outcome: SyncOutcome) -> dict[dg.AssetKey, CheckReport]:
    """Of analyses that cannot be made what a person has to do, as warnings."""
    found: dict[dg.AssetKey, CheckReport] = {}
    if outcome.dre is not None and outcome.dre.status == "skipped":
        for name, sentence in outcome.dre.warnings.items():
            found[DRE_KEY] = CheckReport(name, False, sentence, severity=WARN)
    for kind, (key, check, _) in _BY_DIGEST.items():
        done = outcome.analyses.get(kind)
        if done is not None and done.status == "skipped":
            found[key] = CheckReport(check, False, done.message, severity=WARN)
    return found


def _metadata(kind: Analysis, done: AnalysisOutcome) -> dict[str, Any]:
    rows = done.figures.get(_ROWS[kind], 0) if kind in _ROWS else 1
    return {
        **done.figures,
        keys.ROWS_LOADED: rows if done.calls else 0,
        keys.ROWS_UNCHANGED: 0 if done.calls else rows,
        keys.CALLS: done.calls,
        keys.PROVED: done.status == "success",
        keys.DURATION: round(done.seconds, 3),
    }


def _made(check: str, done: AnalysisOutcome, *, holds: str) -> list[CheckReport]:
    made = CheckReport(check, done.status == "success", done.message or holds)
    warned = " ".join(done.warnings.values())
    if made.passed and warned:
        return [CheckReport(check, False, warned, severity=WARN)]
    return [made]


def _dre(done: DreOutcome, outcome: SyncOutcome) -> PartitionReport:
    """The lines of the months, and what process-dre made of them."""
    metadata = {"DRE": dg.MetadataValue.md(markdown(done.lines)), **module_metadata(done, outcome)}
    processed = outcome.analyses.get(Analysis.DRE)
    if processed is not None:
        metadata |= {**processed.figures, "process_dre_calls": processed.calls}
        metadata[keys.PROVED] = processed.status == "success"
    checks = [
        equal(texts.DRE_EQUAL, done, "company_dre holds the sums of the stored titles"),
        *(warning(name, done, holds) for name, (_, holds) in texts.DRE_WARNINGS.items()),
    ]
    if processed is not None:
        severity = WARN if processed.status == "skipped" else dg.AssetCheckSeverity.ERROR
        sentence = " ".join(filter(None, (processed.message, *processed.warnings.values())))
        is_made = processed.status == "success" and not processed.warnings
        checks.append(
            CheckReport(
                texts.DRE_PROCESSED,
                is_made,
                sentence or "process-dre has computed every month.",
                severity=WARN if processed.warnings and processed.status == "success" else severity,
            )
        )
    return PartitionReport(metadata, checks)


def _credits(done: CreditsOutcome) -> PartitionReport:
    metadata: dict[str, Any] = {
        "credits": done.credits,
        keys.ROWS_READ: done.analysed + done.cleared + done.failed,
        keys.ROWS_LOADED: done.analysed + done.cleared,
        "cleared": done.cleared,
        "failed": done.failed,
        keys.PROVED: done.status == "success" and not done.differences,
        keys.DURATION: round(done.seconds, 3),
    }
    analysed = CheckReport(
        texts.ANALYSED,
        done.status == "success",
        done.message or f"{done.analysed:,} imports were analysed, {done.cleared:,} cleared; none waits.",
    )
    same = CheckReport(
        texts.SUMMARY_EQUAL,
        not done.differences,
        " ".join(done.differences) or "Today's summary is the sum of the credits.",
    )
    return PartitionReport(metadata, [analysed, same])
