"""erp/tax_score: the application's tax score of a user.

Grain: one call of `calculate-tax-score` a user, where something that it reads changed, or the score that it left is
gone or altered: each call with points adds a row to `tax_score_history` (contract of the ERPs, trap 65). Done means:
the stored score is the one that the function said, and its history has exactly one row more.

A call whose answer was lost is made again, because nobody knows whether it came to its end. The row of the history that
it may have left is removed then, where the second call says the same: as many as there were such calls, never more.
"""

from __future__ import annotations

from functools import partial
from typing import Any, LiteralString
from uuid import UUID

from sync_pipelines.erp.analyses.answers import ScoreAnswer
from sync_pipelines.erp.analyses.calls import UserCalls
from sync_pipelines.erp.analyses.state import State, StateKey, read_states
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome
from sync_pipelines.lib import exact_json, postgres
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres.digest import Proof

#: The function's dimensions, and their columns.
_DIMENSIONS = ("conformidade", "eficiencia", "risco", "documentacao", "gestao")
#: Exactly what the function reads. Its own row, which the first call makes, holds the person's answers.
_INPUTS: LiteralString = """
select md5(jsonb_build_array(
    (select jsonb_build_array(p.empresa, p.cnae, p.regime, trim_scale(p.faturamento_mensal))
        from public.profiles as p where p.user_id = %(user)s),
    (select count(*) from public.xml_imports as i where i.user_id = %(user)s),
    (select jsonb_build_array(trim_scale(d.calc_receita_bruta), trim_scale(d.calc_deducoes_receita))
        from public.company_dre as d where d.user_id = %(user)s order by d.created_at desc, d.id limit 1),
    (select trim_scale(s.total_potential) from public.credit_analysis_summary as s
        where s.user_id = %(user)s order by s.created_at desc, s.id limit 1),
    (select count(*) from public.simulations as c
        where c.user_id = %(user)s and c.calculator_slug = 'comparativo-regimes'),
    coalesce((select jsonb_build_array(t.resp_situacao_fiscal, t.resp_certidoes, t.resp_obrigacoes, t.resp_controles)
        from public.tax_score as t where t.user_id = %(user)s), '[null, null, null, null]')
)::text)
"""
_SCORE: LiteralString = (
    "select score_total, score_grade, score_conformidade, score_eficiencia, score_risco, score_documentacao,"
    " score_gestao from public.tax_score where user_id = %s"
)
_HISTORY: LiteralString = "select id::text from public.tax_score_history where user_id = %s"
_ACTIONS: LiteralString = "select action_code, status from public.score_actions where user_id = %s"
#: What a person made of an action, which the function writes anew.
_PUT_ACTIONS: LiteralString = (
    "update public.score_actions as t set status = k.value from jsonb_each_text(%(actions)s::jsonb) as k"
    " where t.user_id = %(user)s and t.action_code = k.key and t.status = 'pending'"
)
_SURPLUS: LiteralString = (
    "delete from public.tax_score_history where id in (select h.id from public.tax_score_history as h"
    " join public.tax_score_history as n on n.id = %(new)s::uuid"
    " where h.user_id = %(user)s and h.id <> n.id and h.id <> all(%(known)s::uuid[])"
    " and (h.score_total, h.score_grade, h.score_conformidade, h.score_eficiencia, h.score_risco,"
    " h.score_documentacao, h.score_gestao) is not distinct from (n.score_total, n.score_grade,"
    " n.score_conformidade, n.score_eficiencia, n.score_risco, n.score_documentacao, n.score_gestao)"
    " order by h.calculated_at, h.id limit %(lost)s)"
)


