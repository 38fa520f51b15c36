"""What a person should know of a database beside the plan: rows that are not ours, and roles that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

from sync_pipelines.lib import postgres
from sync_pipelines.lib.findings import Finding
from sync_pipelines.migrations.history import History
from sync_pipelines.migrations.items import API_ROLES
from sync_pipelines.migrations.live import Live


def about_rows(connection: postgres.Connection, live: Live, history: History) -> Iterator[Finding]:
    """Rows of the application's tables that a load or a run meets."""
    if "public.dre_hitss" in live.relations:
        yield from _foreign_rows(connection, live, history)
    if "public.automation_executions" in live.relations and (
        stuck := _count(
            connection,
            "select count(*) from public.automation_executions"
            " where status = 'running' and started_at < now() - interval '1 hour'",
        )
    ):
        yield Finding(
            True,
            f"public.automation_executions has {stuck} rows that are `running` for more than an hour: the"
            " reaper closes those without a living worker as failed",
        )


def _foreign_rows(connection: postgres.Connection, live: Live, history: History) -> Iterator[Finding]:
    """Rows of dre_hitss that are not ours: a load sets them aside when told so, the mirror lets them be."""
    mirrored = history.name == "hitss"
    mark, foreign = ("sync_source", "is distinct from 'fabricio'") if mirrored else ("line_hash", "is null")
    query: LiteralString = "select count(*) from public.dre_hitss"
    if mark in live.relations["public.dre_hitss"].columns:
        query += f" where {mark} {foreign}"
    count = _count(connection, query)
    if count and mirrored:
        yield Finding(
            True,
            f"public.dre_hitss holds {count} rows that the mirror did not bring: they are never touched, but"
            " for those equal to a source row, which the first mirror of their month adopts",
        )
    elif count:
        yield Finding(
            False,
            f"public.dre_hitss holds {count} rows that this pipeline did not load: they stay, and stop"
            " the load until a person accepts it with no_foreign_rows, which sets them aside",
        )


def about_roles(live: Live) -> Iterator[Finding]:
    """The roles of the API that the server lacks."""
    absent = [role for role in API_ROLES if role not in live.roles]
    if absent:
        yield Finding(
            True,
            f"the server has no role {', '.join(absent)} (Supabase has all three): grants to it are skipped",
        )


def _count(connection: postgres.Connection, query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
