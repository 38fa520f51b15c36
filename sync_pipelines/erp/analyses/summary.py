"""Today's `credit_analysis_summary` of a user, rebuilt from all of the user's credits.

The function replaces the summary at each call by the figures of that call alone (contract of the ERPs, section 3):
after one call an import, the screen would show the last invoice as the whole. So after the last call of a sync the
summary is built anew, as the function would write it of all credits, and a check compares both. The day is the
function's, in UTC.

`total_xmls_analyzed` counts the authorised invoices that the function has seen: those of ours that are recorded as
analysed, and imports of the application's own upload that have an analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres.catalog import columns_of, exists
from sync_pipelines.lib.postgres.digest import canonical

TABLE = "public.credit_analysis_summary"
#: A call of the application may write credits between our summary and its proof.
_ATTEMPTS = 3
#: From the first to the last day that a summary speaks of.
_PERIOD = timedelta(days=365)
#: The split by tax is the function's own: by the rule of each credit.
_FIGURES: LiteralString = """
select
    coalesce(sum(c.potential_recovery) filter (where r.tax_type ~ 'PIS|COFINS'), 0) as pis_cofins_potential,
    coalesce(sum(c.potential_recovery) filter (where r.tax_type = 'ICMS'), 0) as icms_potential,
    coalesce(sum(c.potential_recovery) filter (where r.tax_type = 'ICMS-ST'), 0) as icms_st_potential,
    coalesce(sum(c.potential_recovery) filter (where r.tax_type = 'IPI'), 0) as ipi_potential,
    coalesce(sum(c.potential_recovery) filter (where c.confidence_level = 'high'), 0) as high_confidence_total,
    coalesce(sum(c.potential_recovery) filter (where c.confidence_level = 'medium'), 0) as medium_confidence_total,
    coalesce(sum(c.potential_recovery) filter (where c.confidence_level = 'low'), 0) as low_confidence_total,
    coalesce(sum(c.potential_recovery), 0) as total_potential,
    (select count(*) from public.xml_imports as i where i.user_id = %(user)s and case
        when exists (select from sync_private.credit_analyses as a where a.import_id = i.id)
        then i.nfe_status = 'autorizada' and exists (
            select from sync_private.credit_analyses as a where a.import_id = i.id and a.analysed is not null)
        else exists (select from public.xml_analysis as a where a.import_id = i.id) end) as total_xmls_analyzed,
    count(*) as credits_found_count
from public.identified_credits as c left join public.credit_rules as r on r.id = c.rule_id
where c.user_id = %(user)s
"""
_FIGURE_NAMES = (
    "pis_cofins_potential",
    "icms_potential",
    "icms_st_potential",
    "ipi_potential",
    "high_confidence_total",
    "medium_confidence_total",
    "low_confidence_total",
    "total_potential",
    "total_xmls_analyzed",
    "credits_found_count",
)
_TOUCHED = (
    "select distinct s.analysis_date from public.credit_analysis_summary as s"
    " join sync_private.credit_runs as r on r.user_id = s.user_id"
    " where s.user_id = %s and s.id <> all(r.known) and s.analysis_date is not null"
)
_FORGET = "delete from sync_private.credit_summaries where user_id = %(user)s and day < %(start)s"
_CLEAR = "delete from public.credit_analysis_summary where user_id = %(user)s and analysis_date = %(day)s"
_BUILT = (
    "insert into sync_private.credit_summaries as t (user_id, day, built_at)"
    " values (%(user)s, %(day)s, clock_timestamp()) on conflict (user_id, day) do update"
    " set built_at = excluded.built_at"
)


def today(session: SyncSession) -> date:
    """The day in UTC, as the function dates its summary."""
    return session.clock().astimezone(UTC).date()


def rebuild(session: SyncSession) -> tuple[str, ...]:
    """Build the summary of each day that calls of ours touched, and of today if ours was replaced.

    Returns what still differs: nothing, unless somebody else's call came between. Raises TransientError if what was
    written is not what was meant.
    """
    connection, user = session.database, session.connection.user_id
    if not exists(connection, TABLE):
        return (f"There is no table {TABLE}.",)
    day = today(session)
    days = {found for (found,) in connection.execute(_TOUCHED, (user,)).fetchall()}
    if is_ours(connection, user, day) and summary_differences(connection, user, day):
        days.add(day)
    for one in sorted(days):
        _build(session, one)
    return summary_differences(connection, user, day) if is_ours(connection, user, day) else ()


def known(connection: postgres.Connection, user_id: UUID) -> list[UUID]:
    """The summaries that the user has."""
    if not exists(connection, TABLE):
        return []
    rows = connection.execute(
        "select id from public.credit_analysis_summary where user_id = %s", (user_id,)
    ).fetchall()
    return [one for (one,) in rows]


def is_ours(connection: postgres.Connection, user_id: UUID, day: date) -> bool:
    """Whether we built the summary of that day: otherwise it is the application's own, and stays as it is."""
    row = connection.execute(
        "select exists (select from sync_private.credit_summaries where user_id = %s and day = %s)",
        (user_id, day),
    ).fetchone()
    return row == (True,)


