"""The summary of a night: processed, succeeded, failed, why; and a note when it took too long."""

from __future__ import annotations

from datetime import timedelta

from sync_pipelines.erp.connections import log
from sync_pipelines.erp.connections.nightly import NightlySummary, SyncResult
from sync_pipelines.erp.outcome import Counts, Module, ModuleOutcome
from sync_pipelines.lib.failures import TransientError
from sync_pipelines_tests.erp.connections.conftest import Project

GOOD = SyncResult("omie_1", "omie", synced=12, rejected=1)
BAD = SyncResult("bling_2", "bling", "Falha temporária: 502.", synced=3)


def test_the_summary_has_the_figures_and_a_line_for_each_failure() -> None:
    summary = NightlySummary.of([GOOD, BAD, GOOD], timedelta(minutes=30))
    assert (summary.processed, summary.succeeded, len(summary.failed), summary.is_long) == (3, 2, 1, False)
    assert summary.text.splitlines() == [
        "Conexões processadas: 3; com sucesso: 2; com falha: 1. Registros gravados: 27; rejeitados: 2."
        " Duração: 30 min.",
        "bling_2 (Bling): Falha temporária: 502.",
    ]
    assert summary.metadata == {
        **{"processed": 3, "succeeded": 2, "failed": 1, "seconds": 1800.0, "is_long": False},
        "why": {"bling_2": "Falha temporária: 502."},
    }
    assert summary.alert() is None


def test_a_night_of_more_than_thirty_minutes_is_worth_a_note() -> None:
    summary = NightlySummary.of([GOOD], timedelta(minutes=41))
    assert summary.text.splitlines()[-1] == "Atenção: a execução passou de 30 min."
    alert = summary.alert()
    assert alert is not None
    assert alert.mail_subject == "⚠️ [erp] a sincronização noturna levou 41 min"


def test_the_results_come_from_the_log(project: Project) -> None:
    good, bad, missing = (project.put() for _ in range(3))
    with project.runs.execution(good, run_id="run") as work:
        work.outcome.modules[Module.PRODUCTS] = ModuleOutcome(counts=Counts(inserted=4, rejected=1))
    project.fail(bad, TransientError("Omie answered 502."))
    ((begun,),) = project.connection.execute("select min(started_at) from erp_sync_logs").fetchall()
    rows = {row.connection_id: row for row in log.finished_since(project.connection, begun)}
    results = [SyncResult.of(project.row(one), rows.get(one)) for one in (good, bad, missing)]
    summary = NightlySummary.of(results, timedelta(minutes=2))
    assert (summary.processed, summary.succeeded) == (3, 1)
    assert results[0] == SyncResult(project.row(good).key, "omie", synced=4, rejected=1)
    assert "Falha temporária: Omie answered 502." in summary.text
    assert results[2].why == "a sincronização não começou ou não terminou"
