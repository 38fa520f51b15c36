"""Which company a connection's analyses are of."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from sync_pipelines.erp.session import SyncSession

_PROFILES: LiteralString = "select id from public.company_profile where user_id = %s order by id limit 2"


def company_of(session: SyncSession) -> UUID | None:
    """The company that the connection names, else the only one of its user; None where that is not known."""
    if session.connection.company_id is not None:
        return session.connection.company_id
    found = session.database.execute(_PROFILES, (session.connection.user_id,)).fetchall()
    return UUID(str(found[0][0])) if len(found) == 1 else None
