"""process-dre: the figures of each month of `company_dre` whose inputs we changed.

Grain: one call of the function a month of the connection's company, with `dre_id`, where its inputs, its company's CNAE
or regime changed, or its figures are no longer those that the function left. Done means: the inputs are as they were
sent, revenue and profit are what the formula says, no other row changed, and no profile of another company did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from uuid import UUID

from sync_pipelines.erp.analyses import dre_months, profile_kept
from sync_pipelines.erp.analyses.calls import UserCalls
from sync_pipelines.erp.analyses.dre_months import DreMonth
from sync_pipelines.erp.analyses.income_statement import INPUTS, are_equal
from sync_pipelines.erp.analyses.state import State, StateKey, read_states
from sync_pipelines.erp.financials.company import company_of
from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, TransientError
from sync_pipelines.lib.postgres.digest import Proof

#: The check that warns of months that the function cannot store.
MARGINS_FIT = "every_margin_fits"
#: Failures in a row after which the function is taken for down.
GIVE_UP_AFTER = 5
_MARGINS = {
    "calc_margem_bruta": "margem bruta",
    "calc_margem_operacional": "margem operacional",
    "calc_margem_liquida": "margem líquida",
    "calc_ebitda_margin": "margem EBITDA",
}


def lock_of(user_id: UUID) -> int:
    """The advisory lock under which the financials write the months of a user."""
    return postgres.lock_key("erp", "dre", str(user_id))


def process_months(calls: UserCalls, outcome: AnalysisOutcome) -> None:
    """Have each month processed that is due. Raises SyncError for the last that failed, when all were tried."""
    connection, user = calls.database, calls.session.connection.user_id
    states = read_states(connection, user, Analysis.DRE)
    for state in states.values():
        if state.kept is not None:
            calls.heal(partial(profile_kept.put_back, connection, user, state.kept, is_late=True))
    company = company_of(calls.session)
    if isinstance(company, str):
        outcome.status, outcome.message = "skipped", company
        return
    errors: list[SyncError] = []
    # The own company last: its figures and its proof are this sync's.
    left = dre_months.read_companies_left(connection, user, company.id)
    for one in (*left, company.id):
        made = outcome if one == company.id else AnalysisOutcome()
        # Each settles its own calls alone: what was kept of a lost one is put back once more by the next sync.
        own = {
            subject: state
            for subject, state in states.items()
            if state.company_id == one or (one == company.id and state.company_id not in left)
        }
        months = dre_months.read_months(connection, user, one)
        try:
            DreRun(calls, made, one, states=own, months=months).process()
        except SyncError as error:
            errors.append(error)
        outcome.calls += made.calls if made is not outcome else 0
    if errors:
        raise errors[-1]


@dataclass
class DreRun:
    """The calls for the months of one company."""

    calls: UserCalls
    outcome: AnalysisOutcome
    company_id: UUID
    states: Mapping[str, State]
    months: Sequence[DreMonth]
    failed: dict[str, SyncError] = field(default_factory=dict)
    #: Sentences by month.
    too_large: dict[str, str] = field(default_factory=dict)
    processed: int = 0
    #: Failures since the last success.
    in_a_row: int = 0

    @property
    def connection(self) -> postgres.Connection:
        return self.calls.database

    @property
    def user_id(self) -> UUID:
        return self.calls.session.connection.user_id

    def process(self) -> None:
        # Months that failed before come last: they must not keep the others from being processed.
        due = sorted(
            (month for month in self.months if not self._is_processed(month)),
            key=lambda month: self.states.get(str(month.id), State()).has_failed,
        )
        self._settle(due)
        for done, month in enumerate(due):
            self.calls.session.report("process_dre", done=done, total=len(due))
            if month.unusable:
                names = ", ".join(month.unusable)
                self.failed[month.label] = PermanentError(f"{month.label}: no numbers stand in {names}.")
                continue
            if large := month.statement.too_large:
                self.too_large[month.label] = _sentence(month, large)
                continue
            try:
                # The function writes every input: of lines written during the call, it would restore the old.
                with self.calls.holding(lock_of(self.user_id), "the months of company_dre"):
                    self._process(month)
            except RefusedError as error:
                self.failed[month.label] = error
                break
            except SyncError as error:
                self.in_a_row += 1
                self.failed[month.label] = error
                if self.in_a_row >= GIVE_UP_AFTER:
                    break
            else:
                self.processed, self.in_a_row = self.processed + 1, 0
        self._conclude(due)

    def _settle(self, due: Sequence[DreMonth]) -> None:
        called = {str(month.id) for month in due}
        for subject, state in self.states.items():
            if state.kept is not None and subject not in called:
                self.calls.settle(StateKey(self.user_id, Analysis.DRE, subject))

    def _is_processed(self, month: DreMonth) -> bool:
        state = self.states.get(str(month.id), State())
        return state.inputs == month.inputs_digest and state.found == {"figures": month.figures_digest}

    def _process(self, listed: DreMonth) -> None:
        """One call, proved. Raises SyncError."""
        month = self._read(listed.id) or listed
        key = StateKey(self.user_id, Analysis.DRE, str(month.id), company_id=self.company_id)
        today = self.calls.session.clock().astimezone(self.calls.session.zone).date()
        kept = profile_kept.read_kept(
            self.connection,
            self.user_id,
            company_id=self.company_id,
            inputs=month.inputs,
            is_newest=self._is_newest(month, today),
        )
        others = dre_months.read_others(self.connection, self.user_id, month.id)
        self.calls.begin(key, kept)

        def put_back() -> None:
            profile_kept.put_back(self.connection, self.user_id, kept)

        self.calls.call(
            key, lambda: self.calls.functions.process_dre(month.body), self.outcome, put_back=put_back
        )
        live = self._read(month.id)
        changed = others.items() - dre_months.read_others(self.connection, self.user_id, month.id).items()
        if problem := _problem(month, live, others_changed=len(changed)):
            error = TransientError(problem)
            self.calls.fail(key, error, put_back=put_back)
            raise error
        assert live is not None
        found = {"figures": live.figures_digest}
        self.calls.end(key, inputs=month.inputs_digest, found=found, put_back=put_back)

    def _read(self, dre_id: UUID) -> DreMonth | None:
        """A month as it is now; None if its row is gone."""
        months = dre_months.read_months(self.connection, self.user_id, self.company_id)
        return next((one for one in months if one.id == dre_id), None)

    def _is_newest(self, month: DreMonth, today: date) -> bool:
        newest = dre_months.read_newest(self.connection, self.user_id, self.company_id, today=today)
        return newest == (month.year, month.month)

    def _conclude(self, due: Sequence[DreMonth]) -> None:
        self.outcome.figures |= {
            "months": len(self.months),
            "months_processed": self.processed,
            "months_not_processed": len(due) - self.processed,
        }
        self.outcome.message = (
            f"Meses da DRE: {len(self.months)}; processados agora: {self.processed};"
            f" por processar: {len(due) - self.processed}."
        )
        if self.too_large:
            self.outcome.warnings[MARGINS_FIT] = " ".join(self.too_large.values())
        current = len(self.months) - len(due) + self.processed
        self.calls.prove(
            Analysis.DRE,
            # A month that cannot be processed is told, and none that was.
            Proof({"months": str(len(self.months) - len(self.too_large))}, {"months": str(current)}),
        )
        if self.failed:
            error = next(reversed(self.failed.values()))
            self.outcome.message += f" Falhou: {', '.join(self.failed)}."
            raise error


def _problem(month: DreMonth, live: DreMonth | None, others_changed: int) -> str | None:
    """Why a call is no success; None if the row is what the formula says."""
    if live is None:
        return f"After process-dre the row of {month.label} is gone."
    names = [*INPUTS, *(["regime_tributario"] if month.inputs["regime_tributario"] else []), "calcular_auto"]
    if live.body["period"] != month.body["period"]:
        return f"After process-dre the row of {month.label} is of another period."
    if other := [name for name in names if live.inputs[name] != month.inputs[name]]:
        return f"After process-dre {month.label} has other inputs than were sent: {', '.join(other)}."
    meant = month.statement.columns
    if wrong := [name for name, value in meant.items() if not are_equal(live.figures.get(name), value)]:
        return f"process-dre did not store what its formula says of {month.label}: {', '.join(wrong)}."
    if others_changed:
        return f"With {month.label}, {others_changed} other rows of company_dre changed."
    return None


def _sentence(month: DreMonth, margins: Mapping[str, Decimal]) -> str:
    names = ", ".join(f"a {_MARGINS[name]} seria de {_percent(margin)}" for name, margin in margins.items())
    return (
        f"{month.label}: {names}, e a coluna guarda no máximo 999,99 %; o mês não foi processado, e os valores"
        " calculados ficaram como estavam."
    )


def _percent(margin: Decimal) -> str:
    return f"{margin:,.2f} %".translate(str.maketrans(",.", ".,"))
