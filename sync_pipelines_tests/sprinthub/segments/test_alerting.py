"""The four rules at their exact edges (contract of SprintHub, trap 12), and when they are mailed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sync_pipelines.lib.failures import RefusedError, SyncError, TransientError
from sync_pipelines.sprinthub.segments import alerting
from sync_pipelines.sprinthub.segments.log import LogRow
from sync_pipelines_tests.sprinthub.segments.conftest import Project

GOOD = LogRow(id=1, segment_id=7, status="success", duration=Decimal(30), success_rate=Decimal(100))


@pytest.mark.parametrize(
    ("changed", "errors", "fired"),
    [
        ({}, 0, set()),
        ({"success_rate": Decimal("97.8")}, 0, set()),
        ({"success_rate": Decimal(95)}, 0, set()),
        ({"success_rate": Decimal("94.9999")}, 0, {"success_rate"}),
        ({"success_rate": Decimal("94.9")}, 0, {"success_rate"}),
        ({"success_rate": Decimal(0)}, 0, {"success_rate"}),
        ({"success_rate": None}, 0, set()),
        ({"duration": Decimal(600)}, 0, set()),
        ({"duration": Decimal("600.001")}, 0, {"run_time"}),
        ({"duration": Decimal(601)}, 0, {"run_time"}),
        ({"duration": None}, 0, set()),
        ({"status": "error"}, 5, {"execution_failed"}),
        ({"status": "error"}, 6, {"execution_failed", "consecutive_errors"}),
        (
            {"status": "error", "duration": Decimal(700), "success_rate": Decimal(50)},
            1,
            {"execution_failed", "run_time", "success_rate"},
        ),
    ],
)
def test_the_rules_at_their_edges(changed: dict[str, object], errors: int, fired: set[str]) -> None:
    assert alerting.fired(replace(GOOD, **changed), errors).keys() == fired  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("leads", "rejected", "mails"),
    [(90, 2, 0), (90, 5, 1), (100, 5, 0), (60_000, 3001, 1), (60_000, 3000, 0), (0, 0, 0)],
)
def test_the_contracts_segment_of_88_in_90_is_quiet_and_85_alert(
    project: Project, leads: int, rejected: int, mails: int
) -> None:
    project.put(7)
    with project.runs.execution(7, run_id="run") as work:
        work.outcome.leads, work.outcome.inserted, work.outcome.rejected = leads, leads - rejected, rejected
    assert len(project.sent) == mails
    assert project.logged() == ["success"]
    if (leads, rejected) == (90, 5):
        (alert,) = project.sent
        assert alert.mail_subject == "⚠️ [sprinthub] Segmento 7: taxa de sucesso baixa"
        assert "Taxa de sucesso de 94,44 %, abaixo de 95 %." in alert.text


def test_a_failure_is_mailed_once_a_day_with_all_that_a_person_needs(project: Project) -> None:
    project.put(7)
    project.put(8)

    def fail(segment: int) -> None:
        with pytest.raises(TransientError), project.runs.execution(segment, run_id="run"):
            raise TransientError("SprintHub answered 502.")

    for _ in range(5):
        fail(7)
    (alert,) = project.sent
    assert alert.mail_subject == "🚨 [sprinthub] Segmento 7: a execução falhou"
    assert alert.text.split("\n\n") == [
        "A execução falhou.",
        "Falha temporária: SprintHub answered 502.",
        "O que já estava gravado permanece; a próxima execução continua de onde esta parou.",
        "Próxima tentativa: 10/03/2026 03:15 (America/Sao_Paulo).",
        "O que fazer: Nenhuma ação por enquanto: a execução se repete.",
    ]
    fail(7)
    assert [alert.title for alert in project.sent[1:]] == ["Segmento 7: erros seguidos"]
    assert project.sent[1].text.startswith("São 6 erros seguidos, mais do que 5.")
    fail(7)
    assert len(project.sent) == 2
    fail(8)
    assert project.sent[2].title == "Segmento 8: a execução falhou"
    project.clock.advance(days=1)
    fail(7)
    assert project.sent[3].title == "Segmento 7: a execução falhou, erros seguidos"


def test_a_refused_token_says_what_to_renew(project: Project) -> None:
    project.put(7)
    with pytest.raises(RefusedError), project.runs.execution(7, run_id="run"):
        raise RefusedError("SprintHub refused the token (401). Renew SPRINTHUB_API_TOKEN.", 401)
    (alert,) = project.sent
    assert "O que fazer: Renove SPRINTHUB_API_TOKEN" in alert.text
    assert "sync-pipelines sprinthub reactivate 7" in alert.text
    assert "o segmento espera por uma pessoa" in alert.text


def test_a_long_run_is_mailed_by_the_clock_of_the_database(project: Project) -> None:
    project.put(7)
    with project.runs.execution(7, run_id="run"):
        project.connection.execute(
            "update sync_segments_logs set execution_time = now() - interval '601 s' where status = 'running'"
        )
    (alert,) = project.sent
    assert alert.title == "Segmento 7: execução demorada"
    assert "A execução levou 601 s, mais do que 600 s." in alert.text


def test_a_database_that_does_not_answer_is_mailed_once_for_all_segments(project: Project) -> None:
    runs = replace(project.runs, url="postgresql://someone:uma-senha-longa@127.0.0.1:1/nothing")
    for segment in (7, 8):
        with pytest.raises(SyncError, match="the oficialmed database"), runs.execution(segment, run_id="run"):
            pytest.fail("it must not begin")
    (alert,) = project.sent
    assert alert.title == "o banco de dados não respondeu"
    assert "segmento 7" in alert.text
    assert "uma-senha-longa" not in alert.text


def test_without_the_ops_database_two_mails_are_better_than_none(project: Project) -> None:
    project.ops = "postgresql://someone:uma-senha-longa@127.0.0.1:1/nothing"
    project.put(7)
    for _ in range(2):
        with pytest.raises(TransientError), project.runs.execution(7, run_id="run"):
            raise TransientError("SprintHub answered 502.")
    assert len(project.sent) == 2
