"""One month of `company_dre`: recomputed under a lock, written where it differs, proved before the commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import LiteralString

from psycopg import sql

from sync_pipelines.erp.financials.company import Company
from sync_pipelines.erp.financials.dre_month import MonthPlan, Refusal, is_of, plan_of, row_for
from sync_pipelines.erp.financials.dre_rows import DreRow, holds_several_companies, read_rows
from sync_pipelines.erp.financials.lines import TABLE, column
from sync_pipelines.erp.financials.options import FinancialOptions
from sync_pipelines.erp.financials.statement import MonthStatement, statements
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError

_LOCK: LiteralString = "select pg_advisory_xact_lock(%s)"
_CLAIM: LiteralString = (
    "insert into sync_private.dre_lines as t (dre_id, line, company_id, month, amount, before, connections, written_at)"
    " select %(dre)s, line, %(company)s, %(month)s, amount, before, connections::uuid[], %(now)s"
    " from unnest(%(lines)s::text[], %(amounts)s::numeric[], %(befores)s::numeric[], %(feeders)s::text[])"
    " as s (line, amount, before, connections)"
    " on conflict (dre_id, line) do update set (company_id, month, amount, before, connections, written_at) ="
    " (excluded.company_id, excluded.month, excluded.amount, excluded.before, excluded.connections,"
    " excluded.written_at)"
    " where (t.company_id, t.month, t.amount, t.before, t.connections) is distinct from"
    " (excluded.company_id, excluded.month, excluded.amount, excluded.before, excluded.connections)"
)
_RELEASE: LiteralString = (
    "delete from sync_private.dre_lines where dre_id = %(dre)s and line <> all(%(lines)s)"
)


@dataclass
class Written:
    """What became of a month. `status` is inserted, changed, unchanged or rejected; `lines` is what was proved."""

    status: str
    lines: dict[str, Decimal] = field(default_factory=dict)
    edited: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    orphaned: list[str] = field(default_factory=list)
    refusal: Refusal | None = None


def write_month(session: SyncSession, company: Company, month: date, *, options: FinancialOptions) -> Written:
    """Make a month what the stored titles say, in one transaction.

    Raises SyncError with nothing of it changed: an amount that the table does not hold, a trigger that wrote otherwise.
    """
    database = session.database
    with database.transaction():
        session.fence(database)
        # Two connections of a company, or two companies of a user, are about the same rows.
        database.execute(_LOCK, (postgres.lock_key("erp", "dre", str(company.user_id)),))
        wanted = statements(database, company, options, month=month).get(month, MonthStatement(month))
        rows = read_rows(database, company.user_id, month=month, lock=True).get(month, [])
        row = row_for(
            company, rows, by_company=options.by_company, is_migrated=holds_several_companies(database)
        )
        if isinstance(row, Refusal):
            return Written("rejected", refusal=row)
        is_new = row is None
        if row is None:
            row = _insert(database, company, month)
        plan = plan_of(company, row, wanted)
        if not is_new and not plan.is_needed(row):
            return Written("unchanged", wanted.lines)
        _write(session, company, row, plan=plan)
        postgres.end_writes(database)
        _prove(database, company, row, plan=plan)
    is_changed = bool(plan.lines) or plan.takes_company
    return Written(
        "inserted" if is_new else "changed" if is_changed else "unchanged",
        wanted.lines,
        edited=plan.edited,
        left=plan.left,
        orphaned=plan.orphaned,
    )


def _insert(database: postgres.Connection, company: Company, month: date) -> DreRow:
    """A new row with nothing but whose and when it is, read again as defaults and triggers left it."""
    given: dict[str, object] = {
        "user_id": company.user_id,
        "company_id": company.id,
        "period_type": "monthly",
        "period_year": month.year,
        "period_month": month.month,
        # Without the ERP's word no tax is estimated from a rate.
        "input_calcular_impostos_auto": False,
    }
    if company.regime is not None:
        given["input_regime_tributario"] = company.regime
    statement = sql.SQL("insert into {} ({}) values ({}) on conflict do nothing").format(
        postgres.table(TABLE),
        sql.SQL(", ").join(map(sql.Identifier, given)),
        sql.SQL(", ").join(map(sql.Placeholder, given)),
    )
    database.execute(statement, given)
    rows = read_rows(database, company.user_id, month=month, lock=True).get(month, [])
    found = next((one for one in rows if one.company_id == company.id), None)
    if found is None:
        raise TransientError(
            f"{TABLE}: a new row of {month:%Y-%m} is not there. Somebody made one beside this sync, which the next sync"
            " finds; or a trigger of the application keeps ours out."
        )
    return found


def _write(session: SyncSession, company: Company, row: DreRow, *, plan: MonthPlan) -> None:
    database = session.database
    sets: dict[str, object] = {column(line): amount for line, amount in plan.lines.items()}
    if plan.takes_company:
        sets["company_id"] = company.id
    if sets:
        statement = sql.SQL("update {} set {} where id = %(dre)s").format(
            postgres.table(TABLE),
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in sets
            ),
        )
        database.execute(statement, {**sets, "dre": row.id})
    given = {
        "dre": row.id,
        "company": company.id,
        "month": row.month,
        "now": session.started,
        "lines": list(plan.claims),
        "amounts": [claim.amount for claim in plan.claims.values()],
        "befores": [claim.before for claim in plan.claims.values()],
        "feeders": [postgres.array(sorted(claim.connections)) for claim in plan.claims.values()],
    }
    database.execute(_RELEASE, given)
    database.execute(_CLAIM, given)


def _prove(database: postgres.Connection, company: Company, row: DreRow, *, plan: MonthPlan) -> None:
    """Compare the live row with what it was and what was to change. Raises TransientError where it differs."""
    rows = read_rows(database, company.user_id, month=row.month).get(row.month, [])
    live = next((one for one in rows if one.id == row.id), None)
    if live is None or not is_of(live, company.id):
        raise TransientError(
            f"{TABLE}: the row of {row.month:%Y-%m} is gone, or another company's, after it was written."
        )
    meant = {**row.lines, **plan.lines}
    wrong = [line for line in meant if live.lines[line] != meant[line]]
    if wrong or live.fixed != row.fixed or live.claims != plan.claims:
        names = ", ".join(column(line) for line in wrong) or "another column"
        raise TransientError(
            f"{TABLE}: {names} of {row.month:%Y-%m} is not what was written: a trigger of the application changed it."
            " Nothing of the month was changed."
        )
