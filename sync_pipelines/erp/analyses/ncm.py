"""erp/ncm_analysis: the application's analysis of the NCM codes on a user's invoices.

Grain: one call of `analyze-ncm-from-xmls` a user, of all the user's invoices, where one was added, changed or removed,
or a row that the last call left is gone. Done means: the function's rows are as many as it said, and the products of
all connections of the user, which it deletes with all other rows, have theirs again (contract of the ERPs, trap 63).
"""

from __future__ import annotations

from typing import Any, LiteralString

from sync_pipelines.erp.analyses import ncm_kept
from sync_pipelines.erp.analyses.calls import UserCalls
from sync_pipelines.erp.analyses.ncm_kept import Verdicts
from sync_pipelines.erp.analyses.state import State, StateKey, read_states
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome
from sync_pipelines.erp.products import ncm_rows
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres.digest import Proof

#: The check that warns of invoices that the function does not reach.
READS_ALL = "every_invoice_is_read"
#: The check that warns of a person's words that the function's news replaced.
WORDS_STAND = "words_of_persons_stand"
#: A new content of an invoice of ours keeps its row; an upload of the application is another row.
_INPUTS: LiteralString = (
    "select count(*), md5(coalesce(string_agg(concat_ws('|', a.id, a.created_at, i.content_sha256), ',' order by a.id),"
    " '')) from public.xml_analysis as a left join public.xml_imports as i on i.id = a.import_id where a.user_id = %s"
)


def analyse_ncm(calls: UserCalls, outcome: AnalysisOutcome) -> None:
    """Make the analysis if it is due. Raises SyncError."""
    connection, user = calls.database, calls.session.connection.user_id
    key = StateKey(user, Analysis.NCM)
    state = read_states(connection, user, Analysis.NCM).get("", State())
    if state.kept is not None:
        calls.heal(lambda: ncm_kept.put_back(connection, user, state.kept))
    invoices, inputs = connection.execute(_INPUTS, (user,)).fetchone() or (0, "")
    if not invoices:
        outcome.message = "Nenhuma nota para a análise de NCM."
        return
    live = ncm_kept.read_verdicts(connection, user)
    if state.inputs == inputs and _left(state.found) <= live.keys():
        if state.kept is not None:
            calls.settle(key)
        _describe(outcome, state.found, invoices=invoices)
    else:
        with calls.holding(ncm_rows.lock_of(user), "the products' rows of the NCM analysis"):
            found = _call(calls, key, outcome, state=state, live=live, inputs=inputs)
        _describe(outcome, found, invoices=invoices)
        live = ncm_kept.read_verdicts(connection, user)
        state = State(inputs=inputs, found=found)
    codes = _left(state.found)
    calls.prove(
        key.analysis,
        Proof(
            {"inputs": inputs, "codes": str(len(codes))},
            {"inputs": state.inputs or "", "codes": str(len(codes & live.keys()))},
        ),
    )


def _call(
    calls: UserCalls, key: StateKey, outcome: AnalysisOutcome, *, state: State, live: Verdicts, inputs: str
) -> dict[str, Any]:
    """One call with its proof. Returns what it left."""
    connection, user = calls.database, key.user_id
    left, before = _verdicts(state.found), state.kept or {}
    kept = ncm_kept.read_kept(connection, user, live=live, left=left, before=before)
    calls.begin(key, kept)

    def put_back() -> None:
        ncm_kept.put_back(connection, user, kept)

    answer = calls.call(key, calls.functions.analyze_ncm, outcome, put_back=put_back)
    rows = ncm_kept.count_foreign(connection, user)
    said = ncm_kept.read_verdicts(connection, user)
    if rows != answer.created:
        error = TransientError(
            f"analyze-ncm-from-xmls said that it inserted {answer.created} rows; {rows} are stored."
        )
        calls.fail(key, error, put_back=put_back)
        raise error
    found = {"verdicts": said, "stats": answer._asdict()}
    calls.end(key, inputs=inputs, found=found, put_back=put_back)
    live = ncm_kept.read_verdicts(connection, user)
    if news := sorted(one["code"] for one in kept["verdicts"] if live.get(one["code"]) != one["now"]):
        outcome.warnings[WORDS_STAND] = (
            f"A análise diz outra coisa de {len(news)} NCM que uma pessoa tinha alterado: {', '.join(news[:20])}."
        )
    return found


def _left(found: Any) -> set[str]:
    """The codes of the rows that the last call left."""
    return set(_verdicts(found))


def _verdicts(found: Any) -> Verdicts:
    return found["verdicts"] if found else {}


def _describe(outcome: AnalysisOutcome, found: Any, *, invoices: int) -> None:
    stats = found["stats"]
    outcome.figures |= {
        "invoices": invoices,
        "invoices_read": stats["invoices"],
        "codes": stats["created"],
        "codes_ok": stats["ok"],
        "codes_critical": stats["critical"],
    }
    outcome.message = f"NCMs analisados: {stats['created']}; críticos: {stats['critical']}."
    if stats["invoices"] < invoices:
        outcome.warnings[READS_ALL] = (
            f"A análise de NCM leu {stats['invoices']} de {invoices} notas: a função lê no máximo 1.000 por chamada."
        )
