"""Which imports of a user `analyze-credits` has not seen as they are now, and what it is given of each.

`wanted` is written by whoever stores an invoice, in the same transaction. An import is due while `analysed` is another
content: a call that was cut off, or not recorded, is made again, which replaces the credits of the import. It is due
as well while its stored credits are not those that the function left: somebody deleted some, or changed an amount. What
a person notes on a credit is no change.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from sync_pipelines.erp.vendors.vendor import InvoiceState
from sync_pipelines.lib import postgres

CREDITS = "public.identified_credits"
_IDS: LiteralString = (
    "array(select c.id from public.identified_credits as c"
    " where c.xml_import_id = i.id and c.user_id = i.user_id)"
)
#: The rule and the amount of each credit of an import.
_DIGEST: LiteralString = (
    "md5(coalesce(string_agg(concat(c.rule_id, '|', c.potential_recovery), ',' order by c.rule_id,"
    " c.potential_recovery), ''))::uuid"
)
#: Beside each import what is stored of it now.
_ANALYSES: LiteralString = (
    " from sync_private.credit_analyses as w left join (select c.xml_import_id, "
    + _DIGEST
    + " as digest from public.identified_credits as c where c.user_id = %(user)s group by c.xml_import_id) as live"
    " on live.xml_import_id = w.import_id"
)
_IS_ANALYSED: LiteralString = (
    "(w.analysed is not distinct from w.wanted"
    " and w.found is not distinct from coalesce(live.digest, md5('')::uuid))"
)
_DUE: LiteralString = (
    "select w.import_id, w.wanted"
    + _ANALYSES
    + " join public.xml_imports as i on i.id = w.import_id where w.user_id = %(user)s and not "
    + _IS_ANALYSED
    + " and w.import_id <> all(%(without)s) order by w.error is not null, i.issue_date, w.import_id"
)
_COUNT: LiteralString = (
    "select count(*), count(*) filter (where "
    + _IS_ANALYSED
    + ")"
    + _ANALYSES
    + " where w.user_id = %(user)s"
)
_OWN_WAITING: LiteralString = (
    "select count(*)"
    + _ANALYSES
    + " where w.user_id = %(user)s and w.connection_id = %(connection)s and ("
    + _IS_ANALYSED
    + ") is not true"
)
_DOCUMENT = (
    "select i.nfe_status, (select a.raw_data from public.xml_analysis as a where a.import_id = i.id"
    f" order by a.id limit 1), {_IDS} from public.xml_imports as i where i.id = %s and i.user_id = %s"
)
_FOUND = (
    f"select {_IDS}, (select {_DIGEST} from public.identified_credits as c where c.xml_import_id = i.id"
    " and c.user_id = i.user_id) from public.xml_imports as i where i.id = %s"
)
_SURPLUS: LiteralString = (
    "select a.import_id from sync_private.credit_analyses as a join (select c.xml_import_id, count(*) as stored"
    " from public.identified_credits as c where c.user_id = %(user)s group by c.xml_import_id) as found"
    " on found.xml_import_id = a.import_id where a.user_id = %(user)s and a.analysed is not null"
    " and found.stored > a.credits"
)
_WANT_AGAIN = f"update sync_private.credit_analyses set analysed = null where import_id in ({_SURPLUS})"
_BEGIN = (
    "insert into sync_private.credit_runs (user_id, since, known) values (%s, clock_timestamp(), %s)"
    " on conflict (user_id) do nothing"
)
_ATTEMPT = (
    "update sync_private.credit_analyses set attempts = least(attempts, 999999) + 1 where import_id = %s"
)
_ANALYSED = (
    "update sync_private.credit_analyses set analysed = %(wanted)s, analysed_at = clock_timestamp(),"
    " credits = %(credits)s, found = %(found)s, error = null where import_id = %(import)s"
)
_FAILED = "update sync_private.credit_analyses set error = %(error)s where import_id = %(import)s"


class DueImport(NamedTuple):
    """An import and the content that is to be analysed."""

    id: UUID
    wanted: UUID


class Found(NamedTuple):
    """The stored credits of an import, and the digest by which they are known again."""

    ids: frozenset[UUID]
    digest: UUID


#: Of an import without credits.
NOTHING = Found(frozenset(), UUID("d41d8cd98f00b204e9800998ecf8427e"))


class Document(NamedTuple):
    """An import as the function is to see it; `raw_data` is JSON as it is stored, None where there is none."""

    is_authorised: bool
    raw_data: Any
    #: The credits of it that are stored: a cancelled invoice must have none, and each call makes new ones.
    credits: frozenset[UUID]


def read_due(
    connection: postgres.Connection, user_id: UUID, without: Collection[UUID] = ()
) -> list[DueImport]:
    """The due imports of a user, the oldest invoice first, and after them those that failed before."""
    rows = connection.execute(_DUE, {"user": user_id, "without": list(without)}).fetchall()
    return [DueImport(*row) for row in rows]


def read_document(connection: postgres.Connection, import_id: UUID, user_id: UUID) -> Document | None:
    """None if the user has the import no more."""
    row = connection.execute(_DOCUMENT, (import_id, user_id)).fetchone()
    if row is None:
        return None
    status, raw_data, credits = row
    return Document(status == InvoiceState.AUTHORISED, raw_data, frozenset(credits))


def read_credits(connection: postgres.Connection, import_id: UUID) -> Found:
    """The credits of an import that its user has."""
    row = connection.execute(_FOUND, (import_id,)).fetchone()
    return Found(frozenset(row[0]), row[1]) if row else NOTHING


def count_analysed(connection: postgres.Connection, user_id: UUID) -> tuple[int, int]:
    """The imports of a user that are to be analysed, and those that are, as they and their credits are now."""
    row = connection.execute(_COUNT, {"user": user_id}).fetchone()
    wanted, analysed = row or (0, 0)
    return int(wanted), int(analysed)


def count_waiting(connection: postgres.Connection, user_id: UUID, connection_id: UUID) -> int:
    """The imports of one connection that are not analysed: another's are its own sync's, maybe just now."""
    row = connection.execute(_OWN_WAITING, {"user": user_id, "connection": connection_id}).fetchone()
    return int(row[0]) if row else 0


def want_surplus_again(connection: postgres.Connection, user_id: UUID) -> None:
    """Make imports due that have more credits than the function said.

    A call whose connection was lost may still go on, and insert after the call that was made in its place. Fewer, or
    other ones, are found by their digest.
    """
    connection.execute(_WANT_AGAIN, {"user": user_id})


def count_surplus(connection: postgres.Connection, user_id: UUID) -> int:
    """The imports that have more credits than the function said."""
    return len(connection.execute(_SURPLUS, {"user": user_id}).fetchall())


def begin_calls(connection: postgres.Connection, user_id: UUID, known: Sequence[UUID]) -> None:
    """Note that calls for the user begin, unless those of a run that was cut off are still to be tidied.

    `known` are the summaries and notifications that were there before.
    """
    connection.execute(_BEGIN, (user_id, list(known)))


def end_calls(connection: postgres.Connection, user_id: UUID) -> None:
    """Note that what the calls for the user left is tidied."""
    connection.execute("delete from sync_private.credit_runs where user_id = %s", (user_id,))


def record_attempt(connection: postgres.Connection, one: DueImport) -> None:
    """Before a call: if its answer is lost, its notification is recognised all the same."""
    connection.execute(_ATTEMPT, (one.id,))


def record_analysed(connection: postgres.Connection, one: DueImport, found: Found) -> None:
    """The effect of a call was seen. If the content changed meanwhile, the import stays due."""
    given = {"import": one.id, "wanted": one.wanted, "credits": len(found.ids), "found": found.digest}
    connection.execute(_ANALYSED, given)


def record_failed(connection: postgres.Connection, one: DueImport, sentence: str) -> None:
    connection.execute(_FAILED, {"import": one.id, "error": sentence})