def summary_differences(connection: postgres.Connection, user_id: UUID, day: date) -> tuple[str, ...]:
    """What differs between the summary of a day and the user's credits, one sentence a column; empty: equal."""
    names = _names(connection)
    query = sql.SQL("select {} from {} where user_id = %s and analysis_date = %s").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), postgres.table(TABLE)
    )
    stored = connection.execute(query, (user_id, day)).fetchall()
    if len(stored) != 1:
        return (f"There are {len(stored)} summaries of {day}.",)
    figures = connection.execute(_FIGURES, {"user": user_id}).fetchone()
    assert figures is not None
    meant = dict(zip(_FIGURE_NAMES, figures, strict=True))
    return tuple(
        f"{name}: {canonical(found) or 'nothing'} in the summary, {canonical(meant[name])} by the credits"
        for name, found in zip(names, stored[0], strict=True)
        if canonical(found) != canonical(meant[name])
    )


def read_differences(connection: postgres.Connection, day: date) -> dict[str, str]:
    """What differs of the summaries of a day that we built, by user; empty: every one is equal."""
    if not exists(connection, TABLE):
        return {}
    users = connection.execute("select user_id from sync_private.credit_summaries where day = %s", (day,))
    found = {str(user): summary_differences(connection, user, day) for (user,) in users.fetchall()}
    return {user: " ".join(sentences) for user, sentences in found.items() if sentences}


def _names(connection: postgres.Connection) -> Sequence[str]:
    """The figures that the table has."""
    live = {column.name for column in columns_of(connection, TABLE)}
    return [name for name in _FIGURE_NAMES if name in live]


def _build(session: SyncSession, day: date) -> None:
    """Replace the summary of a day in one transaction."""
    connection, user = session.database, session.connection.user_id
    live = {column.name for column in columns_of(connection, TABLE)}
    given = {"user": user, "day": day, "start": day - _PERIOD}
    fixed = {
        "user_id": sql.SQL("%(user)s"),
        "analysis_date": sql.SQL("%(day)s"),
        "period_start": sql.SQL("%(start)s"),
        "period_end": sql.SQL("%(day)s"),
    }
    columns = {name: value for name, value in fixed.items() if name in live}
    names = _names(connection)
    statement = sql.SQL("insert into {} ({}) select {} from ({}) as figures").format(
        postgres.table(TABLE),
        sql.SQL(", ").join(map(sql.Identifier, [*columns, *names])),
        sql.SQL(", ").join([*columns.values(), *map(sql.Identifier, names)]),
        sql.SQL(_FIGURES),
    )
    differences: tuple[str, ...] = ()
    for _ in range(_ATTEMPTS):
        with connection.transaction():
            session.fence(connection)
            connection.execute(_CLEAR, given)
            connection.execute(statement, given)
            connection.execute(_BUILT, given)
            connection.execute(_FORGET, given)
            postgres.end_writes(connection)
            if differences := summary_differences(connection, user, day):
                raise psycopg.Rollback
        if not differences:
            return
    raise TransientError(
        f"The summary of {day} is not what was written: {'; '.join(differences)}. Nothing was changed."
    )
