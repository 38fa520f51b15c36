"""The summary of a night: processed, succeeded, failed, why; and a note when it took too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sync_pipelines.erp.connections.nightly import NightlySummary, SyncResult, read_night
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
        **{"processed": 3, "succeeded": 2, "failed": 1, "skipped": 0, "seconds": 1800.0, "is_long": False},
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
    good, bad, running, by_hand = (project.put() for _ in range(4))
    ((since,),) = project.connection.execute("select now()").fetchall()
    runs = project.runs
    with runs.execution(by_hand, run_id="run"):
        pass
    project.fail(good, TransientError("Omie answered 503."), only_if_due=True)
    project.set(good, next_sync_at=None)
    with runs.execution(good, run_id="run", only_if_due=True) as work:
        work.outcome.modules[Module.PRODUCTS] = ModuleOutcome(counts=Counts(inserted=4, rejected=1))
    project.fail(bad, TransientError("Omie answered 502."), only_if_due=True)
    ended = read_night(project.url, since, since + timedelta(hours=1))
    assert (ended.processed, ended.succeeded) == (2, 1)
    assert timedelta(0) < ended.took < timedelta(minutes=10)
    with runs.execution(running, run_id="run", only_if_due=True):
        summary = read_night(project.url, since, since + timedelta(hours=1))
    assert (summary.processed, summary.succeeded, summary.took) == (3, 1, timedelta(hours=1))
    assert summary.results[0] == SyncResult(project.row(good).key, "omie", synced=4, rejected=1)
    assert "Falha temporária: Omie answered 502." in summary.text
    assert "a sincronização ainda não terminou" in summary.text
    assert "answered 503" not in summary.text


def test_a_night_without_syncs_has_nothing_to_say(project: Project) -> None:
    ((since,),) = project.connection.execute("select now()").fetchall()
    summary = read_night(project.url, since, since)
    assert (summary.processed, summary.succeeded, summary.took) == (0, 0, timedelta(0))


def test_a_sync_at_another_hour_is_no_part_of_the_night(project: Project) -> None:
    nightly, later, also_later = (project.put() for _ in range(3))
    since = datetime(2026, 11, 23, tzinfo=UTC)
    spans = ((nightly, 0, 9), (later, 20, 22), (also_later, 360, 362), (nightly, 720, 725))
    for one, began, ended in spans:
        project.connection.execute(
            "insert into public.erp_sync_logs (connection_id, user_id, sync_type, status, started_at, completed_at)"
            " select id, user_id, 'auto', 'success', %s, %s from public.erp_connections where id = %s",
            (since + timedelta(minutes=began), since + timedelta(minutes=ended), one),
        )
    night = read_night(project.url, since, since + timedelta(hours=13))
    assert (night.processed, night.took, night.is_long) == (2, timedelta(minutes=22), False)
