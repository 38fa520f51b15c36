"""The tax score: its history grows only when something changed (contract of the ERPs, trap 65)."""

from __future__ import annotations

from typing import Any

import pytest

from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines_tests.erp.analyses.project import USER
from sync_pipelines_tests.erp.analyses.taxpayer import NAMES, Taxpayer, killed_after

FUNCTION = NAMES[Analysis.SCORE]
HISTORY = "select count(*) from public.tax_score_history"
SCORE = "select score_total from public.tax_score"


def score(taxpayer: Taxpayer, **options: Any) -> AnalysisOutcome:
    return taxpayer.dispatch(**options)[Analysis.SCORE]


@pytest.fixture
def scored(taxpayer: Taxpayer) -> Taxpayer:
    """A user whose score was calculated once, with an action that the user has done."""
    taxpayer.erp.execute(
        "insert into public.profiles (user_id, empresa, cnae, regime) values (%s, 'x', 'x', 'simples')",
        (USER,),
    )
    taxpayer.invoice("19022000")
    taxpayer.month(2026, 10, impostos_sobre_vendas=600)
    done = score(taxpayer)
    assert (done.status, done.calls, taxpayer.value(HISTORY)) == ("success", 1, 1)
    assert done.figures["score"] == taxpayer.value(SCORE)
    taxpayer.erp.execute(
        "update public.score_actions set status = 'completed' where action_code = 'RESPONDER'"
    )
    return taxpayer


#: What happens, and whether the score has to be calculated again.
CHANGES = (
    ("update public.profiles set regime = 'real'", 1),
    ("update public.profiles set faturamento_mensal = 5", 1),
    ("update public.profiles set empresa = empresa, faturamento_mensal = 5.00", 0),
    ("insert into public.simulations (user_id, calculator_slug) values ('{user}', 'comparativo-regimes')", 1),
    ("insert into public.simulations (user_id, calculator_slug) values ('{user}', 'another')", 0),
    ("insert into public.credit_analysis_summary (user_id, total_potential) values ('{user}', 9)", 1),
    ("insert into public.credit_analysis_summary (user_id, total_potential) values ('{user}', 9)", 0),
    ("update public.tax_score set resp_certidoes = 'em dia'", 1),
    ("update public.company_dre set input_vendas_produtos = 20000", 1),
    ("update public.tax_score set score_total = 7", 1),
    ("delete from public.score_actions", 1),
    ("update public.score_actions set status = 'dismissed'", 0),
    ("insert into public.tax_score_history (user_id, score_total, score_grade) values ('{user}', 1, 'E')", 0),
    ("delete from public.xml_imports", 1),
    ("delete from public.tax_score", 1),
)


def test_it_is_calculated_again_where_what_it_reads_changed(scored: Taxpayer) -> None:
    for change, calls in CHANGES:
        scored.erp.execute(change.format(user=USER).encode())
        before = scored.value(HISTORY)
        assert score(scored).calls == calls, change
        assert scored.value(HISTORY) == before + calls, change
    assert score(scored).calls == 0


def test_an_action_that_a_person_has_done_stays_done(scored: Taxpayer) -> None:
    done = "select status from public.score_actions where action_code = 'RESPONDER'"
    for fault in ("none", "half_done", "none"):
        scored.invoice("19022000")
        if fault != "none":
            scored.fake.fail(f"{FUNCTION}_{fault}", times=1)
            score(scored)
        assert score(scored).status == "success"
        assert scored.value(done) == "completed"


@pytest.mark.parametrize("fault", ["half_done", "drop_after"])
def test_a_call_whose_end_is_lost_is_made_again_and_leaves_one_row_of_history(
    scored: Taxpayer, fault: str
) -> None:
    scored.invoice("19022000")
    scored.fake.fail(f"{FUNCTION}_{fault}", times=2)
    assert [score(scored).status for _ in range(3)] == ["error", "error", "success"]
    assert scored.value(HISTORY) == 2
    assert score(scored).calls == 0


def test_a_history_that_is_no_lost_calls_stays(scored: Taxpayer) -> None:
    """Who presses the button of the application adds rows as well; the change before the second call is one, too."""
    scored.invoice("19022000")
    scored.fake.fail(f"{FUNCTION}_drop_after", times=1)
    score(scored)
    scored.erp.execute(
        "insert into public.tax_score_history (user_id, score_total, score_grade) values (%s, 1, 'E')",
        (USER,),
    )
    scored.invoice("08119000")
    assert score(scored).status == "success"
    # The first, the lost call's (of another score), the person's, the last.
    assert scored.value(HISTORY) == 4


def test_a_kill_after_the_call_costs_one_call_and_no_row_of_history(scored: Taxpayer) -> None:
    scored.invoice("19022000")
    with pytest.raises(InterruptedRunError):
        scored.dispatch(fence=killed_after(scored, Analysis.SCORE))
    assert scored.value(HISTORY) == 2
    assert (score(scored).calls, scored.value(HISTORY)) == (1, 2)
    assert scored.value("select count(*) from public.score_actions where status = 'completed'") == 1


def test_a_success_without_effect_or_with_a_swallowed_row_is_none(scored: Taxpayer) -> None:
    scored.invoice("19022000")
    scored.fake.fail(f"{FUNCTION}_without_effect", times=1)
    done = score(scored)
    assert done.status == "error" and "did not store the score" in done.message
    scored.swallow("public.tax_score_history", "insert")
    assert "added 0 rows to its history, not 1" in score(scored).message
    scored.erp.execute("drop trigger swallow on public.tax_score_history")
    assert (score(scored).status, scored.value(HISTORY)) == ("success", 2)


def test_a_score_of_nothing_adds_no_history(taxpayer: Taxpayer) -> None:
    done = score(taxpayer)
    assert (done.status, done.figures["score"], taxpayer.value(HISTORY)) == ("success", 0, 0)
    assert score(taxpayer).calls == 0
