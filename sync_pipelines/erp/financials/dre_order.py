"""Which month of `company_dre` the application takes for the newest: the row that was made last.

`calculate-tax-score` reads the row with the latest `created_at` (contract of the ERPs, section 3). A month that a
backfill brings, or one to come whose titles are known today, is made after the current month's row, so the score would
be of that month; and a month that was to come has its row already when it begins. So where a row of ours was made last
and is not the company's newest month that has begun, that one's row is dated anew. A row that a person or another
company made last stays the last.
"""

from __future__ import annotations

from typing import LiteralString

from sync_pipelines.erp.financials.company import Company
from sync_pipelines.erp.financials.extract import current_month
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError

#: The user's row made last, if we wrote it for the company, beside that of the company's newest month that has begun.
_MISPLACED: LiteralString = """
with dated as (
    select d.id, d.created_at, d.period_year, d.period_month,
        exists (select from sync_private.dre_lines as l where l.dre_id = d.id and l.company_id = %(company)s)
            and d.period_type = 'monthly' and d.period_month between 1 and 12 as is_ours
    from public.company_dre as d where d.user_id = %(user)s
),
latest as (select * from dated order by created_at desc limit 1),
newest as (
    select * from dated where is_ours and (period_year, period_month) <= (%(year)s, %(month)s)
    order by period_year desc, period_month desc, created_at desc limit 1
)
select n.id, l.created_at from newest as n cross join latest as l where l.is_ours and isfinite(l.created_at)
    and (l.period_year, l.period_month) <> (n.period_year, n.period_month)
"""
_DATE: LiteralString = (
    "update public.company_dre set created_at = greatest(clock_timestamp(), %(latest)s + interval '1 microsecond')"
    " where id = %(dre)s"
)


def date_newest(session: SyncSession, company: Company) -> None:
    """Make the newest month that has begun the one that was made last. Raises TransientError if it is not then."""
    database, current = session.database, current_month(session)
    given: dict[str, object] = {
        "user": company.user_id,
        "company": company.id,
        "year": current.year,
        "month": current.month,
    }
    if database.execute(_MISPLACED, given).fetchone() is None:
        return
    with database.transaction():
        session.fence(database)
        database.execute(
            "select pg_advisory_xact_lock(%s)", (postgres.lock_key("erp", "dre", str(company.user_id)),)
        )
        if (row := database.execute(_MISPLACED, given).fetchone()) is None:
            return
        dre, latest = row
        database.execute(_DATE, {"dre": dre, "latest": latest})
        postgres.end_writes(database)
        if database.execute(_MISPLACED, given).fetchone() is not None:
            raise TransientError(
                "public.company_dre: the row of the newest month could not be made the last one: a trigger of the"
                " application changed its created_at. The tax score reads another month."
            )
