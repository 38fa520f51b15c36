"""Synthetic export rows with the measured profile of the real export, the same for the same seed.

Moving `last` forward appends months and changes no row of an earlier one, as closing a month does there.
"""

from random import Random

from sync_pipelines.sandbox.hitss.company import invent_company
from sync_pipelines.sandbox.hitss.layout import CLIENTE, HEADERS, Cell, Row, month_number
from sync_pipelines.sandbox.hitss.lifecycle import live_months, staff
from sync_pipelines.sandbox.hitss.orcado import Budget
from sync_pipelines.sandbox.hitss.profile import ExportProfile, plan_months
from sync_pipelines.sandbox.hitss.realizado import Ledger

__all__ = ["HEADERS", "Cell", "ExportProfile", "Row", "generate"]


def generate(profile: ExportProfile) -> list[Row]:
    """The Realizado block, then the Orçado block; inside each, rows are grouped by client and no further."""
    first, last = month_number(profile.first), month_number(profile.last)
    company = invent_company(profile.seed, profile.scale)
    months = live_months(profile.seed, company, plan_months(profile))
    ledger = Ledger(
        seed=profile.seed, scale=profile.scale, company=company, teams=staff(profile.seed, company, months)
    )
    budget = Budget(profile.seed, company)
    realizado: list[Row] = []
    orcado: list[Row] = []
    for month in months:
        if month.plan.month > last:
            break
        # Months before the window are drawn too: later months take back what these have posted.
        posted, budgeted = ledger.rows(month), budget.rows(month)
        if month.plan.month >= first:
            realizado += posted
            orcado += budgeted
    return _by_client(realizado, profile.seed) + _by_client(orcado, profile.seed)


def _by_client(rows: list[Row], seed: int) -> list[Row]:
    Random(f"{seed}/order").shuffle(rows)
    return sorted(rows, key=lambda row: str(row[CLIENTE]))