def calculate_score(calls: UserCalls, outcome: AnalysisOutcome) -> None:
    """Have the score calculated if it is due. Raises SyncError."""
    connection, user = calls.database, calls.session.connection.user_id
    key = StateKey(user, Analysis.SCORE)
    state = read_states(connection, user, Analysis.SCORE).get("", State())
    row = connection.execute(_INPUTS, {"user": user}).fetchone()
    inputs = str(row[0]) if row else ""
    if state.inputs != inputs or not _is_there(connection, user, state.found):
        state = State(inputs=inputs, found=_call(calls, key, outcome, state=state, inputs=inputs))
    elif state.kept is not None:
        calls.heal(partial(_put_actions, connection, user, state.kept["actions"]))
        calls.settle(key)
    said, stored = state.found["score"], _read_score(connection, user)
    calls.prove(key.analysis, Proof({"score": str(said)}, {"score": str(stored)}))
    total, grade, *points = said
    outcome.figures |= {"score": total, "grade": grade, **dict(zip(_DIMENSIONS, points, strict=True))}
    outcome.message = f"Score tributário: {total} ({grade})."


def _call(
    calls: UserCalls, key: StateKey, outcome: AnalysisOutcome, *, state: State, inputs: str
) -> dict[str, Any]:
    """One call with its proof. Returns what it left."""
    connection, user = calls.database, key.user_id
    before, live = _history(connection, user), _read_actions(connection, user)
    known, persons = sorted(before), {code: status for code, status in live.items() if status != "pending"}
    if state.attempts and state.kept:
        known, persons = state.kept["history"], state.kept["actions"] | persons
    calls.begin(key, {"history": known, "actions": persons})

    def put_back() -> None:
        _put_actions(connection, user, persons)

    answer = calls.call(key, calls.functions.calculate_tax_score, outcome, put_back=put_back)
    new, stored = _history(connection, user) - before, _read_score(connection, user)
    actions = _read_actions(connection, user).keys()
    if problem := _problem(answer, stored, added=len(new), missing=len(answer.actions - actions)):
        error = TransientError(problem)
        calls.fail(key, error, put_back=put_back)
        raise error

    def tidy() -> None:
        put_back()
        if new and state.attempts:
            given = {"user": user, "new": min(new), "known": known, "lost": state.attempts}
            connection.execute(_SURPLUS, given)

    found = {"score": stored, "actions": sorted(actions)}
    calls.end(key, inputs=inputs, found=found, put_back=tidy)
    return found


def _problem(answer: ScoreAnswer, stored: list[Any] | None, *, added: int, missing: int) -> str | None:
    """Why a call is no success; None if it is. `missing` are actions that it named and did not store."""
    points = [answer.dimensions.get(name) for name in _DIMENSIONS]
    said = [answer.score, answer.grade, *points]
    if stored is None or [one for one, told in zip(stored, said, strict=True) if told not in (None, one)]:
        return "calculate-tax-score did not store the score that it said."
    wanted = 1 if answer.score > 0 else 0
    if added != wanted:
        return f"calculate-tax-score added {added} rows to its history, not {wanted}."
    return f"calculate-tax-score named {missing} actions that are not stored." if missing else None


def _is_there(connection: postgres.Connection, user_id: UUID, found: Any) -> bool:
    """Whether the score and the actions that the last call left are stored."""
    if not found or found["score"] != _read_score(connection, user_id):
        return False
    return set(found["actions"]) <= _read_actions(connection, user_id).keys()


def _read_score(connection: postgres.Connection, user_id: UUID) -> list[Any] | None:
    row = connection.execute(_SCORE, (user_id,)).fetchone()
    return list(row) if row else None


def _history(connection: postgres.Connection, user_id: UUID) -> set[str]:
    return {one for (one,) in connection.execute(_HISTORY, (user_id,)).fetchall()}


def _read_actions(connection: postgres.Connection, user_id: UUID) -> dict[str, str]:
    return dict(connection.execute(_ACTIONS, (user_id,)).fetchall())


def _put_actions(connection: postgres.Connection, user_id: UUID, actions: dict[str, str]) -> None:
    connection.execute(_PUT_ACTIONS, {"user": user_id, "actions": exact_json.dumps(actions)})
