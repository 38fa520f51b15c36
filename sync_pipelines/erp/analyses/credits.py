"""erp/credits: the application's credit analysis of every invoice that is new or changed.

Grain: one call of `analyze-credits` an import, with its `xml_import_id`: without it each call would insert duplicates
(contract of the ERPs, section 3). A cancelled or denied invoice is sent as an empty list, which clears its credits.
Done means: the stored credits of the import are as many as the function said. A failure is recorded, never raised: the
stored invoices are right whatever becomes of their analysis, and the next sync wants it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from sync_pipelines.erp.analyses import due, notifications, summary
from sync_pipelines.erp.analyses.answers import CreditAnswer
from sync_pipelines.erp.analyses.due import Document, DueImport, Found
from sync_pipelines.erp.analyses.functions import EdgeFunctions
from sync_pipelines.erp.connections.tables import ERP
from sync_pipelines.erp.invoices.nfe.credits_document import credits_document
from sync_pipelines.erp.outcome import CreditsOutcome
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.completed_pool import Completed, CompletedPool
from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, TransientError
from sync_pipelines.lib.postgres.catalog import exists, require_sight
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.lib.redaction import redacted_exception

ASSET = "erp/credits"
#: Calls at once: the function reads rules and writes rows, it computes little.
IN_FLIGHT = 4
#: Failures in a row after which the function is taken for down; the rest is left for the next sync.
GIVE_UP_AFTER = 5
#: A call that failed may pass some calls later.
PASSES = 2
#: How long one sync of a user waits for another's calls, in seconds.
PATIENCE = 600.0
#: Tables of which it must see every row; the application may lack some of them.
TABLES = (due.CREDITS, summary.TABLE, notifications.TABLE, "public.credit_rules")


def analyse_credits(session: SyncSession, functions: EdgeFunctions | None) -> CreditsOutcome:
    """Analyse what is due of the connection's user. Raises nothing but an interruption."""
    began, outcome = session.clock(), CreditsOutcome()
    try:
        with postgres.errors_about(ERP):
            _analyse(session, functions, outcome)
    except SyncError as error:
        if functions is not None:
            functions.cancellation.check()  # a cancelled statement is no failure
        _fail(outcome, error)
    except Exception as error:
        _fail(outcome, PermanentError(redacted_exception(error)))
    outcome.seconds = (session.clock() - began).total_seconds()
    return outcome


def _analyse(session: SyncSession, functions: EdgeFunctions | None, outcome: CreditsOutcome) -> None:
    connection, user = session.database, session.connection.user_id
    if functions is None:
        outcome.status = "skipped"
        outcome.message = "A análise de créditos não está configurada (ERP_FUNCTIONS_URL)."
        return
    if not exists(connection, due.CREDITS):
        raise PermanentError(f"There is no table {due.CREDITS}: is it the right project?")
    require_sight(connection, TABLES, ERP)
    # A user may have several connections, and two of them in parallel: an import is analysed by one of them.
    key = postgres.lock_key("erp", "credits", str(user))
    busy = "Another sync of the same user is at the credit analysis."
    with postgres.session_lock(connection, key, wait_seconds=PATIENCE, busy=busy):
        with connection.transaction():
            session.fence(connection)
            due.want_surplus_again(connection, user)
        analysis = CreditAnalysis(session, functions, outcome)
        analysis.run()
        notifications.merge(session)
        outcome.differences = summary.rebuild(session)
        due.end_calls(connection, user)
        waiting, surplus = _prove(session, outcome)
    _conclude(outcome, analysis.last_error, waiting=waiting, surplus=surplus)


def _prove(session: SyncSession, outcome: CreditsOutcome) -> tuple[int, int]:
    """Every import of the user is analysed as it is, and the summary is the sum of the credits.

    Returns how many imports of this connection are not, and how many have more credits than the function said.
    """
    connection, user = session.database, session.connection.user_id
    wanted, analysed = due.count_analysed(connection, user)
    surplus = due.count_surplus(connection, user)
    proof = Proof(
        {"imports": str(wanted), "imports with surplus credits": "0", "summary": ""},
        {
            "imports": str(analysed),
            "imports with surplus credits": str(surplus),
            "summary": "; ".join(outcome.differences),
        },
    )
    version = session.started.isoformat()
    session.records.proofs.record(
        session.run_id, [RecordableProof(ASSET, session.key, source_version=version, proof=proof)]
    )
    return due.count_waiting(connection, user, session.connection.id), surplus


def _conclude(outcome: CreditsOutcome, error: SyncError | None, *, waiting: int, surplus: int) -> None:
    outcome.message = (
        f"Notas analisadas: {outcome.analysed}; créditos identificados: {outcome.credits}; notas canceladas ou"
        f" denegadas cujos créditos foram retirados: {outcome.cleared}."
    )
    if error is not None:
        outcome.status, outcome.error = "error", error
        outcome.message += (
            f" Notas cuja análise falhou: {outcome.failed}. Notas que a próxima sincronização analisa: {waiting}."
            f" Causa: {error}"
        )
    elif waiting or surplus:
        outcome.status = "error"
        outcome.message += (
            f" Notas que a próxima sincronização analisa: {waiting}; notas com créditos a mais: {surplus}."
        )
    elif outcome.differences:
        outcome.status = "error"
        outcome.message += (
            " O resumo de hoje (credit_analysis_summary) não confere com os créditos identificados."
        )


