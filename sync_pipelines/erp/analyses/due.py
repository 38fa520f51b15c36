"""Which imports of a user `analyze-credits` has not seen as they are now, and what it is given of each.

`wanted` is written by whoever stores an invoice, in the same transaction. An import is due while `analysed` is another
content: a call that was cut off, or not recorded, is made again, which replaces the credits of the import.
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
_DUE = (
    "select import_id, wanted from sync_private.credit_analyses join public.xml_imports as i on i.id = import_id"
    " where credit_analyses.user_id = %s and analysed is distinct from wanted and import_id <> all(%s)"
    " order by error is not null, i.issue_date, import_id"
)
_DOCUMENT = (
    "select i.nfe_status, (select a.raw_data from public.xml_analysis as a where a.import_id = i.id"
    f" order by a.created_at desc limit 1), {_IDS} from public.xml_imports as i where i.id = %s"
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
_ATTEMPT = "update sync_private.credit_analyses set attempts = attempts + 1 where import_id = %s"
_ANALYSED = (
    "update sync_private.credit_analyses set analysed = %(wanted)s, analysed_at = clock_timestamp(),"
    " credits = %(credits)s, error = null where import_id = %(import)s"
)
_FAILED = "update sync_private.credit_analyses set error = %(error)s where import_id = %(import)s"


class DueImport(NamedTuple):
    """An import and the content that is to be analysed."""

    id: UUID
    wanted: UUID


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
    rows = connection.execute(_DUE, (user_id, list(without))).fetchall()
    return [DueImport(*row) for row in rows]


def read_document(connection: postgres.Connection, import_id: UUID) -> Document | None:
    """None if the import is gone."""
    row = connection.execute(_DOCUMENT, (import_id,)).fetchone()
    if row is None:
        return None
    status, raw_data, credits = row
    return Document(status == InvoiceState.AUTHORISED, raw_data, frozenset(credits))


def read_credits(connection: postgres.Connection, import_id: UUID) -> frozenset[UUID]:
    """The credits of an import that its user has."""
    row = connection.execute(
        f"select {_IDS} from public.xml_imports as i where i.id = %s", (import_id,)
    ).fetchone()
    return frozenset(row[0]) if row else frozenset()


def count_analysed(connection: postgres.Connection, user_id: UUID) -> tuple[int, int]:
    """The imports of a user that are to be analysed, and those that are, as they are now."""
    row = connection.execute(
        "select count(*), count(*) filter (where analysed = wanted) from sync_private.credit_analyses"
        " where user_id = %s",
        (user_id,),
    ).fetchone()
    wanted, analysed = row or (0, 0)
    return int(wanted), int(analysed)


def want_surplus_again(connection: postgres.Connection, user_id: UUID) -> None:
    """Make imports due that have more credits than the function said.

    A call whose connection was lost may still go on, and insert after the call that was made in its place. Fewer are
    a person's deletion, which is left alone.
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


def record_analysed(connection: postgres.Connection, one: DueImport, credits: int) -> None:
    """The effect of a call was seen. If the content changed meanwhile, the import stays due."""
    connection.execute(_ANALYSED, {"import": one.id, "wanted": one.wanted, "credits": credits})


def record_failed(connection: postgres.Connection, one: DueImport, sentence: str) -> None:
    connection.execute(_FAILED, {"import": one.id, "error": sentence})
