"""The notifications that `analyze-credits` makes, one a call with credits: of those of our calls one stays.

A first sync makes hundreds of calls, and a person would read hundreds of times that two credits were found. Which are
ours is told by what the function writes: its title, with the number of credits, and its link, after our first call. Of
each number no more are taken than we made calls, so that one of the user's own analysis stays; and only unread ones.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.postgres.catalog import exists

TABLE = "public.notifications"
LINK = "/analise-notas-fiscais"
_TITLE = re.compile(r"💰 (\d+) créditos? tributários? identificados?!")
_AMOUNT = re.compile(r"R\$\s*[\d.,]*\d")
_FOUND = (
    "select id, title, message from public.notifications as n where user_id = %(user)s and action_url = %(link)s"
    " and not coalesce(read, false) and id <> all(%(known)s)"
    " and not exists (select from sync_private.credit_notifications as k where k.notification_id = n.id)"
    " order by created_at desc, id for update"
)
#: The one that stands for the calls of an earlier sync of that day, if nobody has read it.
_KEPT = (
    "select k.notification_id, k.since from sync_private.credit_notifications as k"
    " join public.notifications as n on n.id = k.notification_id where k.user_id = %(user)s"
    " and not coalesce(n.read, false) and (k.since at time zone 'UTC')::date = (%(since)s at time zone 'UTC')::date"
    " order by k.since limit 1 for update of n"
)
#: As many notifications as there were calls may say this number.
_CALLS = (
    "select (select count(*) from public.identified_credits as c where c.xml_import_id = a.import_id), sum(a.attempts)"
    " from sync_private.credit_analyses as a where a.user_id = %(user)s and a.attempts > 0 group by a.import_id"
)
_FORGET = (
    "delete from sync_private.credit_notifications as k where k.user_id = %(user)s"
    " and not exists (select from public.notifications as n where n.id = k.notification_id)"
)
_TOTAL = (
    "select count(*), coalesce(sum(c.potential_recovery), 0) from sync_private.credit_analyses as a"
    " join public.identified_credits as c on c.xml_import_id = a.import_id"
    " where a.user_id = %(user)s and a.analysed_at >= %(since)s"
)


class _Notification(NamedTuple):
    id: UUID
    title: str
    message: str


def known(connection: postgres.Connection, user_id: UUID) -> list[UUID]:
    """The notifications of the function that the user has."""
    if not exists(connection, TABLE):
        return []
    rows = connection.execute(
        "select id from public.notifications where user_id = %s and action_url = %s", (user_id, LINK)
    ).fetchall()
    return [one for (one,) in rows]


def merge(session: SyncSession) -> None:
    """Leave one notification of those that our calls made, with the number of credits of all of them."""
    connection, user = session.database, session.connection.user_id
    if not exists(connection, TABLE):
        return
    with connection.transaction():
        session.fence(connection)
        row = connection.execute(
            "select since, known from sync_private.credit_runs where user_id = %s", (user,)
        ).fetchone()
        if row is not None:
            _merge(connection, user, since=row[0], known=row[1])
        connection.execute(
            "update sync_private.credit_analyses set attempts = 0 where user_id = %s and attempts > 0",
            (user,),
        )


def _merge(connection: postgres.Connection, user: UUID, *, since: datetime, known: Sequence[UUID]) -> None:
    given: dict[str, object] = {"user": user, "link": LINK, "since": since, "known": list(known)}
    made = _made_by_us(connection, given)
    if not made:
        return
    kept = connection.execute(_KEPT, given).fetchone()
    stays, *others = made
    gone = [one.id for one in others]
    if kept is not None:
        gone.append(kept[0])
        given["since"] = kept[1]
    row = connection.execute(_TOTAL, given).fetchone()
    count, amount = row or (0, Decimal(0))
    connection.execute("delete from public.notifications where id = any(%s)", (gone,))
    connection.execute(_FORGET, given)
    title = _TITLE.sub(lambda found: found[0].replace(found[1], str(count)), stays.title)
    message = _AMOUNT.sub(lambda _: reais(amount), stays.message, count=1)
    connection.execute(
        "update public.notifications set title = %s, message = %s where id = %s", (title, message, stays.id)
    )
    connection.execute(
        "insert into sync_private.credit_notifications (notification_id, user_id, since, credits)"
        " values (%s, %s, %s, %s)",
        (stays.id, user, given["since"], count),
    )


def _made_by_us(connection: postgres.Connection, given: dict[str, object]) -> Sequence[_Notification]:
    """The notifications of our calls, the newest first."""
    calls = Counter[int]()
    for credits, attempts in connection.execute(_CALLS, given).fetchall():
        calls[credits] += attempts
    made = list[_Notification]()
    for row in connection.execute(_FOUND, given).fetchall():
        one = _Notification(*row)
        said = _TITLE.fullmatch(one.title.strip())
        if said is not None and calls[int(said[1])] > 0:
            calls[int(said[1])] -= 1
            made.append(one)
    return made


def reais(amount: Decimal) -> str:
    """An amount as Brazilians write it: R$ 1.234,56."""
    return f"R$ {amount:,.2f}".translate(str.maketrans(",.", ".,"))
