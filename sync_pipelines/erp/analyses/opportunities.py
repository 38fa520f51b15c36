"""erp/opportunities: the application's tax opportunities that fit a connection's company.

Grain: one call of `match-opportunities` a company, where its profile or the list of opportunities changed, or a row
that the last call left is gone. Done means: the new rows are as many as the function said and save as much, what
persons made of their opportunities stands, and what another company of the user has is there (contract of the ERPs,
section 3).
"""

from __future__ import annotations

from functools import partial
from typing import Any, LiteralString
from uuid import UUID

from sync_pipelines.erp.analyses import opportunities_kept
from sync_pipelines.erp.analyses.answers import OpportunitiesAnswer
from sync_pipelines.erp.analyses.calls import UserCalls
from sync_pipelines.erp.analyses.state import State, StateKey, read_states
from sync_pipelines.erp.financials.company import company_of
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres.digest import Proof

#: The profile and the active opportunities, but for when they were written.
_INPUTS: LiteralString = (
    "select md5(concat_ws('|', (to_jsonb(p) - array['updated_at', 'dados_financeiros_atualizados_em'])::text,"
    " (select md5(string_agg((to_jsonb(o) - array['updated_at', 'created_at'])::text, ',' order by o.id))"
    " from public.tax_opportunities as o where o.is_active)))"
    " from public.company_profile as p where p.id = %(company)s and p.user_id = %(user)s"
)
#: Sums of reais that differ by less are the same.
_CENT = 0.01
_INCOMPLETE = (
    "Complete o perfil da empresa no aplicativo: sem ele, não se calculam oportunidades tributárias."
)


def match_opportunities(calls: UserCalls, outcome: AnalysisOutcome) -> None:
    """Make the analysis if it is due. Raises SyncError."""
    connection, user = calls.database, calls.session.connection.user_id
    states = read_states(connection, user, Analysis.OPPORTUNITIES)
    found = company_of(calls.session)
    company = None if isinstance(found, str) else found.id
    for subject, one in states.items():
        if one.kept is not None:
            calls.heal(partial(opportunities_kept.put_back, connection, user, one.kept))
            if subject != str(company):
                calls.settle(StateKey(user, Analysis.OPPORTUNITIES, subject))
    if company is None:
        outcome.status, outcome.message = "skipped", str(found)
        return
    row = connection.execute(_INPUTS, {"user": user, "company": company}).fetchone() or ("",)
    key, inputs = StateKey(user, Analysis.OPPORTUNITIES, str(company), company_id=company), row[0]
    state = states.get(key.subject, State())
    live = opportunities_kept.read_rows(connection, user)
    if state.inputs != inputs or _gone(state.found, live, company):
        state = State(inputs=inputs, found=_call(calls, key, outcome, company=company, inputs=inputs))
        live = opportunities_kept.read_rows(connection, user)
    elif state.kept is not None:
        calls.settle(key)
    if not state.found:
        outcome.status, outcome.message = "skipped", _INCOMPLETE
        return
    rows = state.found["rows"]
    there = len(rows) - len(_gone(state.found, live, company))
    calls.prove(key.analysis, Proof({"opportunities": str(len(rows))}, {"opportunities": str(there)}))
    answer = OpportunitiesAnswer(**state.found["stats"])
    outcome.figures |= {
        "opportunities": answer.total,
        "quick_wins": answer.quick_wins,
        "high_impact": answer.high_impact,
        "saves_a_year_least": float(answer.saves_least),
        "saves_a_year_most": float(answer.saves_most),
    }
    outcome.message = f"Oportunidades da empresa: {answer.total}; de ganho rápido: {answer.quick_wins}."


def _call(calls: UserCalls, key: StateKey, outcome: AnalysisOutcome, *, company: UUID, inputs: str) -> Any:
    """One call with its proof. Returns what it left; None if the profile is not complete enough."""
    connection, user = calls.database, key.user_id
    kept = opportunities_kept.read_kept(connection, user, company)
    calls.begin(key, kept)

    def put_back() -> None:
        opportunities_kept.put_back(connection, user, kept)

    def ask() -> OpportunitiesAnswer | None:
        return calls.functions.match_opportunities(company)

    answer = calls.call(key, ask, outcome, put_back=put_back)
    if answer is None:
        calls.end(key, inputs=inputs, found=None, put_back=put_back)
        return None
    made = opportunities_kept.read_rows(connection, user, only_new=True)
    saved = opportunities_kept.read_savings(connection, user)
    said = (answer.saves_least, answer.saves_most)
    saves_as_said = all(abs(one - other) < _CENT for one, other in zip(saved, said, strict=True))
    if len(made) != answer.total or not saves_as_said:
        error = TransientError(
            f"match-opportunities said that {answer.total} opportunities fit; {len(made)} are stored. They are to save"
            f" {said[0]:,.2f} to {said[1]:,.2f} a year; stored are {saved[0]:,.2f} to {saved[1]:,.2f}."
        )
        calls.fail(key, error, put_back=put_back)
        raise error
    found = {"rows": {one: row["figures"] for one, row in made.items()}, "stats": answer._asdict()}
    calls.end(key, inputs=inputs, found=found, put_back=put_back)
    return found


def _gone(found: Any, live: dict[str, dict[str, Any]], company: UUID) -> set[str]:
    """The opportunities whose row is gone or altered; a user's one row of each may be another company's by now."""
    if not found:
        return set()
    return {
        one
        for one, figures in found["rows"].items()
        if one not in live
        or (live[one]["company"] in (None, str(company)) and live[one]["figures"] != figures)
    }
