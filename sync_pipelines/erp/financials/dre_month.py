"""What a month of `company_dre` has to become: which row it is, which lines change, which go back.

| a line | is |
|---|---|
| fed by titles | what they sum up to; that a person had edited it since is said |
| written by us and fed no more | what stood there before, unless a person edited it since: then that stays |
| written by us for a connection that was removed | as it is: nobody said that it is wrong |
| any other | not touched |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sync_pipelines.erp.financials.company import Company
from sync_pipelines.erp.financials.dre_rows import Claim, DreRow
from sync_pipelines.erp.financials.statement import MonthStatement


class Refusal(StrEnum):
    """Why a month of a company is not written; its titles are stored all the same."""

    #: Another company of the user has the month.
    OTHER_COMPANY = "other_company"
    #: The row names no company and has amounts that we did not write, and the user has several.
    NO_COMPANY = "no_company"
    #: A row a company is wanted, and the table's key does not allow it yet.
    NOT_MIGRATED = "not_migrated"


@dataclass
class MonthPlan:
    """What is to be done with a row: `lines` are set, `claims` are those that we have then."""

    lines: dict[str, Decimal | None] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
    takes_company: bool = False
    #: Lines of ours that a person had edited: written again, or left to the person because nothing feeds them.
    edited: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    #: Lines that are nobody's any more, because the connection that fed them was removed.
    orphaned: list[str] = field(default_factory=list)

    def is_needed(self, row: DreRow) -> bool:
        return bool(self.lines) or self.takes_company or self.claims != row.claims


def row_for(
    company: Company, rows: Sequence[DreRow], *, by_company: bool, is_migrated: bool
) -> DreRow | Refusal | None:
    """The row of a company among those of its user for a month; None for a new one."""
    own = [one for one in rows if one.company_id == company.id]
    if own:
        return own[0]
    nobodys = [one for one in rows if one.company_id is None]
    claimed = [one for one in nobodys if one.is_claimed_by(company.id)]
    if claimed:
        return claimed[0]
    free = [one for one in nobodys if not one.is_claimed_by_another(company.id)]
    usable = [one for one in free if company.is_only or one.is_empty]
    if usable:
        return usable[0]
    if not rows or (by_company and is_migrated):
        return None
    # Another company's row without data: that company lost the connection, or never had a statement of the month.
    if empty := [one for one in rows if one.is_empty and not one.claims]:
        return empty[0]
    if by_company:
        return Refusal.NOT_MIGRATED
    return Refusal.NO_COMPANY if len(free) == len(rows) else Refusal.OTHER_COMPANY


def plan_of(company: Company, row: DreRow, wanted: MonthStatement) -> MonthPlan:
    """What a row has to become for the lines that the titles feed."""
    plan = MonthPlan(takes_company=row.company_id != company.id)
    for line, amount in wanted.lines.items():
        stored, claim = row.lines[line], row.claims.get(line)
        if stored != amount:
            plan.lines[line] = amount
            if claim is not None and stored != claim.amount:
                plan.edited.append(line)
        before = claim.before if claim is not None else stored
        plan.claims[line] = Claim(company.id, amount, before, connections=frozenset(wanted.feeders[line]))
    for line, claim in row.claims.items():
        if line in wanted.lines or line not in row.lines:
            continue
        if not claim.connections & company.connections_of_user:
            plan.orphaned.append(line)
        elif row.lines[line] == claim.amount:
            if claim.before != claim.amount:
                plan.lines[line] = claim.before
        else:
            plan.left.append(line)
    return plan


def is_of(row: DreRow, company: UUID) -> bool:
    """Whether a month is the company's: it says so, or we wrote it for it."""
    return row.company_id == company or row.is_claimed_by(company)
