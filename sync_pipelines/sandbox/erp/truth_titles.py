"""What `sync_private.titles` must hold of an account: every title of the time as its vendor says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import psycopg

from sync_pipelines.sandbox.erp.title_manners import MANNERS
from sync_pipelines.sandbox.erp.titles import SandboxTitle
from sync_pipelines.sandbox.erp.truth_analysis import compared, rows_of

if TYPE_CHECKING:
    from sync_pipelines.sandbox.erp.truth import Account

#: The stored words for side and state.
SIDES: Final = {"receivable": "receber", "payable": "pagar"}
STATES: Final = {
    "open": "aberto",
    "overdue": "aberto",
    "partial": "parcial",
    "settled": "liquidado",
    "returned": "devolvido",
    "lost": "perdido",
    "cancelled": "cancelado",
    "renegotiated": "renegociado",
}


def titles_of(account: Account) -> list[SandboxTitle]:
    """The titles that are listed by a day of the account's time, or later."""
    manner = MANNERS.get(account.erp_type)
    if manner is None:
        return []
    return [one for one in account.company.titles if manner.listed_on(one) >= account.first]


def title_differences(connection: psycopg.Connection[Any], account: Account) -> Iterator[str]:
    """Every title once, with its dates, amount and state; none that the ERP does not have."""
    rows = rows_of(
        connection,
        "select * from sync_private.titles where connection_id = %s and vanished_at is null and listed_on >= %s",
        account.connection_id,
        account.first,
    )
    held = {(row["side"], row["vendor_id"]): row for row in rows}
    if not titles_of(account):
        yield from (f"{_named(key)} is stored, and the ERP has no titles" for key in held)
        return
    manner = MANNERS[account.erp_type]
    meant = {(SIDES[one.side], manner.id_of(one)): one for one in titles_of(account)}
    for key, title in meant.items():
        if key not in held:
            yield f"{_named(key)} is not stored"
        else:
            yield from compared(_named(key), held[key], _columns(account, title))
    yield from (f"{_named(key)} is stored, and the ERP has none" for key in held.keys() - meant.keys())


def _columns(account: Account, title: SandboxTitle) -> dict[str, Any]:
    manner = MANNERS[account.erp_type]
    listed_on = manner.listed_on(title)
    return {
        "listed_on": listed_on,
        # What is listed later than the current month is read with it.
        "month": min(listed_on, account.last).replace(day=1),
        "competence_month": manner.month_of(title),
        "issued_on": title.issued_on if manner.says_issue else None,
        "due_on": title.due_on,
        "competence": manner.competence_of(title),
        "amount": title.amount,
        "state": STATES[title.state],
        "nfe_key": title.note_key if manner.says_note_key else None,
    }


def _named(key: tuple[str, str]) -> str:
    return f"title {' '.join(key)}"
