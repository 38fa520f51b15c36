"""The analyses that follow a sync, each only where what it reads has changed since it was made.

They are those of a user, whose connections may be synced at the same time: one sync makes them, the others wait. Each
records its failure, which fails no other and never the sync (contract of the ERPs, section 3, consequence d), and is
due again for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sync_pipelines.erp.analyses.calls import UserCalls
from sync_pipelines.erp.analyses.functions import ANALYZE_NCM, EdgeFunctions
from sync_pipelines.erp.analyses.ncm import analyse_ncm
from sync_pipelines.erp.analyses.opportunities import match_opportunities
from sync_pipelines.erp.analyses.process_dre import process_months
from sync_pipelines.erp.analyses.state import TABLE
from sync_pipelines.erp.analyses.tax_score import calculate_score
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome, SyncOutcome
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.postgres.catalog import exists, require_sight
from sync_pipelines.lib.redaction import redacted_exception

#: How long one sync of a user waits for another's calls, in seconds.
PATIENCE = 600.0
#: In the order of `Analysis`; the tables of the application that each reads or writes.
_MAKERS: Mapping[Analysis, Callable[[UserCalls, AnalysisOutcome], None]] = {
    Analysis.NCM: analyse_ncm,
    Analysis.DRE: process_months,
    Analysis.OPPORTUNITIES: match_opportunities,
    Analysis.SCORE: calculate_score,
}
TABLES: Mapping[Analysis, tuple[str, ...]] = {
    Analysis.NCM: ("public.xml_analysis", "public.company_ncm_analysis"),
    Analysis.DRE: ("public.company_dre", "public.company_profile"),
    Analysis.OPPORTUNITIES: (
        "public.company_profile",
        "public.tax_opportunities",
        "public.company_opportunities",
    ),
    Analysis.SCORE: (
        *("public.tax_score", "public.tax_score_history", "public.score_actions", "public.profiles"),
        *("public.company_dre", "public.credit_analysis_summary", "public.simulations"),
    ),
}
_NAMES = {
    Analysis.NCM: "A análise de NCM",
    Analysis.DRE: "O processamento da DRE",
    Analysis.OPPORTUNITIES: "A busca de oportunidades",
    Analysis.SCORE: "O score tributário",
}


def dispatch(
    session: SyncSession, functions: EdgeFunctions | None, outcome: SyncOutcome
) -> dict[Analysis, AnalysisOutcome]:
    """Make what is due of the connection's user. Raises nothing but an interruption."""
    made = {analysis: AnalysisOutcome() for analysis in Analysis}
    if problem := _unconfigured(functions):
        return {analysis: AnalysisOutcome("skipped", problem) for analysis in made}
    assert functions is not None
    calls = UserCalls(session, functions)
    key = postgres.lock_key("erp", "analyses", str(session.connection.user_id))
    busy = "Another sync of the same user is at its analyses."
    try:
        with (
            postgres.errors_about(ERP),
            postgres.session_lock(session.database, key, wait_seconds=PATIENCE, busy=busy),
        ):
            for analysis, one in made.items():
                session.report(analysis.value, done=0, total=None)
                _make(calls, analysis, one)
    except SyncError as error:
        functions.cancellation.check()  # a cancelled statement is no failure
        for analysis, one in made.items():
            if not one.message:
                _fail(one, analysis, error)
    return made


def _unconfigured(functions: EdgeFunctions | None) -> str | None:
    """What a person has to set before the functions can be called; None if they can be."""
    if functions is None:
        return "As análises não estão configuradas (ERP_FUNCTIONS_URL)."
    try:
        functions.strategy(ANALYZE_NCM)
    except PermanentError:
        return "As análises precisam do segredo que assina os tokens do usuário (ERP_FUNCTIONS_JWT_SECRET)."
    return None


def _make(calls: UserCalls, analysis: Analysis, outcome: AnalysisOutcome) -> None:
    """One analysis; its failure is recorded."""
    session = calls.session
    began = session.clock()
    try:
        with postgres.errors_about(ERP):
            _require(session, analysis)
            _MAKERS[analysis](calls, outcome)
    except SyncError as error:
        calls.functions.cancellation.check()
        _fail(outcome, analysis, error)
    except Exception as error:
        _fail(outcome, analysis, PermanentError(redacted_exception(error)))
    if outcome.error is not None:
        calls.record_problem(analysis, outcome.error)
    outcome.seconds = (session.clock() - began).total_seconds()


def _require(session: SyncSession, analysis: Analysis) -> None:
    """Raise PermanentError where a table is missing, or rows of it are hidden from us."""
    wanted = (TABLE, *TABLES[analysis])
    if missing := [table for table in wanted if not exists(session.database, table)]:
        raise PermanentError(f"There is no table {', '.join(missing)}.")
    require_sight(session.database, wanted, ERP)


def _fail(outcome: AnalysisOutcome, analysis: Analysis, error: SyncError) -> None:
    outcome.status, outcome.error = "error", error
    sentence = f"{_NAMES[analysis]} falhou: {error} Os dados gravados não são afetados."
    outcome.message = " ".join(filter(None, (outcome.message, sentence)))