def _fail(outcome: CreditsOutcome, error: SyncError) -> None:
    outcome.status, outcome.error = "error", error
    outcome.message = f"A análise de créditos falhou: {error} As notas gravadas não são afetadas."


class _Call(NamedTuple):
    """One call: the import, and what the function is told of it."""

    due: DueImport
    parsed: Sequence[Mapping[str, Any]]
    #: The credits that are stored before it.
    before: frozenset[UUID]


@dataclass
class CreditAnalysis:
    """The calls of one sync. Threads call; this one reads and writes the database."""

    session: SyncSession
    functions: EdgeFunctions
    outcome: CreditsOutcome
    last_error: SyncError | None = None
    has_begun: bool = False
    #: Failed calls since the last success.
    in_a_row: int = 0
    #: What refuses the token refuses it for every import.
    is_refused: bool = False
    #: Imports that another call of this sync would not help.
    given_up: set[UUID] = field(default_factory=set)
    failed: dict[UUID, SyncError] = field(default_factory=dict)

    def run(self) -> None:
        """Raises SyncError only where the database does not answer."""
        for _ in range(PASSES):
            wanted = due.read_due(self.session.database, self.session.connection.user_id, self.given_up)
            if not wanted or self.is_over:
                break
            self._run(wanted)
        self.outcome.failed = len(self.failed)
        self.last_error = next(reversed(self.failed.values()), None)

    @property
    def is_over(self) -> bool:
        """Whether another call would fail as well."""
        return self.is_refused or self.in_a_row >= GIVE_UP_AFTER

    def _run(self, wanted: Sequence[DueImport]) -> None:
        with CompletedPool[_Call, CreditAnswer](self._call, IN_FLIGHT, 2 * IN_FLIGHT) as pool:
            try:
                for one in wanted:
                    if self.is_over:
                        break
                    if (call := self._prepared(one)) is not None:
                        pool.give(call)
                    if pool.is_full:
                        self._take(pool, len(wanted))
                while not pool.is_empty:
                    self._take(pool, len(wanted))
            except BaseException:
                self.functions.abort()
                raise

    def _prepared(self, one: DueImport) -> _Call | None:
        """The call for an import; None where none is needed, or possible."""
        document = due.read_document(self.session.database, one.id, self.session.connection.user_id)
        if document is None:
            return None
        if not document.is_authorised and not document.credits:
            self._write(one, due.NOTHING)
            return None
        try:
            call = _Call(one, _parsed(document), document.credits)
        except (KeyError, TypeError):
            self._failed(
                one, PermanentError("The import has no raw_data of an invoice: it was not parsed by us.")
            )
            return None
        connection, user = self.session.database, self.session.connection.user_id
        with connection.transaction():
            self.session.fence(connection)
            if not self.has_begun:
                before = [*summary.known(connection, user), *notifications.known(connection, user)]
                due.begin_calls(connection, user, before)
            due.record_attempt(connection, one)
        self.has_begun = True
        return call

    def _call(self, call: _Call) -> CreditAnswer:
        return self.functions.analyze_credits(call.due.id, parsed_xmls=call.parsed)

    def _take(self, pool: CompletedPool[_Call, CreditAnswer], total: int) -> None:
        for done in pool.take():
            self._done(done)
        done_with = self.outcome.analysed + self.outcome.cleared + len(self.failed)
        self.session.report("credits", done=min(done_with, total), total=total)

    def _done(self, done: Completed[_Call, CreditAnswer]) -> None:
        call, answer = done.item, done.outcome
        if isinstance(answer, SyncError):
            self.in_a_row += 1
            self._failed(call.due, answer)
            return
        if isinstance(answer, BaseException):
            raise answer
        found = due.read_credits(self.session.database, call.due.id)
        old = found.ids & call.before
        if len(found.ids) != answer.credits or old:
            sentence = (
                f"analyze-credits said {answer.credits} credits; {len(found.ids)} are stored, {len(old)} of them from"
                " before the call."
            )
            self.in_a_row += 1
            self._failed(call.due, TransientError(sentence))
            return
        self._write(call.due, found)
        self.in_a_row = 0
        self.outcome.credits += len(found.ids)
        if call.parsed:
            self.outcome.analysed += 1
        else:
            self.outcome.cleared += 1

    def _write(self, one: DueImport, found: Found) -> None:
        with self.session.database.transaction():
            self.session.fence(self.session.database)
            due.record_analysed(self.session.database, one, found)
        self.failed.pop(one.id, None)

    def _failed(self, one: DueImport, error: SyncError) -> None:
        with self.session.database.transaction():
            self.session.fence(self.session.database)
            due.record_failed(self.session.database, one, str(error))
        self.failed[one.id] = error
        if not isinstance(error, TransientError):
            self.given_up.add(one.id)
        self.is_refused = self.is_refused or isinstance(error, RefusedError)


def _parsed(document: Document) -> list[dict[str, Any]]:
    """What the function is told: the invoice, or nothing of one that is cancelled or denied."""
    if not document.is_authorised:
        return []
    return [credits_document(document.raw_data)]
